"""The clinic's name, for texts and pages that somebody sees who did not sign in; and its language."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Clinic
from core.database import Reading


async def clinic_title(reading: Reading, clinic_id: UUID) -> str | None:
    statement = select(col(Clinic.name)).where(col(Clinic.clinic_id) == clinic_id)
    return (await reading.execute(statement)).scalar_one_or_none()


async def clinic_language(reading: Reading, clinic_id: UUID) -> str:
    """The language its people work in."""
    statement = select(col(Clinic.language)).where(col(Clinic.clinic_id) == clinic_id)
    return (await reading.execute(statement)).scalar_one()
