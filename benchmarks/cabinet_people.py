"""The people of the cabinet benchmark: two clinics, patients with 32 charted teeth, plans, pictures, a visit."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
from cabinet.account_facts import LedgerFact
from cabinet.commands.account import take_ledger
from cabinet.commands.chart import take_findings
from cabinet.commands.plans import take_plans
from cabinet.commands.promotions import take_promotions
from cabinet.facts import FindingFact
from cabinet.plan_facts import PlanFact
from cabinet.promotion_facts import PromotionFact
from cabinet.tables.documents import Document
from cabinet.tables.loyalty import PointAccount, PointLot
from cabinet.tooth import PERMANENT
from clinic.commands import found_clinic, grant_access, open_branch, take_appointments, take_patients
from clinic.facts import AppointmentFact, PatientFact
from core.clock import now
from core.database import NOBODY, Database, Scope, Writing, asyncpg_url
from core.events import SYSTEM
from core.ids import new_id
from core.schema import create_schema
from identity.commands import Device, Keys, account_of_phone, open_session
from identity.sign_in import Audience
from media.tables import Picture

assert api.app  # every package's tables are known once the whole API is imported

CLINICS, PATIENTS_EACH, STAGES, ITEMS = 2, 30, 5, 4
SECRET = "a secret for the benchmark only, long"
_OCCLUSAL = "45678"


@dataclass(frozen=True, slots=True)
class Person:
    clinic_id: UUID
    patient_id: UUID
    token: str


async def settled(url: str) -> list[Person]:
    """Make the schema and everybody in it; statistics are fresh afterwards."""
    owner = create_async_engine(asyncpg_url(url), isolation_level="AUTOCOMMIT")
    async with owner.connect() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    database, keys = Database(url), Keys(SECRET)
    people = [person for clinic in range(CLINICS) for person in await _clinic(database, keys, clinic)]
    await database.close()
    async with owner.connect() as connection:
        await connection.execute(text("vacuum analyze"))
    await owner.dispose()
    return people


async def _clinic(database: Database, keys: Keys, number: int) -> list[Person]:
    clinic_id, at = new_id(), now()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, f"Clinic {number}", "IT", "EUR", "it", at)
        await open_branch(writing, clinic_id, "Centro", "Europe/Rome")
        patients, faults = await take_patients(writing, clinic_id, "mis", _numbered(_patient), SYSTEM, at)
        assert not faults
    ids = [one.id for one in patients]
    await _furnish(database, clinic_id, ids)
    return [await _signed_in(database, keys, clinic_id, patient_id, f"+39025{number}5{place:04}")
            for place, patient_id in enumerate(ids)]  # fmt: skip


async def _furnish(database: Database, clinic_id: UUID, patients: list[UUID]) -> None:
    at = now()
    async with database.writing(Scope(clinic_id)) as writing:
        findings = [fact for number in range(PATIENTS_EACH) for fact in _findings(number)]
        for begin in range(0, len(findings), 1_000):
            batch = list(enumerate(findings[begin : begin + 1_000]))
            _, faults = await take_findings(writing, clinic_id, "mis", batch, SYSTEM, at)
            assert not faults
        await take_plans(writing, clinic_id, "mis", _numbered(_plan), SYSTEM, at)
        await take_appointments(writing, clinic_id, "mis", _numbered(_visit), SYSTEM, at)
        await take_promotions(writing, clinic_id, "mis", [(place, _promotion(place)) for place in range(3)], SYSTEM, at)
        await take_ledger(writing, clinic_id, "mis", list(enumerate(_books())), SYSTEM, at)
        await _add_pictures(writing, clinic_id, patients)
        await _add_papers(writing, clinic_id, patients)


def _numbered(make: Any) -> list[tuple[int, Any]]:
    return [(number, make(number)) for number in range(PATIENTS_EACH)]


def _patient(number: int) -> PatientFact:
    return PatientFact(
        external_id=f"p{number}", branch="Centro", given_name="Anna", family_name=f"Rossi {number}",
        birth_date=date(1980, 1, 1 + number % 28), language="it",
    )  # fmt: skip


def _findings(number: int) -> list[FindingFact]:
    """One finding on each of the 32 teeth; molars and premolars on the chewing surface."""
    return [
        FindingFact.model_validate(
            {
                "external_id": f"f{number}-{tooth}", "patient": f"p{number}", "notation": "fdi", "tooth": tooth,
                "code": "caries" if (number + place) % 3 else "filling", "observed_on": date(2026, 1, 9),
                "surfaces": ["O", "M"] if tooth[1] in _OCCLUSAL else ["M"],
            }
        )
        for place, tooth in enumerate(PERMANENT)
    ]  # fmt: skip


def _plan(number: int) -> PlanFact:
    price = {"amount_minor": 12_050 + number, "currency": "EUR"}
    items = [
        {"name": f"Restoration {place}", "notation": "fdi", "tooth": PERMANENT[place], "surfaces": ["M", "O"],
         "unit_price": price, "discount_basis_points": 333, "status": "accepted"}
        for place in range(ITEMS)
    ]  # fmt: skip
    stages = [{"title": f"Stage {place}", "visits": 2, "items": items} for place in range(STAGES)]
    told = {"external_id": f"plan{number}", "patient": f"p{number}", "title": "Restorations", "currency": "EUR"}
    return PlanFact.model_validate({**told, "group": "g", "status": "accepted", "stages": stages})


def _visit(number: int) -> AppointmentFact:
    start = now() + timedelta(days=7)
    return AppointmentFact(
        external_id=f"v{number}", patient=f"p{number}", starts_at=start, ends_at=start + timedelta(hours=1),
        service="Hygiene", practitioner="Dr. Bianchi",
    )  # fmt: skip


def _promotion(number: int) -> PromotionFact:
    texts = [{"language": "it", "title": f"Offerta {number}", "terms": "Fino alla fine."}]
    period = {"starts_on": date(2020, 1, 1), "ends_on": date(2120, 1, 1)}
    return PromotionFact.model_validate({"external_id": f"o{number}", "texts": texts, **period})


def _books() -> list[LedgerFact]:
    """Four charges and two payments each."""
    kinds = ("charge", "charge", "payment", "charge", "payment", "charge")
    return [
        LedgerFact.model_validate(
            {
                "external_id": f"e{number}-{place}", "patient": f"p{number}", "kind": kind, "text": "Otturazione",
                "amount": {"amount_minor": 5_000 + place, "currency": "EUR"}, "posted_on": date(2026, 1, 9),
            }
        )
        for number in range(PATIENTS_EACH)
        for place, kind in enumerate(kinds)
    ]  # fmt: skip


async def _add_papers(writing: Writing, clinic_id: UUID, patients: list[UUID]) -> None:
    """A consent that waits to be signed, and some points."""
    at = now()
    papers = [
        {
            "clinic_id": clinic_id, "id": new_id(), "source": "enamel", "external_id": str(one), "source_version": 0,
            "content_hash": "", "changed_at": at, "patient_id": one, "kind": "consent", "title": "Consenso",
            "asks": "sign", "state": "sent", "sent_at": at, "private": False,
        }
        for one in patients
    ]  # fmt: skip
    await writing.execute(insert(Document), papers)
    points = [{"clinic_id": clinic_id, "patient_id": one, "balance": 120} for one in patients]
    await writing.execute(insert(PointAccount), points)
    lot = {"clinic_id": clinic_id, "points": 120, "left_points": 120, "expires_at": at + timedelta(days=90)}
    lots = [{**lot, "id": new_id(), "patient_id": one} for one in patients]
    await writing.execute(insert(PointLot), lots)


async def _add_pictures(writing: Writing, clinic_id: UUID, patients: list[UUID]) -> None:
    at = now()
    common = {
        "clinic_id": clinic_id, "state": "ready", "media_type": "image/jpeg", "size_bytes": 1, "sha256": "0" * 64,
        "width": 1024, "height": 768, "taken_on": date(2026, 1, 9), "uploaded_at": at, "ready_at": at,
        "released_at": at, "attempts": 1,
    }  # fmt: skip
    kinds = ("xray", "xray", "photo", "photo")
    rows = [{**common, "id": new_id(), "patient_id": one, "kind": kind} for one in patients for kind in kinds]
    await writing.execute(insert(Picture), rows)


async def _signed_in(database: Database, keys: Keys, clinic_id: UUID, patient_id: UUID, phone: str) -> Person:
    at = now()
    async with database.writing(NOBODY) as writing:
        account_id = await account_of_phone(writing, phone, at)
    async with database.writing(Scope(clinic_id)) as writing:
        await grant_access(writing, clinic_id, account_id, patient_id, "self", at)
        device = Device(f"phone-of-{phone}")
        pair = await open_session(writing, keys, Audience.PATIENT, account_id, clinic_id, device, at)
    return Person(clinic_id, patient_id, pair.access_token)
