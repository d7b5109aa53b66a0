"""Visits by the names that the clinic's own system gives them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from clinic.tables import Appointment
from core.database import Reading


@dataclass(frozen=True, slots=True)
class NamedVisit:
    """An appointment of another system, found by its external id."""

    id: UUID
    patient_id: UUID


async def named_visits(reading: Reading, source: str, names: set[str]) -> dict[str, NamedVisit]:
    """Appointments by their external ids, in one statement."""
    columns = (col(Appointment.external_id), col(Appointment.id), col(Appointment.patient_id))
    statement = select(*columns).where(
        col(Appointment.source) == source, col(Appointment.external_id) == func.any(sorted(names))
    )
    return {name: NamedVisit(row_id, patient_id) for name, row_id, patient_id in (await reading.execute(statement))}
