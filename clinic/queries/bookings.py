"""Visits that were booked here and that the clinic's own system does not know yet."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import col

from clinic.appointment import STANDING, AppointmentStatus
from clinic.tables import Appointment, Branch, Patient, SlotRow
from core.database import Reading
from core.moments import Moment
from core.upsert import OWN_SOURCE
from core.values import Value


class Booking(Value):
    """A visit to come of one of the system's patients; `slot` is the free time of the system that it took."""

    appointment_id: UUID
    patient: str
    branch: str
    slot: str | None
    starts_at: Moment
    ends_at: Moment
    status: AppointmentStatus
    service: str
    practitioner: str


async def bookings(
    reading: Reading, source: str, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[Booking]:
    """What the system `source` has still to take over, by start, past the key `after`."""
    whose = and_(col(Patient.clinic_id) == Appointment.clinic_id, col(Patient.id) == Appointment.patient_id)
    where = and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id)
    slot = and_(
        col(SlotRow.clinic_id) == Appointment.clinic_id,
        col(SlotRow.id) == Appointment.slot_id,
        col(SlotRow.source) == source,
    )
    key = func.row(col(Appointment.starts_at), col(Appointment.id))
    statement = (
        select(Appointment, col(Patient.external_id), col(Branch.name), col(SlotRow.external_id))
        .join(Patient, whose)
        .join(Branch, where)
        .outerjoin(SlotRow, slot)
        .where(
            col(Appointment.source) == OWN_SOURCE,
            col(Patient.source) == source,
            col(Appointment.starts_at) > now,
            col(Appointment.status).in_([status.value for status in sorted(STANDING)]),
        )
        .order_by(col(Appointment.starts_at), col(Appointment.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(key > func.row(*after))
    return [_booking(*row) for row in (await reading.execute(statement)).all()]


def _booking(visit: Appointment, patient: str, branch: str, slot: str | None) -> Booking:
    return Booking(
        appointment_id=visit.id,
        patient=patient,
        branch=branch,
        slot=slot,
        starts_at=visit.starts_at,
        ends_at=visit.ends_at,
        status=AppointmentStatus(visit.status),
        service=visit.service,
        practitioner=visit.practitioner,
    )
