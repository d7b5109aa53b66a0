"""Takes files in for staff and partners alike: announced first, then in parts or in one request, then complete.

A crash at any line leaves an upload that goes on where it was, or that the sweep forgets after a day: its row is
there before the first byte, and no picture is there before the last one.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterable, Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

from api.ports import MediaPorts
from api.teeth import fdi_codes
from api.upload_views import PartAddress, UploadPart, UploadStart, UploadView
from core.clock import now
from core.database import Reading, Scope
from core.errors import NotFound
from core.events import Actor
from media.commands import Kept, Started, complete_upload, give_up_upload, name_storage, start_upload
from media.kinds import MediaType, PictureKind, Variant
from media.queries import HeldUpload, PictureFile, state_of, upload_of
from media.storage import Missing, PartsDiffer, file_key
from media.upload import (
    ADDRESS_SECONDS,
    PART_BYTES,
    Announced,
    ExternalName,
    PartTooLong,
    PartTooShort,
    UploadIncomplete,
    UploadOver,
    UploadState,
    check_size,
    is_whole,
    parts_of,
)

LARGEST_PART = PART_BYTES + 1024


@dataclass(frozen=True, slots=True)
class Admitted:
    """Who sends, for whom, and how the picture is named over there."""

    patient_id: UUID
    sender: Actor
    name: ExternalName | None = None


Admit = Callable[[Reading], Awaitable[Admitted]]
Stand = Callable[[Reading], Awaitable[Actor]]
"""Who calls, asked anew in each transaction: a right may end while a file is on its way."""


async def start(ports: MediaPorts, scope: Scope, admit: Admit, body: UploadStart) -> tuple[UploadView | None, Started]:
    """Announce a file. Without a view the same name brought the same bytes before: what was `Started` tells."""
    started = await _announce(ports, scope, admit, announced(body))
    if started.upload is None:
        return None, started
    return await _view(ports, scope, started.upload), started


def announced(body: UploadStart) -> Announced:
    return Announced(
        body.kind, MediaType(body.media_type), body.size_bytes, body.sha256, body.taken_on,
        body.released or body.kind is PictureKind.VOICE, body.private, fdi_codes(body.teeth),
    )  # fmt: skip


async def _begun(ports: MediaPorts, scope: Scope, held: HeldUpload) -> HeldUpload:
    """With the storage's name of it, begun anew where the storage knows the one we have no more.

    A crash before that is noted leaves one that the storage forgets after a day.
    """
    begun = await ports.storage.begin(held.key, held.media_type)
    async with ports.database.writing(scope) as writing:
        noted = await name_storage(writing, held.upload_id, held.storage_id, begun)
    if noted != begun:
        await ports.storage.give_up(held.key, begun)
    return replace(held, storage_id=noted)


async def look(ports: MediaPorts, scope: Scope, stand: Stand, upload_id: UUID) -> UploadView:
    """How far it is, with fresh addresses for what is missing."""
    held = await _mine(ports, scope, stand, upload_id)
    return await _view(ports, scope, held)


async def _mine(ports: MediaPorts, scope: Scope, stand: Stand, upload_id: UUID) -> HeldUpload:
    async with ports.database.reading(scope) as reading:
        held = await upload_of(reading, upload_id, await stand(reading))
    if held is None or (held.state is UploadState.OPEN and held.expires_at <= now()):
        raise NotFound
    return held


async def _with_parts(ports: MediaPorts, scope: Scope, held: HeldUpload) -> tuple[HeldUpload, dict[int, int]]:
    """An upload that the storage knows, and the sizes of its parts that are here, by number."""
    received = await _received(ports, held)
    if received is None and held.state is UploadState.OPEN:
        held = await _begun(ports, scope, held)
        received = await _received(ports, held)
    return held, received or {}


async def _view(ports: MediaPorts, scope: Scope, held: HeldUpload) -> UploadView:
    held, received = await _with_parts(ports, scope, held)
    became = None
    if held.picture_id is not None:
        async with ports.database.reading(scope) as reading:
            became = await state_of(reading, held.picture_id)
    is_complete = held.state is UploadState.COMPLETE
    return UploadView(
        upload_id=held.upload_id,
        patient_id=held.patient_id,
        state=held.state,
        size_bytes=held.size_bytes,
        received_bytes=held.size_bytes if is_complete else sum(received.values()),
        parts=[] if is_complete else [await _part(ports, held, number, received) for number in _numbers(held)],
        expires_at=held.expires_at,
        picture_id=held.picture_id,
        picture_state=became[0] if became else None,
        reason=became[1] if became else None,
    )


def _numbers(held: HeldUpload) -> range:
    return range(1, len(parts_of(held.size_bytes, held.part_bytes)) + 1)


async def _part(ports: MediaPorts, held: HeldUpload, number: int, received: dict[int, int]) -> UploadPart:
    size, first_byte = _size(held, number), (number - 1) * held.part_bytes
    is_here = received.get(number) == size
    assert held.storage_id is not None
    signed = None
    if not is_here:
        signed = await ports.storage.signed_part(held.key, held.storage_id, number, size, ADDRESS_SECONDS)
    address = PartAddress(url=signed.url, headers=dict(signed.headers)) if signed else None
    return UploadPart(number=number, first_byte=first_byte, size_bytes=size, received=is_here, address=address)


async def _received(ports: MediaPorts, held: HeldUpload) -> dict[int, int] | None:
    """Sizes of the parts that are here, by number; None where the storage knows nothing of it."""
    if held.state is not UploadState.OPEN or held.storage_id is None:
        return None
    try:
        return {part.number: part.size_bytes for part in await ports.storage.parts(held.key, held.storage_id)}
    except Missing:
        # Made one already, by a request that ended before it could note that; or else forgotten.
        is_whole = await ports.storage.size(held.key) == held.size_bytes
        return {number: _size(held, number) for number in _numbers(held)} if is_whole else None


def _size(held: HeldUpload, number: int) -> int:
    span = parts_of(held.size_bytes, held.part_bytes)[number - 1]
    return span.last - span.first + 1


async def take_part(
    ports: MediaPorts, scope: Scope, stand: Stand, upload_id: UUID, number: int, stream: AsyncIterable[bytes]
) -> UploadPart:
    """Keep one part that comes piece by piece. The same part again replaces it."""
    held = await _mine(ports, scope, stand, upload_id)
    if held.state is not UploadState.OPEN:
        raise UploadOver
    if number not in _numbers(held):
        raise NotFound
    content = await _body(stream, _size(held, number))
    held = held if held.storage_id is not None else await _begun(ports, scope, held)
    try:
        await ports.storage.put_part(held.key, held.storage_id or "", number, content)
    except Missing:
        if await ports.storage.size(held.key) is not None:
            raise UploadOver from None
        held = await _begun(ports, scope, held)
        await ports.storage.put_part(held.key, held.storage_id or "", number, content)
    return await _part(ports, held, number, {number: len(content)})


async def _body(stream: AsyncIterable[bytes], size: int) -> bytes:
    """Exactly `size` bytes; not one more is read. Raises `PartTooLong`, `PartTooShort`."""
    content = bytearray()
    async for piece in stream:
        content += piece
        if len(content) > size:
            raise PartTooLong(size)
    if len(content) != size:
        raise PartTooShort(size)
    return bytes(content)


async def complete(ports: MediaPorts, scope: Scope, stand: Stand, upload_id: UUID) -> tuple[Kept, PictureFile]:
    """All parts are here: make them one, then the picture. Again gives the same picture.

    A crash after the storage made them one and before the row: the next call finds the whole file and goes on.
    """
    held = await _mine(ports, scope, stand, upload_id)
    try:
        if held.state is UploadState.OPEN:
            await _make_one(ports, held)
    except UploadIncomplete:
        # Somebody else may have completed it, and a worker have taken the bytes away, since the row was read.
        if (await _mine(ports, scope, stand, upload_id)).state is UploadState.OPEN:
            raise
    async with ports.database.writing(scope) as writing:
        return await complete_upload(writing, held.clinic_id, upload_id, await stand(writing), now())


async def _make_one(ports: MediaPorts, held: HeldUpload) -> None:
    if held.storage_id is None:
        raise UploadIncomplete
    try:
        parts = await ports.storage.parts(held.key, held.storage_id)
        if not is_whole({part.number: part.size_bytes for part in parts}, held.size_bytes, held.part_bytes):
            raise UploadIncomplete
        await ports.storage.finish(held.key, held.storage_id, parts)
    except PartsDiffer:
        raise UploadIncomplete from None
    except Missing:
        if await ports.storage.size(held.key) != held.size_bytes:
            raise UploadIncomplete from None


async def give_up(ports: MediaPorts, scope: Scope, stand: Stand, upload_id: UUID) -> None:
    """Forget what came. What is complete already is a picture, and stays."""
    held = await _mine(ports, scope, stand, upload_id)
    async with ports.database.writing(scope) as writing:
        await stand(writing)
        gone = await give_up_upload(writing, upload_id)
    if gone is None:
        raise UploadOver
    if gone.storage_id is not None:
        await ports.storage.give_up(held.key, gone.storage_id)


async def take_whole(
    ports: MediaPorts, scope: Scope, admit: Admit, stand: Stand, told: Announced, content: bytes
) -> tuple[Kept, PictureFile]:
    """A file that came in one request: announced, stored under its own name, noted."""
    assert scope.clinic_id is not None
    started = await _announce(ports, scope, admit, told)
    if started.upload is None:
        assert started.kept is not None and started.picture is not None  # noqa: PT018
        return started.kept, started.picture
    if started.upload.state is UploadState.OPEN:
        key = file_key(scope.clinic_id, told.sha256, Variant.ORIGINAL)
        await ports.storage.put(key, content, told.media_type)
    async with ports.database.writing(scope) as writing:
        sender = await stand(writing)
        return await complete_upload(writing, scope.clinic_id, started.upload.upload_id, sender, now(), at_home=True)


async def _announce(ports: MediaPorts, scope: Scope, admit: Admit, told: Announced) -> Started:
    assert scope.clinic_id is not None
    check_size(told.size_bytes)
    async with ports.database.writing(scope) as writing:
        who = await admit(writing)
        return await start_upload(
            writing, scope.clinic_id, who.patient_id, told, who.name, who.sender, ports.quota, now()
        )


async def sha256_of(content: bytes) -> str:
    return await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
