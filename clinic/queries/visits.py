"""Appointments, as patients and staff see them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.tables import Appointment, Branch
from core.database import Reading
from core.moments import Moment
from core.values import Value


class Visit(Value):
    """An appointment as patients and staff see it; times are UTC, `zone` is the branch's."""

    appointment_id: UUID
    patient_id: UUID
    branch_id: UUID
    branch_name: str
    zone: str
    starts_at: Moment
    ends_at: Moment
    status: AppointmentStatus
    service: str
    practitioner: str


async def visits(reading: Reading, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int) -> list[Visit]:
    """A patient's appointments by start, oldest first, past the key `after`."""
    statement = (
        select(Appointment, Branch)
        .join(Branch, and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id))
        .where(col(Appointment.patient_id) == patient_id)
        .order_by(col(Appointment.starts_at), col(Appointment.id))
        .limit(limit)
    )
    if after is not None:
        key = func.row(col(Appointment.starts_at), col(Appointment.id))
        statement = statement.where(key > func.row(*after))
    return [visit_value(visit, branch) for visit, branch in (await reading.execute(statement))]


def visit_value(appointment: Appointment, branch: Branch) -> Visit:
    return Visit(
        appointment_id=appointment.id,
        patient_id=appointment.patient_id,
        branch_id=branch.id,
        branch_name=branch.name,
        zone=branch.zone,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
        status=AppointmentStatus(appointment.status),
        service=appointment.service,
        practitioner=appointment.practitioner,
    )
