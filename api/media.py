"""`/v1/media`: short-lived links to one file of one picture, for patients and staff alike, and the files behind them.

A link is asked for per view by somebody who may see the picture now. It then works without a sign-in (an image
tag sends none) for five minutes, for one file; its address says nothing about the patient. When it is opened, the
right is asked again: a picture that was hidden, moved or marked as private meanwhile is not there any more, nor for
anybody who signed out or lost the right to see it.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import Field

from api.downloads import FileLost, kept_bytes
from api.elsewhere import sent_from_elsewhere
from api.etags import holds
from api.holders import TO_HEAR, TO_LOOK, still_may
from api.ports import Ports, PortsHere
from api.problems import RangeNotSatisfiable, problem_response
from api.ranges import asked_span
from api.strict import StrictRoute
from core.clock import now
from core.database import Reading, Scope
from core.errors import NotFound
from core.moments import Moment
from core.values import Value
from media.formats import converted
from media.kinds import Variant
from media.links import LINK_LIFE, SIGNATURE_LENGTH, GivenTo, Holder, Link, opened_link, patient_mark, signature
from media.queries import Served, served
from media.storage import Span, Storage
from media.variant import MADE_FROM

router = APIRouter(tags=["media"], route_class=StrictRoute)

PIECE = 4 * 1024 * 1024
"""Bytes read from the storage at once: what a download holds in memory, however slow its reader is."""


class PictureLink(Value):
    """Opens one file of one picture until `expires_at`, for whoever holds it: do not keep or share it."""

    url: str = Field(max_length=2000)
    expires_at: Moment


async def file_to_link(
    reading: Reading, patient_id: UUID | None, picture_id: UUID, variant: Variant, holder: Holder
) -> Served:
    """What a link may be given to. Raises `NotFound`; `patient_id` None: of any patient of the clinic."""
    found = await served(reading, picture_id, variant)
    if found is None or found.is_voice or patient_id not in (None, found.patient_id) or not found.opens_for(holder):
        raise NotFound
    return found


async def voice_to_link(reading: Reading, patient_id: UUID, voice_id: UUID, holder: Holder, who: UUID) -> Served:
    """The copy of a voice message of this patient. Raises `NotFound`: also staff hears only what is shown, and what
    was not said is heard by who spoke it alone.
    """
    found = await served(reading, voice_id, Variant.DOWNLOAD)
    if found is None or not found.is_voice or found.patient_id != patient_id:
        raise NotFound
    if not (found.is_shown and found.opens_for(holder) and found.is_heard_by(who)):
        raise NotFound
    return found


async def linked(
    ports: Ports, clinic_id: UUID, picture_id: UUID, variant: Variant, file: Served, given_to: GivenTo, at: datetime
) -> PictureLink:
    """A link to it. What is made when it is first asked for is made here: outside of any transaction."""
    if variant in MADE_FROM:
        await _make(ports, clinic_id, picture_id, variant, file.key)
    expires_at = at.replace(microsecond=0) + LINK_LIFE
    signed = signature(_link_key(ports), clinic_id, file.patient_id, picture_id, variant, given_to, expires_at)
    url = f"{ports.public_url}/v1/media/{picture_id}/{variant.value}?signature={signed}"
    return PictureLink(url=url, expires_at=expires_at)


async def _make(ports: Ports, clinic_id: UUID, picture_id: UUID, variant: Variant, key: str) -> None:
    """Who asks at the same moment makes the same bytes twice, and one replaces the other."""
    if await ports.storage.size(key) is not None:
        return
    source, media_type = MADE_FROM[variant]
    async with ports.database.reading(Scope(clinic_id)) as reading:
        preview = await served(reading, picture_id, source)
    if preview is None:
        raise NotFound
    content = await kept_bytes(ports.storage, preview.key)
    await ports.storage.put(key, await asyncio.to_thread(converted, content, media_type), media_type.value)


def _link_key(ports: Ports) -> bytes:
    return ports.keys.secrets.keyed_hash("media links", "")


Signature = Annotated[str, Query(min_length=SIGNATURE_LENGTH, max_length=SIGNATURE_LENGTH, pattern="^[A-Za-z0-9_-]+$")]
_BYTES: dict[str, Any] = {"content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file, of its own media type.", **_BYTES},
    206: {"description": "The piece that Range asked for.", **_BYTES},
    304: {"description": "The client has this file already."},
    403: {"description": "The link was signed for something else, or by nobody.", "content": _PROBLEM},
    410: {"description": "The link has expired.", "content": _PROBLEM},
    416: {"description": "The file ends before the piece begins.", "content": _PROBLEM},
}


@router.get(
    "/v1/media/{picture_id}/{variant}", summary="Fetch by link", operation_id="fetchPicture",
    response_class=Response, responses=FILE_ANSWERS,
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
    at = now()
    link = opened_link(_link_key(ports), picture_id, variant, given, at)
    file = await _still_theirs(ports, link, picture_id, variant, at)
    headers = _headers(file)
    if holds(request.headers, file.etag):
        return Response(status_code=304, headers={"etag": file.etag})
    if file.is_elsewhere:
        return await sent_from_elsewhere(ports, request, link.clinic_id, picture_id, file.size_bytes, headers)
    size = await _size(ports.storage, file)
    try:
        span = asked_span(_range_header(request, file.etag), size)
    except RangeNotSatisfiable as refusal:
        answer = problem_response(request, refusal)
        answer.headers["content-range"] = f"bytes */{size}"
        return answer
    return await _answer(ports.storage, request.method, file.key, size, span, headers)


async def _still_theirs(ports: Ports, link: Link, picture_id: UUID, variant: Variant, at: datetime) -> Served:
    """What became of the picture, and of who asked for it, since the link was given. Raises `NotFound`."""
    async with ports.database.reading(Scope(link.clinic_id)) as reading:
        file = await served(reading, picture_id, variant)
        if file is None or not file.opens_for(link.given_to.holder):
            raise NotFound
        if patient_mark(_link_key(ports), file.patient_id, picture_id) != link.mark:
            raise NotFound
        who = await still_may(reading, link.given_to, file.patient_id, at, TO_HEAR if file.is_voice else TO_LOOK)
        if file.is_voice and not file.is_heard_by(who):
            raise NotFound
    return file


async def _size(storage: Storage, file: Served) -> int:
    size = file.size_bytes if file.size_bytes is not None else await storage.size(file.key)
    if size is None:
        raise FileLost
    return size


def _headers(file: Served) -> dict[str, str]:
    # Our own previews may be looked at in place; bytes that came from somewhere are only ever saved (RFC 6266).
    place = "attachment" if file.is_saved else "inline"
    return {
        "content-type": file.media_type.value,
        "content-disposition": f'{place}; filename="{file.name}"',
        "etag": file.etag,
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
