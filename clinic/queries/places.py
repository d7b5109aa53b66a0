"""The clinic itself and its branches."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Branch, Clinic, Patient
from core.database import Reading, Sweeping
from core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Place:
    """A branch, as rows of another system are put into it."""

    id: UUID
    zone: str


async def branches_by_name(reading: Reading) -> dict[str, Place]:
    rows = await reading.execute(select(col(Branch.name), col(Branch.id), col(Branch.zone)))
    return {name: Place(row_id, zone) for name, row_id, zone in rows}


async def clinic_exists(reading: Reading, clinic_id: UUID) -> bool:
    statement = select(col(Clinic.clinic_id)).where(col(Clinic.clinic_id) == clinic_id)
    return (await reading.execute(statement)).scalar_one_or_none() is not None


async def any_clinic(sweeping: Sweeping) -> bool:
    """Whether the database holds any clinic at all."""
    return (await sweeping.execute(select(col(Clinic.clinic_id)).limit(1))).scalar_one_or_none() is not None


async def earliest_today(reading: Reading, clinic_id: UUID, now: datetime) -> date:
    """The day that it still is at the last of the clinic's branches."""
    zones = select(col(Branch.zone)).where(col(Branch.clinic_id) == clinic_id).distinct()
    days = [now.astimezone(ZoneInfo(zone)).date() for zone in (await reading.execute(zones)).scalars()]
    return min(days, default=now.date())


async def today_of(reading: Reading, clinic_id: UUID, patient_id: UUID, branch_id: UUID | None, now: datetime) -> date:
    """The day at the branch, or at the patient's own branch. Raises `NotFound`."""
    own = select(col(Patient.branch_id)).where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    named = col(Branch.id) == (own.scalar_subquery() if branch_id is None else branch_id)
    zone = (await reading.execute(select(col(Branch.zone)).where(col(Branch.clinic_id) == clinic_id, named))).scalar()
    if zone is None:
        raise NotFound
    return now.astimezone(ZoneInfo(zone)).date()
