"""`/v1/me/pictures`: a patient's X-rays and photos, and the short-lived links that open them."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import Field

from api.caller import PatientClaims
from api.holders import to_opener
from api.media import PictureLink, file_to_link, linked
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.teeth import FdiTooth
from api.transaction import PatientReads, RecordAsked, record_opened, record_reads, scope_of
from clinic.household import AccessScope
from core import clock
from core.errors import NotFound
from core.values import Value
from media.kinds import PictureKind, Variant
from media.queries import Picture, Which, pictures, pictures_named
from media.variant import PatientVariant

routes = RecordRoutes("media")

Reads = Annotated[PatientReads, record_reads(AccessScope.VIEW_MEDIA)]


class PicturePage(Value):
    items: list[Picture] = Field(max_length=200)
    next_cursor: str | None


class PictureLinkRequest(Value):
    variant: PatientVariant = Field(examples=["preview_1024"])


@routes.get("/pictures", summary="My pictures", operation_id="listMyPictures")
async def shown(
    ports: PortsHere,
    call: Reads,
    kind: PictureKind | None = None,
    tooth: Annotated[FdiTooth | None, Query(description="Only those that show this tooth, FDI.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> PicturePage:
    """X-rays and photos that the clinic released, latest first."""
    which = Which(kind, tooth)
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"shown pictures {which.name}", call.patient_id), cursor, limit,
        lambda place, most: pictures(call.reading, call.patient_id, before=id_of(place), limit=most, which=which),
        lambda picture: [str(picture.picture_id)],
    )  # fmt: skip
    return PicturePage(items=items, next_cursor=following)


@routes.get("/pictures/{picture_id}", summary="One of my pictures", operation_id="getMyPicture")
async def one(call: Reads, picture_id: UUID) -> Picture:
    """A picture that the clinic released."""
    found = await pictures_named(call.reading, call.patient_id, [picture_id])
    if not found:
        raise NotFound
    return found[0]


@routes.post("/pictures/{picture_id}/links", summary="Open my picture", operation_id="linkMyPicture")
async def link(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, picture_id: UUID, body: PictureLinkRequest
) -> PictureLink:
    """A link to a preview or to the whole picture, good for five minutes, as long as the picture is shown."""
    variant, now = Variant(body.variant.value), clock.now()
    async with ports.database.reading(scope_of(claims)) as reading:
        opened = await record_opened(reading, claims, asked, now, AccessScope.VIEW_MEDIA)
        given_to = to_opener(claims, opened)
        file = await file_to_link(reading, opened.patient_id, picture_id, variant, given_to.holder)
    return await linked(ports, claims.clinic_id, picture_id, variant, file, given_to, now)
