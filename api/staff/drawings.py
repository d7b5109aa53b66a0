"""`/v1/staff/pictures/{picture_id}/drawing`: what staff draws on a picture for its patient, as shapes."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from core.errors import NotFound
from core.values import Int32, Value
from identity.permissions import Permission
from media.commands import draw
from media.drawing import MOST_SHAPES, Shape
from media.queries import DrawingView, drawing_of

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)

_ARROW = {
    "kind": "arrow", "points": [{"x": 7000, "y": 2000}, {"x": 5200, "y": 4100}], "colour": "yellow", "width": 4,
}  # fmt: skip


class DrawingChange(Value):
    """The whole drawing as it shall be; without shapes it is taken away."""

    version: Annotated[
        Int32, Field(ge=0, description="Of the drawing it was made from; 0: there was none.", examples=[0])
    ]
    shapes: list[Shape] = Field(max_length=MOST_SHAPES, examples=[[_ARROW]])


@router.get("/pictures/{picture_id}/drawing", summary="A picture's drawing", operation_id="getDrawing")
async def show(call: Annotated[StaffWrites, staff_writes(Permission.READ_MEDIA)], picture_id: UUID) -> DrawingView:
    """The latest version. That it was looked up stays in the patient's events."""
    return await _found(call, picture_id)


@router.put("/pictures/{picture_id}/drawing", summary="Draw on a picture", operation_id="drawOnPicture")
async def change(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_MEDIA)], picture_id: UUID, body: DrawingChange
) -> DrawingView:
    """Keep a new version; the drawn copy follows in a moment. Refused where somebody else changed it meanwhile."""
    await draw(call.writing, picture_id, body.version, body.shapes, call.staff.staff_id, call.actor, call.now)
    return await _found(call, picture_id)


async def _found(call: StaffWrites, picture_id: UUID) -> DrawingView:
    """With the trace of a look: a change answers with all that a look shows."""
    found = await drawing_of(call.writing, picture_id)
    if found is None:
        raise NotFound
    await call.note_read("pictures", found[0])
    return found[1]
