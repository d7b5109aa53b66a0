"""`/v1/me/appointments`: a patient's visits, past and to come."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, cursor_of, place_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import OwnReads
from clinic.queries import Visit, visits
from core.values import Value

router = APIRouter(tags=["appointments"], route_class=StrictRoute)


class VisitPage(Value):
    items: list[Visit] = Field(max_length=200)
    next_cursor: str | None


@router.get("/v1/me/appointments", summary="My appointments", operation_id="listMyAppointments")
async def list_mine(ports: PortsHere, call: OwnReads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> VisitPage:
    """All visits by start, oldest first."""
    key = ports.keys.secrets.cursor_key
    place = place_of(key, call.patient_id, cursor)
    after = (datetime.fromisoformat(place[0]), UUID(place[1])) if place else None
    found = await visits(call.reading, call.patient_id, after=after, limit=limit + 1)
    items = found[:limit]
    more = len(found) > limit
    last = [items[-1].starts_at.isoformat(), str(items[-1].appointment_id)] if more else []
    return VisitPage(items=items, next_cursor=cursor_of(key, call.patient_id, last) if more else None)
