"""Visits for a calendar: one as a file, those of a record as a subscription."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Select, and_, select
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.calendar import CalendarVisit, calendar_file
from clinic.household import Relation
from clinic.queries.fragments import stands
from clinic.tables import Access, Appointment, Branch, CalendarFeed, Clinic, Patient
from core.database import Reading
from identity.secrets import Secrets

MOST_VISITS = 500
_LOOKS_BACK = timedelta(days=90)


async def one_visit(reading: Reading, patient_id: UUID, appointment_id: UUID, language: str | None) -> bytes | None:
    """A calendar with one visit of this patient, in the language of who asks, or the patient's."""
    statement = _visits().where(col(Appointment.id) == appointment_id, col(Appointment.patient_id) == patient_id)
    return await _calendar(reading, statement, patient_id, language)


async def feed(reading: Reading, secrets: Secrets, clinic_id: UUID, token: str, now: datetime) -> bytes | None:
    """The calendar behind a secret address, in the patient's language; None where it was revoked.

    Nothing is shown where its account may not open the record, and what is private only to the patient.
    """
    digest = secrets.keyed_hash(f"calendar {clinic_id}", token)
    same = and_(
        col(Access.clinic_id) == CalendarFeed.clinic_id,
        col(Access.account_id) == CalendarFeed.account_id,
        col(Access.patient_id) == CalendarFeed.patient_id,
    )
    statement = (
        select(col(CalendarFeed.patient_id), col(Access.relation))
        .join(Access, same)
        .where(col(CalendarFeed.clinic_id) == clinic_id, col(CalendarFeed.token_hash) == digest)
        .where(col(CalendarFeed.revoked_at).is_(None), stands(now))
    )
    found = (await reading.execute(statement)).one_or_none()
    if found is None:
        return None
    shown = _visits().where(
        col(Appointment.patient_id) == found.patient_id, col(Appointment.ends_at) > now - _LOOKS_BACK
    )
    if found.relation != Relation.SELF.value:
        shown = shown.where(col(Appointment.private).is_(False))
    ordered = shown.order_by(col(Appointment.starts_at), col(Appointment.id)).limit(MOST_VISITS)
    return await _calendar(reading, ordered, found.patient_id, empty=True)


def _visits() -> Select[Appointment, Branch]:
    same_branch = and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id)
    return select(Appointment, Branch).join(Branch, same_branch)


async def _calendar(
    reading: Reading,
    statement: Select[Appointment, Branch],
    patient_id: UUID,
    asked: str | None = None,
    *,
    empty: bool = False,
) -> bytes | None:
    visits = [_visit(visit, branch) for visit, branch in (await reading.execute(statement))]
    if not visits and not empty:
        return None
    whose = (
        select(col(Clinic.name), col(Patient.language))
        .join(Patient, col(Patient.clinic_id) == Clinic.clinic_id)
        .where(col(Patient.id) == patient_id)
    )
    clinic, language = (await reading.execute(whose)).one()
    return calendar_file(clinic, asked or language, visits)


def _visit(visit: Appointment, branch: Branch) -> CalendarVisit:
    return CalendarVisit(
        appointment_id=visit.id,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        zone=branch.zone,
        status=AppointmentStatus(visit.status),
        sequence=visit.ical_sequence,
        changed_at=visit.changed_at,
        branch=branch.name,
        address=branch.address,
    )
