"""`/v1/partner/events`: what patients said and did here, for the clinic's own system to follow."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, cursor_of, place_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PartnerCall
from clinic.queries.events import START, PatientEvent, Place, is_of_this_database, patient_events
from core.errors import Gone
from core.values import Value

router = APIRouter(prefix="/v1/partner", tags=["sync"], route_class=StrictRoute)

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OVER: dict[int | str, dict[str, Any]] = {
    410: {"description": "The data were restored since: begin without a cursor.", "content": _PROBLEM}
}


class EventsStartOver(Gone):
    """The cursor is from a time this database does not know (it was restored): begin without one."""

    slug = "events-start-over"


class PatientEvents(Value):
    """What happened since the cursor; keep `next_cursor` for the next time. `more`: ask again at once."""

    items: list[PatientEvent] = Field(max_length=200)
    next_cursor: str
    more: bool


@router.get("/events", summary="What patients did", operation_id="listPatientEvents", responses=_OVER)
async def listed(
    ports: PortsHere, call: PartnerCall, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> PatientEvents:
    """Answers to plans, requests, confirmations and cancellations, signatures, payments, consents, erasures.

    Oldest first, each once and none left out; without a cursor from the beginning. Your own doings are not told.
    """
    mine = List(ports.keys.secrets.cursor_key, "patient events", call.app.app_id)
    after = _place(place_of(mine, cursor))
    if not await is_of_this_database(call.writing, after):
        raise EventsStartOver
    found = await patient_events(call.writing, after, limit + 1)
    page = found[:limit]
    xid, event_id = page[-1][0] if page else after
    return PatientEvents(
        items=[event for _, event in page],
        next_cursor=cursor_of(mine, [str(xid), str(event_id)]),
        more=len(found) > limit,
    )


def _place(told: list[str] | None) -> Place:
    return (int(told[0]), UUID(told[1])) if told else START
