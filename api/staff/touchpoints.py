"""`/v1/staff/patients/{patient_id}/touchpoints`: what was said to a patient on every channel, and what came of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from clinic.queries import patient_card
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission
from push.queries.touchpoints import Touchpoint, touchpoints

router = APIRouter(prefix="/v1/staff", tags=["wording"], route_class=StrictRoute)


class Touchpoints(Value):
    items: list[Touchpoint] = Field(max_length=200)
    next_cursor: str | None


@router.get(
    "/patients/{patient_id}/touchpoints", summary="What a patient was told", operation_id="listTouchpointsOfPatient"
)
async def listed(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CONTACT)],
    patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Touchpoints:
    """Newest first, over all channels: each try and its end, what waits or was taken back, answers, stops and starts.

    What was said stands in none of it. The patient is told of the look.
    """
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "touchpoints", patient_id), cursor, limit,
        lambda place, most: touchpoints(
            call.writing, call.clinic_id, patient_id, after=moment_and_id(place), limit=most
        ),
        lambda item: [item.at.isoformat(), str(item.touchpoint_id)],
    )  # fmt: skip
    await call.note_read("touchpoints", patient_id)
    return Touchpoints(items=items, next_cursor=following)
