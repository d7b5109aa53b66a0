"""The plain twin of S3: files in a private folder, for development, tests and a clinic with one server."""

import asyncio
import os
import shutil
import tempfile
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from media.storage import Missing, Span, checked_key


class FolderStorage:
    """Keeps each key as a file of mode 600 below `root` (mode 700, made when it is missing)."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def put(self, key: str, content: bytes, media_type: str) -> None:  # noqa: ARG002  the row knows the type
        await asyncio.to_thread(self._put, self._path(key), content)

    async def get(self, key: str, span: Span | None = None) -> bytes:
        return await asyncio.to_thread(self._get, self._path(key), span)

    async def put_file(self, key: str, path: Path, media_type: str) -> None:  # noqa: ARG002  the row knows the type
        await asyncio.to_thread(self._put_file, self._path(key), path)

    async def keys_under(self, folder: str) -> list[str]:
        return await asyncio.to_thread(self._keys_under, self._path(folder))

    async def erase_under(self, folder: str) -> None:
        await asyncio.to_thread(self._erase_under, self._path(folder))

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*checked_key(key).split("/"))

    def _put(self, path: Path, content: bytes) -> None:
        self._fill(path, BytesIO(content))

    def _put_file(self, path: Path, given: Path) -> None:
        with given.open("rb") as source:
            self._fill(path, source)

    def _fill(self, path: Path, source: BinaryIO) -> None:
        self._make_folders(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".")  # mode 600 from the first moment
        try:
            with os.fdopen(handle, "wb") as file:
                shutil.copyfileobj(source, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
        _sync_folder(path.parent)

    def _make_folders(self, folder: Path) -> None:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(each.parent)

    def _keys_under(self, folder: Path) -> list[str]:
        files = (each for each in sorted(folder.rglob("*")) if each.is_file() and not each.name.startswith("."))
        return ["/".join(each.relative_to(self._root).parts) for each in files]

    @staticmethod
    def _erase_under(path: Path) -> None:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        if path.parent.exists():
            _sync_folder(path.parent)

    @staticmethod
    def _get(path: Path, span: Span | None) -> bytes:
        try:
            with path.open("rb") as file:
                if span is None:
                    return file.read()
                file.seek(span.first)
                return file.read(span.last - span.first + 1)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing from None


def _sync_folder(folder: Path) -> None:
    """A new name survives a power cut only when its folder was written too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
