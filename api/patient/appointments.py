"""`/v1/me/appointments`: a patient's visits, past and to come."""

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
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
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "my appointments", call.patient_id), cursor, limit,
        lambda place, most: visits(call.reading, call.patient_id, after=moment_and_id(place), limit=most),
        lambda visit: [visit.starts_at.isoformat(), str(visit.appointment_id)],
    )  # fmt: skip
    return VisitPage(items=items, next_cursor=following)
