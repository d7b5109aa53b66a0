"""Patients as somebody names them: by our ids, by those of another system, or as a key that may be nobody's."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Uuid, and_, exists, func, literal, select
from sqlmodel import col

from clinic.tables import Patient
from core.database import Reading


def is_there(asked: Any) -> ColumnElement[bool]:
    """SQL: the patient of a row with clinic_id and patient_id is in the clinic, and not erased."""
    return exists().where(col(Patient.clinic_id) == asked.c.clinic_id, col(Patient.id) == asked.c.patient_id)


async def patient_is_there(reading: Reading, clinic_id: UUID, patient_id: UUID) -> bool:
    named = and_(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    return (await reading.execute(select(col(Patient.id)).where(named))).scalar_one_or_none() is not None


async def patients_named(
    reading: Reading, clinic_id: UUID, lines: Sequence[str], source: str | None
) -> dict[str, UUID]:
    """Those of the clinic by what the lines call them: our ids, or the ids of the system `source`."""
    statement = select(col(Patient.id), col(Patient.external_id)).where(col(Patient.clinic_id) == clinic_id)
    if source is None:
        ids = [found for line in lines if (found := as_id(line))]
        rows = await reading.execute(statement.where(col(Patient.id) == func.any(literal(ids, ARRAY(Uuid())))))
        return {str(row.id): row.id for row in rows}
    theirs = (col(Patient.source) == source, col(Patient.external_id) == func.any(list(lines)))
    return {row.external_id: row.id for row in await reading.execute(statement.where(*theirs))}


def as_id(line: str) -> UUID | None:
    """An id in plain form."""
    try:
        return UUID(line) if len(line) == len(str(UUID(int=0))) else None
    except ValueError:
        return None
