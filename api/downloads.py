"""Sends stored files: piece by piece, so that memory does not grow with them, and with a word where one is lost."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.responses import Response

from core.errors import NotFound
from media.storage import Missing, Span, Storage

PIECE = 4 * 1024 * 1024
"""Bytes read from the storage at once: what a download holds in memory, however slow its reader is."""

ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The ZIP.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class FileLost(NotFound):
    """The row is there and its file is not: the storage lost it, or it was erased this very moment."""

    slug = "file-lost"


async def kept_bytes(storage: Storage, key: str, span: Span | None = None) -> bytes:
    """What `Storage.get` gives. Raises `FileLost`."""
    try:
        return await storage.get(key, span)
    except Missing:
        raise FileLost from None


async def zip_sent(storage: Storage, key: str, size: int, name: str) -> Response:
    """The first piece is read before the answer begins: a storage that is down still answers 503."""
    first = await kept_bytes(storage, key, Span(0, PIECE - 1))
    headers = {"content-length": str(size), "content-disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(storage, key, size, first), headers=headers, media_type="application/zip")


async def _pieces(storage: Storage, key: str, size: int, first: bytes) -> AsyncIterator[bytes]:
    yield first
    for start in range(PIECE, size, PIECE):
        yield await storage.get(key, Span(start, min(start + PIECE, size) - 1))
