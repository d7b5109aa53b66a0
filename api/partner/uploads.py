"""`/v1/partner/uploads`: a clinic's own system sends large files in parts, named by its own ids."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response

from api.caller import PartnerClaims
from api.ports import PortsHere
from api.staff.uploads import PART_BODY, PartNumber
from api.strict import StrictRoute
from api.transaction import scope_of, standing_partner
from api.upload_views import UploadPart, UploadStart, UploadView
from api.uploads import LARGEST_PART, Admitted, Stand, complete, give_up, look, start, take_part
from clinic.facts import ExternalId
from clinic.queries import named_patients
from core.database import Reading
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import PartnerScope
from identity.tokens import Claims
from media.commands import Kept
from media.kinds import PictureState
from media.upload import ExternalName

router = APIRouter(prefix="/v1/partner", tags=["media"], route_class=StrictRoute)


class PictureReceipt(Value):
    """What became of a picture that was sent; it is looked into a moment later."""

    picture_id: UUID
    outcome: Kept
    state: PictureState


class UploadReceipt(Value):
    """An upload to go on with, or the picture where these very bytes came under this name before."""

    upload: UploadView | None
    picture: PictureReceipt | None


def standing(claims: Claims) -> Stand:
    async def stand(reading: Reading) -> Actor:
        app = await standing_partner(reading, claims, PartnerScope.WRITE)
        return Actor(ActorKind.PARTNER, app.app_id)

    return stand


async def admitted(reading: Reading, claims: Claims, external_id: str, picture_external_id: str) -> Admitted:
    """Raises `NotFound` for a patient this system never told of."""
    app = await standing_partner(reading, claims, PartnerScope.WRITE)
    patient = (await named_patients(reading, app.system, {external_id})).get(external_id)
    if patient is None:
        raise NotFound
    sender = Actor(ActorKind.PARTNER, app.app_id)
    return Admitted(patient.id, sender, ExternalName(app.system, picture_external_id))


@router.post(
    "/patients/{external_id}/pictures/{picture_external_id}/uploads",
    summary="Announce a picture",
    operation_id="startPictureUpload",
)
async def begin(
    ports: PortsHere,
    claims: PartnerClaims,
    external_id: Annotated[ExternalId, Path(description="Your id of the patient.")],
    picture_external_id: Annotated[ExternalId, Path(description="Your id of the picture.")],
    body: UploadStart,
) -> UploadReceipt:
    """Say what will be sent; the answer says in which parts, and where to. Announcing it again goes on with it."""

    async def admit(reading: Reading) -> Admitted:
        return await admitted(reading, claims, external_id, picture_external_id)

    view, started = await start(ports, scope_of(claims), admit, body)
    picture, kept = started.picture, started.kept or Kept.UNCHANGED
    receipt = picture and PictureReceipt(picture_id=picture.picture_id, outcome=kept, state=picture.state)
    return UploadReceipt(upload=view, picture=receipt)


@router.get("/uploads/{upload_id}", summary="How far an upload is", operation_id="getPictureUpload")
async def show(ports: PortsHere, claims: PartnerClaims, upload_id: UUID) -> UploadView:
    """Which parts are here, fresh addresses for the others; once complete, what became of the picture."""
    return await look(ports, scope_of(claims), standing(claims), upload_id)


@router.put(
    "/uploads/{upload_id}/parts/{number}", summary="Send a part", operation_id="putPicturePart",
    max_body_size=LARGEST_PART, openapi_extra=PART_BODY,
)  # fmt: skip
async def part(
    ports: PortsHere, claims: PartnerClaims, upload_id: UUID, number: PartNumber, request: Request
) -> UploadPart:
    """Its bytes as they are. The same part again replaces it."""
    return await take_part(ports, scope_of(claims), standing(claims), upload_id, number, request.stream())


@router.post("/uploads/{upload_id}/complete", summary="Complete an upload", operation_id="completePictureUpload")
async def finish(ports: PortsHere, claims: PartnerClaims, upload_id: UUID) -> PictureReceipt:
    """All parts are here: it becomes a picture, which is then looked into. Again gives the same picture."""
    outcome, picture = await complete(ports, scope_of(claims), standing(claims), upload_id)
    return PictureReceipt(picture_id=picture.picture_id, outcome=outcome, state=picture.state)


@router.delete("/uploads/{upload_id}", status_code=204, summary="Give an upload up", operation_id="giveUpPictureUpload")
async def forget(ports: PortsHere, claims: PartnerClaims, upload_id: UUID) -> Response:
    """Forget what came of a file that is not complete."""
    await give_up(ports, scope_of(claims), standing(claims), upload_id)
    return Response(status_code=204)
