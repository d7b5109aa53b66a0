"""`/v1/staff/pictures/{picture_id}`: one picture: look, release, hide, correct, move it, decide on it."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field, StringConstraints

from api.caller import StaffClaims
from api.holders import to_staff
from api.media import PictureLink, file_to_link, linked
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.teeth import FdiTooth, fdi_codes
from api.transaction import StaffWrites, scope_of, staff_writes, standing_staff
from chat.commands import look_for_voice
from clinic.facts import HappenedOn
from core import clock
from core.errors import NotFound
from core.events import Actor, ActorKind, Happening, record
from core.values import Value
from identity.permissions import Permission
from media.commands import (
    MoveReason,
    Verdict,
    decide_on_picture,
    describe_picture,
    hide_picture,
    move_picture,
    release_picture,
)
from media.kinds import PictureKind, PictureState, Variant
from media.links import Holder
from media.queries import KeptPicture, held_pictures, kept_picture
from media.queries.pictures import MOST_TEETH

router = APIRouter(prefix="/v1/staff", tags=["media"], route_class=StrictRoute)

# Looking is a write: it leaves a trace.
MayLook = Annotated[StaffWrites, staff_writes(Permission.READ_MEDIA)]
MayChange = Annotated[StaffWrites, staff_writes(Permission.WRITE_MEDIA)]
# Lines may break; NUL and the like are none of a text.
Comment = Annotated[
    str,
    StringConstraints(min_length=1, max_length=2000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$", strip_whitespace=True),
]


class QuarantinePage(Value):
    items: list[KeptPicture] = Field(max_length=200)
    next_cursor: str | None


class StaffLinkRequest(Value):
    variant: Variant = Field(examples=["preview_1024"])


def _unsaid() -> Any:
    """Stands for what is not named, and is not read: null would say that there is none."""


class PictureChange(Value):
    """What is not named stays as it is; `taken_on` null takes the date away (RFC 7396)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"teeth": ["36"], "taken_on": None}]})

    kind: PictureKind = Field(
        default_factory=_unsaid, description="In the place of a series that takes another, it leaves it."
    )
    taken_on: HappenedOn | None = None
    teeth: list[FdiTooth] = Field(default_factory=_unsaid, max_length=MOST_TEETH, description="None of them: `[]`.")


class PictureRelease(Value):
    comment: Comment | None = Field(
        default=None,
        description="What the patient reads beside it; null: nothing, whatever stood there before.",
        examples=["Six months after the implant: the bone has closed around it."],
    )


class PictureMove(Value):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"patient_id": "01990a6e-7f3c-7c11-9a52-0f4b7d2c8e10", "reason": "wrong_record"}]
        }
    )

    patient_id: UUID = Field(description="Whose picture it is.")
    reason: MoveReason


class PictureVerdict(Value):
    verdict: Verdict


class VerdictReceipt(Value):
    picture_id: UUID
    state: PictureState | None = Field(description="Null: it is gone.")


@router.get("/quarantine", summary="Pictures that wait for a verdict", operation_id="listQuarantine")
async def quarantine(
    ports: PortsHere, call: MayLook, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> QuarantinePage:
    """Every picture of the clinic that is held back, latest upload first, with the reason."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "quarantine", call.clinic_id), cursor, limit,
        lambda place, most: held_pictures(call.writing, before=id_of(place), limit=most),
        lambda picture: [str(picture.picture_id)],
    )  # fmt: skip
    patients = sorted({picture.patient_id for picture in items})
    looked = [Happening("pictures.read", each, patient_id=each) for each in patients]
    await record(call.writing, call.clinic_id, call.actor, looked, call.now)
    return QuarantinePage(items=items, next_cursor=following)


@router.get("/pictures/{picture_id}", summary="A picture", operation_id="getPicture")
async def one(call: MayLook, picture_id: UUID) -> KeptPicture:
    """All that is known of it. That it was looked up stays in the patient's events."""
    return await _found(call, picture_id)


@router.post("/pictures/{picture_id}/links", summary="Open a picture", operation_id="linkPicture")
async def link(ports: PortsHere, claims: StaffClaims, picture_id: UUID, body: StaffLinkRequest) -> PictureLink:
    """A link to any file of it, good for five minutes. A file that holds a virus or a program is given to nobody."""
    now = clock.now()
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.READ_MEDIA)
        file = await file_to_link(writing, None, picture_id, body.variant, Holder.STAFF)
        looked = Happening("pictures.read", file.patient_id, patient_id=file.patient_id)
        await record(writing, claims.clinic_id, Actor(ActorKind.STAFF, staff.staff_id), [looked], now)
    return await linked(ports, claims.clinic_id, picture_id, body.variant, file, to_staff(claims), now)


@router.patch("/pictures/{picture_id}", summary="Correct a picture's facts", operation_id="changePicture")
async def change(call: MayChange, picture_id: UUID, body: PictureChange) -> KeptPicture:
    """Kind, day and teeth. To hide it from those who act for the patient: `PUT …/private/picture/{picture_id}`."""
    taken_on: date | None = body.taken_on
    said = body.model_fields_set
    kind = body.kind if "kind" in said else None
    teeth = fdi_codes(body.teeth) if "teeth" in said else None
    undated = taken_on is None and "taken_on" in said
    await describe_picture(call.writing, picture_id, kind, taken_on, teeth, call.actor, call.now, undated=undated)
    return await _found(call, picture_id)


@router.post("/pictures/{picture_id}/release", summary="Release a picture", operation_id="releasePicture")
async def release(call: MayChange, picture_id: UUID, body: PictureRelease) -> KeptPicture:
    """Show it to its patient, as soon as it was looked into. Again changes the comment alone."""
    await release_picture(call.writing, picture_id, body.comment, call.actor, call.now)
    return await _found(call, picture_id)


@router.post("/pictures/{picture_id}/hide", summary="Hide a picture", operation_id="hidePicture")
async def hide(call: MayChange, picture_id: UUID) -> KeptPicture:
    """Show it to its patient no more. Links that were given end with it."""
    await hide_picture(call.writing, picture_id, call.actor, call.now)
    return await _found(call, picture_id)


@router.post("/pictures/{picture_id}/move", summary="Move a picture to another record", operation_id="movePicture")
async def move(call: MayChange, picture_id: UUID, body: PictureMove) -> KeptPicture:
    """It was put into the wrong record. There it is not released, and stands in no series; both records note it."""
    await move_picture(call.writing, picture_id, body.patient_id, body.reason, call.actor, call.now)
    await look_for_voice(call.writing, call.clinic_id, picture_id)
    return await _found(call, picture_id)


@router.post("/pictures/{picture_id}/verdict", summary="Decide on a held picture", operation_id="decideOnPicture")
async def decide(call: MayChange, picture_id: UUID, body: PictureVerdict) -> VerdictReceipt:
    """Keep a picture whose file names somebody else, or take one out of quarantine for good."""
    state = await decide_on_picture(call.writing, picture_id, body.verdict, call.actor, call.now)
    return VerdictReceipt(picture_id=picture_id, state=state)


async def _found(call: StaffWrites, picture_id: UUID) -> KeptPicture:
    """With the trace of a look: a change answers with all that a look shows."""
    found = await kept_picture(call.writing, picture_id)
    if found is None:
        raise NotFound
    await call.note_read("pictures", found.patient_id)
    return found
