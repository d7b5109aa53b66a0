"""`/v1/staff/uploads`: staff sends large files in parts, with breaks, past the API where the storage has a door."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from api.caller import StaffClaims
from api.ports import PortsHere
from api.strict import PlainNumber, StrictRoute
from api.transaction import scope_of, standing_staff
from api.upload_views import MOST_PARTS, UploadPart, UploadStart, UploadView
from api.uploads import LARGEST_PART, Admit, Admitted, Stand, complete, give_up, look, start, take_part
from chat.queries import check_reach
from clinic.queries import home_branch
from core.database import Reading
from core.errors import NotFound
from core.events import Actor, ActorKind
from identity.permissions import Permission
from identity.tokens import Claims
from media.kinds import PictureKind
from media.queries import PictureFile

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)

PART_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
PartNumber = Annotated[
    int, PlainNumber, Path(ge=1, le=MOST_PARTS, description="Counted from 1.", json_schema_extra={"format": "int32"})
]


def standing(claims: Claims) -> Stand:
    async def stand(reading: Reading) -> Actor:
        staff = await standing_staff(reading, claims, Permission.WRITE_MEDIA)
        return Actor(ActorKind.STAFF, staff.staff_id)

    return stand


def admitting(claims: Claims, patient_id: UUID, kind: PictureKind | None = None) -> Admit:
    """For a patient of the clinic. What it gives raises `NotFound` for any other, and where a voice message is to come
    into a conversation out of reach.
    """
    stand = standing(claims)

    async def admit(reading: Reading) -> Admitted:
        sender = await stand(reading)
        if await home_branch(reading, patient_id) is None:
            raise NotFound
        if kind is PictureKind.VOICE and sender.id is not None:
            await check_reach(reading, patient_id, sender.id)
        return Admitted(patient_id, sender)

    return admit


@router.post(
    "/patients/{patient_id}/uploads", status_code=201, summary="Announce a picture", operation_id="startUpload"
)
async def begin(ports: PortsHere, claims: StaffClaims, patient_id: UUID, body: UploadStart) -> UploadView:
    """Say what will be sent; the answer says in which parts, and where to. Announcing it again goes on with it."""
    view, _ = await start(ports, scope_of(claims), admitting(claims, patient_id, body.kind), body)
    assert view is not None  # only named pictures are known before they come
    return view


@router.get("/uploads/{upload_id}", summary="How far an upload is", operation_id="getUpload")
async def show(ports: PortsHere, claims: StaffClaims, upload_id: UUID) -> UploadView:
    """Which parts are here, fresh addresses for the others; once complete, what became of the picture."""
    return await look(ports, scope_of(claims), standing(claims), upload_id)


@router.put(
    "/uploads/{upload_id}/parts/{number}", summary="Send a part", operation_id="putUploadPart",
    max_body_size=LARGEST_PART, openapi_extra=PART_BODY,
)  # fmt: skip
async def part(
    ports: PortsHere, claims: StaffClaims, upload_id: UUID, number: PartNumber, request: Request
) -> UploadPart:
    """Its bytes as they are. The same part again replaces it."""
    return await take_part(ports, scope_of(claims), standing(claims), upload_id, number, request.stream())


@router.post("/uploads/{upload_id}/complete", summary="Complete an upload", operation_id="completeUpload")
async def finish(ports: PortsHere, claims: StaffClaims, upload_id: UUID) -> PictureFile:
    """All parts are here: it becomes a picture, which is then looked into. Again gives the same picture."""
    _, picture = await complete(ports, scope_of(claims), standing(claims), upload_id)
    return picture


@router.delete("/uploads/{upload_id}", status_code=204, summary="Give an upload up", operation_id="giveUpUpload")
async def forget(ports: PortsHere, claims: StaffClaims, upload_id: UUID) -> Response:
    """Forget what came of a file that is not complete."""
    await give_up(ports, scope_of(claims), standing(claims), upload_id)
    return Response(status_code=204)
