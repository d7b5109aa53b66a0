"""Files that come in parts, in a folder: each upload is a hidden folder with its key and the parts that came.

An upload is there as a whole or not at all: its folder is made elsewhere and renamed into place, and renamed again
before it is emptied, so a part never comes into an upload that is over. A crash while it is emptied leaves it among
the unfinished ones, and giving it up again ends the work.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from core.ids import new_id
from media.disk import keep, make_folders, sync_folder
from media.pieces import pieces_of
from media.storage import Missing, Part, PartsDiffer, Unfinished, check_parts, checked_number

_KEY, _OVER = "key", ".over"
_TAG = hashlib.sha256().digest_size
"""A part lies on the disk with its SHA-256 before it: whoever joins the parts sees that one was replaced meanwhile."""


class FolderUploads:
    """Uploads below `uploads`, each named by an id that tells when it was begun."""

    def __init__(self, uploads: Path, halves: Path) -> None:
        self._uploads = uploads
        self._halves = halves

    def begin(self, key: str) -> str:
        storage_id = str(new_id())
        make_folders(self._uploads)
        make_folders(self._halves)
        made = Path(tempfile.mkdtemp(dir=self._halves))  # mode 700
        keep(made / _KEY, self._halves, (key.encode(),))
        os.rename(made, self._uploads / storage_id)
        sync_folder(self._uploads)
        return storage_id

    def put_part(self, key: str, storage_id: str, number: int, content: bytes) -> Part:
        path = self._open(key, storage_id) / f"{checked_number(number):05}"
        digest = hashlib.sha256(content)
        try:
            keep(path, self._halves, (digest.digest(), content))
        except FileNotFoundError:
            raise Missing from None
        return Part(number, len(content), digest.hexdigest())

    def parts(self, key: str, storage_id: str) -> list[Part]:
        folder = self._open(key, storage_id)
        try:
            return [_part(folder / name) for name in sorted(os.listdir(folder)) if name != _KEY]
        except FileNotFoundError:
            raise Missing from None

    def finish(self, key: str, storage_id: str, named: Sequence[Part], path: Path) -> None:
        check_parts(self.parts(key, storage_id), named)
        make_folders(path.parent)
        try:
            keep(path, self._halves, _joined(self._open(key, storage_id), named))
        except FileNotFoundError:
            raise Missing from None
        self.give_up(key, storage_id)

    def give_up(self, key: str, storage_id: str) -> None:
        over = self._uploads / f"{_id(storage_id)}{_OVER}"
        with suppress(Missing, FileNotFoundError):
            os.rename(self._open(key, storage_id), over)
        if _key_of(over) == key:
            _empty(over)

    def give_up_under(self, folder: str) -> None:
        for each in self.unfinished():
            if each.key == folder or each.key.startswith(f"{folder}/"):
                self.give_up(each.key, each.storage_id)

    def unfinished(self) -> list[Unfinished]:
        if not self._uploads.is_dir():
            return []
        found = ((each.name.removesuffix(_OVER), _key_of(each)) for each in sorted(self._uploads.iterdir()))
        return [Unfinished(key, name, _begun_at(name)) for name, key in found if key is not None]

    def _open(self, key: str, storage_id: str) -> Path:
        folder = self._uploads / _id(storage_id)
        if _key_of(folder) != key:
            raise Missing
        return folder


def _id(storage_id: str) -> str:
    """The name as we write it: what comes from elsewhere never becomes a path as it is."""
    try:
        return str(UUID(storage_id))
    except ValueError:
        raise Missing from None


def _begun_at(storage_id: str) -> datetime:
    """A UUIDv7 begins with its milliseconds (RFC 9562 §5.7)."""
    return datetime.fromtimestamp((UUID(storage_id).int >> 80) / 1000, UTC)


def _key_of(folder: Path) -> str | None:
    try:
        return (folder / _KEY).read_text()
    except FileNotFoundError:
        return None


def _part(path: Path) -> Part:
    with path.open("rb") as file:
        return Part(int(path.name), os.fstat(file.fileno()).st_size - _TAG, file.read(_TAG).hex())


def _joined(folder: Path, named: Sequence[Part]) -> Iterator[bytes]:
    for part in sorted(named, key=lambda each: each.number):
        with (folder / f"{part.number:05}").open("rb") as file:
            if file.read(_TAG).hex() != part.tag:
                raise PartsDiffer
            yield from pieces_of(file)


def _empty(over: Path) -> None:
    """Its key goes last: until then it is found again."""
    with suppress(FileNotFoundError):
        for name in sorted(os.listdir(over), key=lambda each: each == _KEY):
            (over / name).unlink(missing_ok=True)
        over.rmdir()
        sync_folder(over.parent)
