"""The plain twin of S3: files in a private folder, for development, tests and a clinic with one server."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from errno import errorcode
from pathlib import Path
from stat import S_ISREG
from typing import ParamSpec, TypeVar

from core.errors import Unavailable
from media.disk import forget_older, keep, keep_all, keep_same, make_folders, remove
from media.folder_uploads import FolderUploads
from media.pieces import pieces_of, sha256_of, write_pieces
from media.storage import Given, Missing, Part, Signed, Span, Unfinished, checked_key

_NOTHING = (FileNotFoundError, IsADirectoryError, NotADirectoryError)
_HALVES_STAY = timedelta(days=1)
_PAUSE = 5
_LOG = logging.getLogger("enamel.media")
P = ParamSpec("P")
T = TypeVar("T")


class FolderStorage:
    """Keeps each key as a file of mode 600 below `root` (mode 700, made when it is missing).

    No part of a key begins with a dot, so what is on its way lies beside the keys: `.half` holds what is being
    written, `.uploads` the uploads that are neither finished nor given up. Types are not kept: the rows know them.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._halves = root / ".half"
        self._uploads = FolderUploads(root / ".uploads", self._halves)

    async def put(self, key: str, content: bytes, media_type: str) -> None:  # noqa: ARG002  the row knows the type
        await _on_disk(self._put, self._path(key), content)

    async def get(self, key: str, span: Span | None = None) -> bytes:
        return await _on_disk(self._get, self._path(key), span)

    async def put_file(self, key: str, path: Path, media_type: str) -> None:  # noqa: ARG002  the row knows the type
        await _on_disk(self._put_file, self._path(key), path)

    async def put_all(self, given: Sequence[Given]) -> None:
        await _on_disk(self._put_all, [(self._path(each.key), each.content) for each in given])

    async def get_file(self, key: str, path: Path) -> str:
        return await _on_disk(self._get_file, self._path(key), path)

    async def size(self, key: str) -> int | None:
        return await _on_disk(self._size, self._path(key))

    async def copy(self, key: str, to: str) -> None:
        await _on_disk(self._copy, self._path(key), self._path(to))

    async def keys_under(self, folder: str) -> list[str]:
        return await _on_disk(self._keys_under, self._path(folder))

    async def erase_under(self, folder: str) -> None:
        await _on_disk(self._erase_under, folder, self._path(folder))

    async def begin(self, key: str, media_type: str) -> str:  # noqa: ARG002  the row knows the type
        return await _on_disk(self._uploads.begin, checked_key(key))

    async def put_part(self, key: str, storage_id: str, number: int, content: bytes) -> Part:
        return await _on_disk(self._uploads.put_part, checked_key(key), storage_id, number, content)

    async def parts(self, key: str, storage_id: str) -> list[Part]:
        return await _on_disk(self._uploads.parts, checked_key(key), storage_id)

    async def finish(self, key: str, storage_id: str, parts: Sequence[Part]) -> None:
        await _on_disk(self._uploads.finish, key, storage_id, parts, self._path(key))

    async def give_up(self, key: str, storage_id: str) -> None:
        await _on_disk(self._give_up, checked_key(key), storage_id)

    async def unfinished(self) -> list[Unfinished]:
        return await _on_disk(self._uploads.unfinished)

    async def signed_part(self, key: str, storage_id: str, number: int, size_bytes: int, seconds: int) -> Signed | None:  # noqa: ARG002
        return None

    async def signed_put(self, key: str, media_type: str, size_bytes: int, sha256: str, seconds: int) -> Signed | None:  # noqa: ARG002
        return None

    async def signed_post(self, key: str, media_type: str, size_bytes: int, seconds: int) -> Signed | None:  # noqa: ARG002
        return None

    async def signed_get(self, key: str, media_type: str, file_name: str, seconds: int) -> Signed | None:  # noqa: ARG002
        return None

    async def prepare(self, now: datetime) -> None:
        await _on_disk(self._forget_halves, (now - _HALVES_STAY).timestamp())

    def workplace(self) -> Path:
        make_folders(self._halves)
        return self._halves

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def _make_room(self, path: Path) -> None:
        make_folders(self._halves)
        make_folders(path.parent)

    def _put(self, path: Path, content: bytes) -> None:
        self._make_room(path)
        keep(path, self._halves, (content,))

    def _put_file(self, path: Path, given: Path) -> None:
        with given.open("rb") as source:
            self._make_room(path)
            keep(path, self._halves, pieces_of(source))

    def _put_all(self, given: Sequence[tuple[Path, bytes | Path]]) -> None:
        make_folders(self._halves)
        for folder in {path.parent for path, _ in given}:
            make_folders(folder)
        keep_all(self._halves, given)

    def _copy(self, given: Path, path: Path) -> None:
        if self._size(given) is None:
            raise Missing
        self._make_room(path)
        try:
            keep_same(path, self._halves, given)
        except _NOTHING:
            raise Missing from None

    def _keys_under(self, folder: Path) -> list[str]:
        files = (each for each in sorted(folder.rglob("*")) if each.is_file())
        return ["/".join(each.relative_to(self._root).parts) for each in files]

    def _erase_under(self, folder: str, path: Path) -> None:
        self._uploads.give_up_under(folder)
        remove(path)

    def _give_up(self, key: str, storage_id: str) -> None:
        try:
            self._uploads.give_up(key, storage_id)
        except Missing:
            return  # no name of an upload at all

    def _forget_halves(self, before: float) -> None:
        forget_older(self._halves, before)

    @staticmethod
    def _size(path: Path) -> int | None:
        try:
            found = path.stat()
        except _NOTHING:
            return None
        return found.st_size if S_ISREG(found.st_mode) else None

    @staticmethod
    def _get(path: Path, span: Span | None) -> bytes:
        try:
            with path.open("rb") as file:
                if span is None:
                    return file.read()
                file.seek(span.first)
                return file.read(span.last - span.first + 1)
        except _NOTHING:
            raise Missing from None

    @staticmethod
    def _get_file(path: Path, to: Path) -> str:
        try:
            os.link(path, to)
        except FileExistsError:
            raise  # nothing is written there: it may be a second name of the kept file
        except OSError:  # no second names here, or nothing to name: what it is, opening it tells
            return _copied(path, to)
        return sha256_of(to)


def _copied(path: Path, to: Path) -> str:
    try:
        source = path.open("rb")
    except _NOTHING:
        raise Missing from None
    with source:
        return write_pieces(to, pieces_of(source))


async def _on_disk(do: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """In a thread. What the disk refuses (full, read-only, broken) is said in the log, and `Unavailable`."""
    try:
        return await asyncio.to_thread(do, *given, **named)
    except OSError as error:
        _LOG.error("the storage's folder refuses: %s", errorcode.get(error.errno or 0, "no reason given"))
        raise Unavailable(retry_after_seconds=_PAUSE) from error
