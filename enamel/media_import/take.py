"""Takes one file of an archive in, by the same commands as the API: in one piece, or announced and sent in parts."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from uuid import UUID

from pydantic import ValidationError

from api.ports import MediaPorts
from api.upload_views import UploadStart
from api.uploads import Admitted, announced, complete, sha256_of, start, take_part, take_whole
from clinic.facts import BIRTHS_FROM
from core.clock import now
from core.database import Reading, Scope
from core.dates import latest_today
from core.errors import Refusal, Unavailable
from core.events import SYSTEM, Actor
from enamel.media_import.found import UNREADABLE, Found
from enamel.media_import.match import Match, NotMatched, Told, kind_of
from media.darkroom import Darkroom, Unfinished
from media.kinds import LARGEST_FILE, LARGEST_UPLOAD, MediaType, PictureKind, Rejected, media_type_of
from media.upload import ExternalName

_HEAD = 132
"""Bytes that tell the type of a file."""
_PIECE = 1024 * 1024


class NotTaken(Exception):
    """The file stays out; `reason` is a word of the report."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for on the command line."""

    clinic_id: UUID
    source: str
    match: Match
    kind: PictureKind | None
    released: bool
    dry_run: bool


@dataclass(frozen=True, slots=True)
class Looked:
    """A file whose type is known and that says whose it is."""

    found: Found
    media_type: MediaType
    told: Told


async def looked_at(order: Order, darkroom: Darkroom | None, found: Found) -> Looked:
    """Its first bytes, and what its path, the list or its header say. Raises `NotTaken`."""
    if found.refused is not None:
        raise NotTaken(found.refused)
    if found.size_bytes > LARGEST_UPLOAD:
        raise NotTaken("picture-too-large")
    try:
        told = order.match.tell(found.name)
    except NotMatched as error:
        raise NotTaken(error.reason) from None
    media_type = media_type_of(await _read(found.path, 0, _HEAD))
    if media_type is None:
        raise NotTaken("picture-type-refused")
    if order.match.reads_header:
        assert darkroom is not None
        told = await _named(darkroom, found.path, media_type)
    if told.taken_on is not None and not BIRTHS_FROM <= told.taken_on <= latest_today(now()):
        raise NotTaken("bad-day")
    return Looked(found, media_type, told)


async def _named(darkroom: Darkroom, path: Path, media_type: MediaType) -> Told:
    if media_type is not MediaType.DICOM:
        raise NotTaken("no-patient")
    try:
        facts = (await darkroom.do("named", {}, path)).facts
    except (Rejected, Unfinished):
        raise NotTaken(UNREADABLE) from None
    if not facts["patient_id"]:
        raise NotTaken("no-patient")
    return Told(facts["patient_id"], taken_on=date.fromisoformat(facts["taken_on"]) if facts["taken_on"] else None)


async def take(ports: MediaPorts, order: Order, looked: Looked, patient_id: UUID) -> None:
    """Make it a picture of this patient. Raises `NotTaken`, and `Unavailable` where nothing can be taken now."""
    name = ExternalName(order.source, looked.found.external_id)

    async def admit(_: Reading) -> Admitted:
        return Admitted(patient_id, SYSTEM, name)

    scope = Scope(order.clinic_id)
    try:
        if looked.found.size_bytes <= LARGEST_FILE:
            content = await _read(looked.found.path, 0, LARGEST_FILE + 1)
            body = _said(order, looked, len(content), await sha256_of(content))
            await take_whole(ports, scope, admit, _stand, announced(body), content)
            return
        body = _said(order, looked, looked.found.size_bytes, await _sha256(looked.found.path))
        view, _ = await start(ports, scope, admit, body)
        if view is None:
            return
        for part in view.parts:
            if not part.received:
                pieces = _pieces(looked.found.path, part.first_byte, part.size_bytes)
                await take_part(ports, scope, _stand, view.upload_id, part.number, pieces)
        await complete(ports, scope, _stand, view.upload_id)
    except Unavailable:
        raise
    except Refusal as refusal:
        raise NotTaken(refusal.slug) from None


async def _stand(_: Reading) -> Actor:
    return SYSTEM


def _said(order: Order, looked: Looked, size_bytes: int, sha256: str) -> UploadStart:
    told = looked.told
    try:
        return UploadStart(
            kind=kind_of(told, order.kind, looked.media_type),
            media_type=looked.media_type,
            size_bytes=size_bytes,
            sha256=sha256,
            taken_on=told.taken_on,
            teeth=list(told.teeth),
            released=order.released,
        )
    except ValidationError:
        raise NotTaken("invalid-input") from None


async def _read(path: Path, first: int, size: int) -> bytes:
    """At most `size` bytes from `first` on. Raises `NotTaken`."""

    def read() -> bytes:
        with path.open("rb") as file:
            file.seek(first)
            return file.read(size)

    try:
        return await asyncio.to_thread(read)
    except OSError:
        raise NotTaken(UNREADABLE) from None


async def _pieces(path: Path, first: int, size: int) -> AsyncIterator[bytes]:
    for begins in range(first, first + size, _PIECE):
        yield await _read(path, begins, min(_PIECE, first + size - begins))


async def _sha256(path: Path) -> str:
    def digest() -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    try:
        return await asyncio.to_thread(digest)
    except OSError:
        raise NotTaken(UNREADABLE) from None
