"""The clinic's name, for texts and pages that somebody sees who did not sign in."""

from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Clinic
from core.database import Reading


async def clinic_title(reading: Reading, clinic_id: UUID) -> str | None:
    statement = select(col(Clinic.name)).where(col(Clinic.clinic_id) == clinic_id)
    return (await reading.execute(statement)).scalar_one_or_none()
