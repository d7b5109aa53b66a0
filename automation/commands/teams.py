"""Makes and changes teams."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlmodel import col

from automation.queries.teams import TeamView, team_exists, team_view, who_work_here
from automation.tables import Team
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id

UNTRACKED = {"synchronize_session": False}


class TeamNameTaken(Conflict):
    slug = "team-name-taken"


async def make_team(
    writing: Writing, clinic_id: UUID, name: str, staff_ids: list[UUID], actor: Actor, now: datetime
) -> TeamView:
    """Raises `TeamNameTaken`, and `Invalid` for somebody who does not work here."""
    await _known(writing, clinic_id, staff_ids)
    row = {"clinic_id": clinic_id, "id": new_id(), "name": name, "staff_ids": sorted(set(staff_ids)), "changed_at": now}
    fresh = insert(Team).values(version=1, **row).on_conflict_do_nothing().returning(Team)
    made = (await writing.execute(fresh)).scalar_one_or_none()
    if made is None:
        raise TeamNameTaken
    await record(writing, clinic_id, actor, [Happening("team.made", made.id)], now)
    return team_view(made)


async def change_team(
    writing: Writing, clinic_id: UUID, team_id: UUID, version: int, name: str, staff_ids: list[UUID],
    actor: Actor, now: datetime,
) -> TeamView:  # fmt: skip
    """All of it anew. Raises `NotFound`, `Stale`, `TeamNameTaken`, `Invalid`."""
    if not await team_exists(writing, clinic_id, team_id):
        raise NotFound
    await _known(writing, clinic_id, staff_ids)
    named = (col(Team.clinic_id) == clinic_id, col(Team.id) == team_id)
    news = {"name": name, "staff_ids": sorted(set(staff_ids)), "version": col(Team.version) + 1, "changed_at": now}
    changed = update(Team).where(*named, col(Team.version) == version).values(news).returning(col(Team.id))
    try:
        async with writing.begin_nested():
            found = (await writing.execute(changed, execution_options=UNTRACKED)).scalar_one_or_none()
    except IntegrityError:
        raise TeamNameTaken from None
    if found is None:
        raise Stale
    await record(writing, clinic_id, actor, [Happening("team.changed", team_id)], now)
    return team_view((await writing.execute(select(Team).where(*named))).scalar_one())


async def _known(writing: Writing, clinic_id: UUID, staff_ids: list[UUID]) -> None:
    known = await who_work_here(writing, clinic_id, staff_ids)
    unknown = [place for place, each in enumerate(staff_ids) if each not in known]
    if unknown:
        raise Invalid(*[Fault(f"/staff_ids/{place}", "unknown-reference") for place in unknown])
