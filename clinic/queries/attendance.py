"""Who came: visits that took place, whether somebody was here before, and whether two records share a household."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.tables import Access, Appointment, Patient
from core.database import Reading
from core.events import Event

LOOK_BACK = timedelta(days=30)
"""How late a completed visit may be told and still count."""
_COMPLETED = AppointmentStatus.COMPLETED


def completed_visits(since: datetime) -> Select[UUID, UUID, UUID, datetime, datetime]:
    """SQL: (clinic_id, patient_id, appointment_id, starts_at, at) of visits told as completed from `since` on.

    `at` is when that was told. A visit that itself lies before `since` is left out: it was told late.
    """
    appointment_id: ColumnElement[UUID] = col(Appointment.id).label("appointment_id")
    row = select(
        col(Event.clinic_id),
        col(Appointment.patient_id),
        appointment_id,
        col(Appointment.starts_at),
        col(Event.at),
    )
    return row.join(
        Appointment, and_(col(Appointment.clinic_id) == Event.clinic_id, col(Appointment.id) == Event.subject_id)
    ).where(
        col(Event.kind) == f"appointment.{_COMPLETED.value}",
        col(Event.at) >= since,
        col(Appointment.starts_at) >= since,
        col(Appointment.status) == _COMPLETED.value,
    )


async def was_here(reading: Reading, patient_id: UUID) -> bool:
    """Whether any visit of this patient took place."""
    took_place = exists().where(col(Appointment.patient_id) == patient_id, col(Appointment.status) == _COMPLETED.value)
    return bool((await reading.execute(select(took_place))).scalar_one())


async def of_one_household(reading: Reading, one: UUID, other: UUID) -> bool:
    """Whether two records are one, are or were opened by one account, or bear one phone number."""
    if one == other:
        return True
    mine, theirs, first, second = aliased(Access), aliased(Access), aliased(Patient), aliased(Patient)
    account = exists().where(
        col(mine.patient_id) == one, col(theirs.patient_id) == other, col(mine.account_id) == col(theirs.account_id)
    )
    phone = exists().where(col(first.id) == one, col(second.id) == other, col(first.phone) == col(second.phone))
    return bool((await reading.execute(select(or_(account, phone)))).scalar_one())
