"""Sends the original of a picture that another server keeps: fetched when it is asked for, whole, and kept nowhere."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from fastapi import Request, Response
from fastapi.responses import StreamingResponse

from api.ports import Ports
from core.database import Scope
from core.errors import NotFound
from media.archives import Archives
from media.dicomweb import ArchiveUnreachable, InstanceChanged, Trouble, file_of
from media.pieces import PIECE
from media.queries import kept_elsewhere


def archives_of(ports: Ports) -> Archives:
    """Raises `ArchiveUnreachable` where none can be asked."""
    if ports.archives is None:
        raise ArchiveUnreachable(Trouble.UNREACHABLE)
    return ports.archives


async def sent_from_elsewhere(
    ports: Ports, request: Request, clinic_id: UUID, picture_id: UUID, size: int | None, headers: dict[str, str]
) -> Response:
    """The file itself, all of it before the first byte leaves: one that fails on its way, or is another than was looked
    into, is a refusal and no half answer.

    Raises `InstanceGone`, `InstanceChanged`, `SourceEnded`, `ArchiveUnreachable`.
    """
    async with ports.database.reading(Scope(clinic_id)) as reading:
        place = (await kept_elsewhere(reading, [picture_id])).get(picture_id)
    if place is None:
        raise NotFound
    headers = {**headers, "accept-ranges": "none", "content-length": str(size)}
    if request.method == "HEAD":  # an archive is not asked for half a gigabyte that nobody reads
        return Response(headers=headers)
    with tempfile.TemporaryDirectory(prefix="served-", dir=ports.storage.workplace()) as folder:
        path = Path(folder) / "original"
        sha256 = await archives_of(ports).fetch(place.elsewhere, path)
        if file_of(sha256, place.elsewhere.instance.frame) != place.sha256:
            raise InstanceChanged
        file = path.open("rb")  # outlives its name: nothing is left behind, however the answer ends
    return StreamingResponse(_pieces(file), headers=headers)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while piece := await asyncio.to_thread(file.read, PIECE):
            yield piece
