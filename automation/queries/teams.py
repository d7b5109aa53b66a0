"""Named lists of colleagues, and whether whom a task names is there."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import func, select
from sqlmodel import col

from automation.tables import Team
from clinic.tables import Staff
from core.database import Reading
from core.values import Int32, Value

MOST_MEMBERS = 200


class TeamView(Value):
    team_id: UUID
    name: str = Field(examples=["Recall desk"])
    staff_ids: list[UUID] = Field(max_length=MOST_MEMBERS)
    version: Int32


async def teams(reading: Reading, clinic_id: UUID, *, after: tuple[str, UUID] | None, limit: int) -> list[TeamView]:
    """By their names."""
    statement = select(Team).where(col(Team.clinic_id) == clinic_id)
    if after is not None:
        statement = statement.where(func.row(col(Team.name), col(Team.id)) > func.row(*after))
    rows = await reading.execute(statement.order_by(col(Team.name), col(Team.id)).limit(limit))
    return [team_view(row) for row in rows.scalars()]


def team_view(row: Team) -> TeamView:
    return TeamView(team_id=row.id, name=row.name, staff_ids=row.staff_ids, version=row.version)


async def team_exists(reading: Reading, clinic_id: UUID, team_id: UUID) -> bool:
    found = select(col(Team.id)).where(col(Team.clinic_id) == clinic_id, col(Team.id) == team_id)
    return (await reading.execute(found)).scalar_one_or_none() is not None


async def who_work_here(reading: Reading, clinic_id: UUID, staff_ids: list[UUID]) -> set[UUID]:
    """Of these colleagues those who are the clinic's and have not left."""
    statement = select(col(Staff.id)).where(
        col(Staff.clinic_id) == clinic_id, col(Staff.id) == func.any(staff_ids), col(Staff.left_at).is_(None)
    )
    return set((await reading.execute(statement)).scalars())
