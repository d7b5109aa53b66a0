"""`/v1/me/pictures`, `/v1/media`: a patient's X-rays and photos, and the short-lived links that open them.

A link is asked for per view by somebody who may see the picture now. It then works without a sign-in (an image
tag sends none) for five minutes, for one file; its address says nothing about the patient.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.downloads import kept_bytes
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.record import RecordRoutes
from api.ports import Ports, PortsHere
from api.problems import RangeNotSatisfiable, problem_response
from api.ranges import asked_span
from api.strict import StrictRoute
from api.transaction import PatientReads, record_reads
from clinic.household import AccessScope
from core.clock import now
from core.database import Scope
from core.errors import NotFound
from core.moments import Moment
from core.values import Value
from media.kinds import EXTENSIONS, Variant
from media.links import LINK_LIFE, SIGNATURE_LENGTH, signature, signed_clinic
from media.queries import Picture, Served, may_be_shown, picture_to_serve, pictures
from media.storage import Span, Storage, picture_key

routes = RecordRoutes("media")
router = APIRouter(tags=["media"], route_class=StrictRoute)

Reads = Annotated[PatientReads, record_reads(AccessScope.VIEW_MEDIA)]

PIECE = 4 * 1024 * 1024
"""Bytes read from the storage at once: what a download holds in memory, however slow its reader is."""


class PicturePage(Value):
    items: list[Picture] = Field(max_length=200)
    next_cursor: str | None


class PictureLinkRequest(Value):
    variant: Variant


class PictureLink(Value):
    """Opens one file of one picture until `expires_at`, for whoever holds it: do not keep or share it."""

    url: str = Field(max_length=2000)
    expires_at: Moment


@routes.get("/pictures", summary="My pictures", operation_id="listMyPictures")
async def shown(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> PicturePage:
    """X-rays and photos that the clinic released, latest first."""
    return await _page(ports, call, limit, cursor)


@routes.post("/pictures/{picture_id}/links", summary="Open my picture", operation_id="linkMyPicture")
async def link(ports: PortsHere, call: Reads, picture_id: UUID, body: PictureLinkRequest) -> PictureLink:
    """A link to the original or a preview, good for five minutes."""
    return await _link(ports, call, picture_id, body.variant)


async def _page(ports: Ports, call: PatientReads, limit: int, cursor: str | None) -> PicturePage:
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "shown pictures", call.patient_id), cursor, limit,
        lambda place, most: pictures(call.reading, call.patient_id, before=id_of(place), limit=most),
        lambda picture: [str(picture.picture_id)],
    )  # fmt: skip
    return PicturePage(items=items, next_cursor=following)


async def _link(ports: Ports, call: PatientReads, picture_id: UUID, variant: Variant) -> PictureLink:
    if not await may_be_shown(call.reading, call.patient_id, picture_id):
        raise NotFound
    expires_at = call.now.replace(microsecond=0) + LINK_LIFE
    signed = signature(_link_key(ports), call.clinic_id, picture_id, variant, expires_at)
    url = f"{ports.public_url}/v1/media/{picture_id}/{variant.value}?signature={signed}"
    return PictureLink(url=url, expires_at=expires_at)


def _link_key(ports: Ports) -> bytes:
    return ports.keys.secrets.keyed_hash("media links", "")


Signature = Annotated[str, Query(min_length=SIGNATURE_LENGTH, max_length=SIGNATURE_LENGTH, pattern="^[A-Za-z0-9_-]+$")]
_BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, of its own media type.", **_BYTES},
    206: {"description": "The piece that Range asked for.", **_BYTES},
    304: {"description": "The client has this file already."},
    403: {"description": "The link was signed for something else, or by nobody.", "content": _PROBLEM},
    410: {"description": "The link has expired.", "content": _PROBLEM},
    416: {"description": "The file ends before the piece begins.", "content": _PROBLEM},
}


@router.get(
    "/v1/media/{picture_id}/{variant}", summary="Fetch by link", operation_id="fetchPicture",
    response_class=Response, responses=_FILE,
)  # fmt: skip
async def fetch(
    ports: PortsHere, request: Request, picture_id: UUID, variant: Variant, signature: Signature
) -> Response:
    """The file behind a link, whole or in pieces (Range, If-Range, If-None-Match)."""
    return await _served(ports, request, picture_id, variant, signature)


@router.head(  # follows from GET (RFC 9110 §9.3.2), so the document does not name it
    "/v1/media/{picture_id}/{variant}", include_in_schema=False, operation_id="lookAtPicture",
)  # fmt: skip
async def look(
    ports: PortsHere, request: Request, picture_id: UUID, variant: Variant, signature: Signature
) -> Response:
    """What `GET` would answer, without the file."""
    return await _served(ports, request, picture_id, variant, signature)


async def _served(ports: Ports, request: Request, picture_id: UUID, variant: Variant, given: str) -> Response:
    clinic_id = signed_clinic(_link_key(ports), picture_id, variant, given, now())
    async with ports.database.reading(Scope(clinic_id)) as reading:
        served = await picture_to_serve(reading, picture_id, variant)
    if served is None:
        raise NotFound
    headers = _headers(served, variant)
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers={"etag": headers["etag"]})
    try:
        span = asked_span(_range_header(request, headers["etag"]), served.size_bytes)
    except RangeNotSatisfiable as refusal:
        answer = problem_response(request, refusal)
        answer.headers["content-range"] = f"bytes */{served.size_bytes}"
        return answer
    key = picture_key(clinic_id, served.patient_id, served.sha256, variant)
    return await _answer(ports.storage, request.method, key, served.size_bytes, span, headers)


def _headers(served: Served, variant: Variant) -> dict[str, str]:
    # Our own previews may be looked at in place; the file as it came is only ever saved.
    place = "attachment" if variant is Variant.ORIGINAL else "inline"
    return {
        "content-type": served.media_type.value,
        "content-disposition": f'{place}; filename="picture.{EXTENSIONS[served.media_type]}"',
        "etag": f'"{served.sha256[:32]}-{variant.value}"',
        "accept-ranges": "bytes",
    }


def _range_header(request: Request, etag: str) -> str | None:
    """The Range header, unless it was meant for another version of the file."""
    meant_for = request.headers.get("if-range", etag)
    return request.headers.get("range") if meant_for == etag and request.method == "GET" else None


async def _answer(
    storage: Storage, method: str, key: str, size: int, span: Span | None, headers: dict[str, str]
) -> Response:
    sent = span or Span(0, size - 1)
    headers["content-length"] = str(sent.last - sent.first + 1)
    if span is not None:
        headers["content-range"] = f"bytes {span.first}-{span.last}/{size}"
    if method == "HEAD":
        return Response(headers=headers)
    # The first piece is read before the answer begins: a storage that is down still answers 503.
    first = await kept_bytes(storage, key, Span(sent.first, min(sent.first + PIECE - 1, sent.last)))
    return StreamingResponse(_pieces(storage, key, sent, first), 206 if span else 200, headers)


async def _pieces(storage: Storage, key: str, sent: Span, first: bytes) -> AsyncIterator[bytes]:
    yield first
    for start in range(sent.first + PIECE, sent.last + 1, PIECE):
        yield await storage.get(key, Span(start, min(start + PIECE - 1, sent.last)))
