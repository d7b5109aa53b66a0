"""The visits that patients may be asked about."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from clinic.tables import Appointment
from core.database import Reading


@dataclass(frozen=True, slots=True)
class Visited:
    patient_id: UUID
    branch_id: UUID
    practitioner: str


async def visits_of(reading: Reading, visits: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], Visited]:
    """Of (clinic_id, visit_id) those that there are and that are not private."""
    if not visits:
        return {}
    columns = (
        col(Appointment.clinic_id), col(Appointment.id), col(Appointment.patient_id), col(Appointment.branch_id),
        col(Appointment.practitioner),
    )  # fmt: skip
    statement = select(*columns).where(
        col(Appointment.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in visits})),
        col(Appointment.id) == func.any(sorted({visit_id for _, visit_id in visits})),
        ~col(Appointment.private),
    )
    rows = await reading.execute(statement)
    return {(row[0], row[1]): Visited(*row[2:]) for row in rows if (row[0], row[1]) in visits}
