"""The demo's household: Anna acts for Giulia, who is sixteen and keeps one visit to herself."""

from datetime import date, datetime, timedelta
from uuid import UUID

from clinic.commands import keep_private, take_appointments, take_guardians
from clinic.facts import AppointmentFact, GuardianFact
from clinic.queries import named_patients
from core.database import Writing
from core.events import SYSTEM
from enamel.demo.people import local_moment

ROME, MOTHER, WARD = "Roma Centro", "+393471200001", "giulia"


async def found_household(writing: Writing, clinic_id: UUID, system: str, now: datetime) -> None:
    """After Anna has her own record: the clinic's system says she is Giulia's guardian, and that opens it at once."""
    giulia = (await named_patients(writing, system, {WARD}))[WARD].id
    guardian = GuardianFact(external_id="anna-giulia", version=1, patient=WARD, phone=MOTHER)
    await take_guardians(writing, clinic_id, system, [(0, guardian)], SYSTEM, now)
    today = now.date()
    visits = [
        _visit("braces", today + timedelta(days=20), "Controllo apparecchio"),
        _visit("private", today + timedelta(days=4), "Consulto riservato"),
    ]
    booked, _ = await take_appointments(writing, clinic_id, system, list(enumerate(visits)), SYSTEM, now)
    await keep_private(writing, clinic_id, giulia, "appointment", booked[1].id, SYSTEM, now, private=True)


def _visit(name: str, day: date, service: str) -> AppointmentFact:
    starts_at = local_moment(day, 16, ROME)
    ends_at = starts_at + timedelta(minutes=30)
    return AppointmentFact(
        external_id=f"giulia-{name}", version=1, patient=WARD, branch=ROME, starts_at=starts_at, ends_at=ends_at,
        service=service, practitioner="Dr. Bianchi",
    )  # fmt: skip
