"""`/v1/staff/teams`: named lists of colleagues, to whom tasks are given."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, Place, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.teams import change_team, make_team
from automation.queries.teams import MOST_MEMBERS, TeamView, teams
from core.values import Int32, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["tasks"], route_class=StrictRoute)

Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_STAFF)]


class TeamToMake(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Recall desk", "staff_ids": []}]})

    name: ShortText
    staff_ids: list[UUID] = Field(max_length=MOST_MEMBERS)


class TeamToChange(TeamToMake):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "Recall desk", "staff_ids": [], "version": 1}]})

    version: Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]


class Teams(Value):
    items: list[TeamView] = Field(max_length=200)
    next_cursor: str | None


@router.get("/teams", summary="The clinic's teams", operation_id="listTeams")
async def listed(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.REPLY)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Teams:
    """All of them by their names."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "teams", call.clinic_id), cursor, limit,
        lambda place, most: teams(call.reading, call.clinic_id, after=_name_and_id(place), limit=most),
        lambda team: [team.name, str(team.team_id)],
    )  # fmt: skip
    return Teams(items=items, next_cursor=following)


def _name_and_id(place: Place | None) -> tuple[str, UUID] | None:
    return (place[0], UUID(place[1])) if place else None


@router.post("/teams", status_code=201, summary="Make a team", operation_id="makeTeam")
async def make(call: Manages, body: TeamToMake) -> TeamView:
    """A list of colleagues under a name."""
    return await make_team(call.writing, call.clinic_id, body.name, body.staff_ids, call.actor, call.now)


@router.put("/teams/{team_id}", summary="Change a team", operation_id="changeTeam")
async def change(call: Manages, team_id: UUID, body: TeamToChange) -> TeamView:
    """All of it anew. An empty team's tasks are nobody's until they are given to others."""
    return await change_team(
        call.writing, call.clinic_id, team_id, body.version, body.name, body.staff_ids, call.actor, call.now
    )
