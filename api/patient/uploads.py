"""`/v1/me/conversation/uploads`: a patient's photos and voice messages for the chat, sent in parts and with breaks.

A photo is a picture of the record like any other, released by being sent. Whoever sends one may write in the
conversation and look at the record's pictures: what they could not see, they do not add. For a voice message the right
to write is enough.
"""

from uuid import UUID

from fastapi import Request, Response

from api.caller import PatientClaims
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.staff.uploads import PART_BODY, PartNumber
from api.transaction import RecordAsked, record_opened, scope_of
from api.upload_views import PhotoStart, PhotoUpload, TakenType, UploadPart, UploadStart, UploadView
from api.uploads import LARGEST_PART, Admitted, Stand, complete, give_up, look, start, take_part
from clinic.commands import AccessTooNarrow
from clinic.household import AccessScope
from core.clock import now
from core.database import Reading
from core.errors import NotFound, TooMany
from core.events import Actor, ActorKind
from identity.tokens import Claims
from media.kinds import MediaType, PictureKind
from media.queries import upload_of, uploads_by
from media.upload import MOST_OF_ACCOUNT
from media.voice import VOICE_TYPES

routes = RecordRoutes("chat")

_WAIT_SECONDS = 3600


async def admitted(reading: Reading, claims: Claims, asked: UUID | None, kind: PictureKind) -> Admitted:
    """Raises `AccessTooNarrow`, and what opening the record raises."""
    opened = await record_opened(reading, claims, asked, now(), AccessScope.CHAT)
    if kind is not PictureKind.VOICE and AccessScope.VIEW_MEDIA not in opened.scopes:
        raise AccessTooNarrow
    return Admitted(opened.patient_id, Actor(ActorKind.PATIENT, claims.subject_id))


def _standing(claims: Claims, asked: UUID | None, upload_id: UUID) -> Stand:
    """Whoever sends may still send into this record, and this upload is of this record."""

    async def stand(reading: Reading) -> Actor:
        held = await upload_of(reading, upload_id, Actor(ActorKind.PATIENT, claims.subject_id))
        who = await admitted(reading, claims, asked, PictureKind.PHOTO if held is None else held.kind)
        if held is None or held.patient_id != who.patient_id:
            raise NotFound
        return who.sender

    return stand


def _seen(view: UploadView) -> PhotoUpload:
    return PhotoUpload(**{name: getattr(view, name) for name in PhotoUpload.model_fields})


@routes.post(
    "/conversation/uploads", status_code=201, summary="Announce my photo for the chat", operation_id="startMyPhoto"
)
async def begin(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, body: PhotoStart) -> PhotoUpload:
    """Say what will be sent; the answer says in which parts, and where to. Announcing it again goes on with it."""
    kind = PictureKind.VOICE if MediaType(body.media_type) in VOICE_TYPES else PictureKind.PHOTO
    told = UploadStart(
        kind=kind, media_type=TakenType(body.media_type.value), size_bytes=body.size_bytes,
        sha256=body.sha256, released=True,
    )  # fmt: skip

    async def admit(reading: Reading) -> Admitted:
        who = await admitted(reading, claims, asked, kind)
        if await uploads_by(reading, who.patient_id, who.sender) >= MOST_OF_ACCOUNT:
            raise TooMany(retry_after_seconds=_WAIT_SECONDS)
        return who

    view, _ = await start(ports, scope_of(claims), admit, told)
    assert view is not None  # only named pictures are known before they come
    return _seen(view)


@routes.get("/conversation/uploads/{upload_id}", summary="How far my photo is", operation_id="getMyPhotoUpload")
async def show(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, upload_id: UUID) -> PhotoUpload:
    """Which parts are here, fresh addresses for the others; once complete, whether a message may carry it."""
    return _seen(await look(ports, scope_of(claims), _standing(claims, asked, upload_id), upload_id))


@routes.put(
    "/conversation/uploads/{upload_id}/parts/{number}", summary="Send a part of my photo",
    operation_id="putMyPhotoPart", max_body_size=LARGEST_PART, openapi_extra=PART_BODY,
)  # fmt: skip
async def part(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, upload_id: UUID, number: PartNumber, request: Request
) -> UploadPart:
    """Its bytes as they are. The same part again replaces it."""
    stand = _standing(claims, asked, upload_id)
    return await take_part(ports, scope_of(claims), stand, upload_id, number, request.stream())


@routes.post("/conversation/uploads/{upload_id}/complete", summary="Complete my photo", operation_id="completeMyPhoto")
async def finish(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, upload_id: UUID) -> PhotoUpload:
    """All parts are here: it becomes a picture, which is then looked into. Ask how far it is until it is `ready`."""
    scope, stand = scope_of(claims), _standing(claims, asked, upload_id)
    await complete(ports, scope, stand, upload_id)
    return _seen(await look(ports, scope, stand, upload_id))


@routes.delete(
    "/conversation/uploads/{upload_id}", status_code=204, summary="Give my photo up", operation_id="giveUpMyPhoto"
)
async def forget(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, upload_id: UUID) -> Response:
    """Forget what came of a photo that is not complete."""
    await give_up(ports, scope_of(claims), _standing(claims, asked, upload_id), upload_id)
    return Response(status_code=204)
