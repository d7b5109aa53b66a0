"""The port to where files are kept: the same for a folder and for S3, whole or in parts."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from media.kinds import Variant

SMALLEST_PART = 5 * 1024**2
"""Of every part but the last, as S3 wants it (and so does the folder, or only S3 would find the mistake)."""
MOST_PARTS = 10_000

_KEY = re.compile(r"[a-z0-9_-][a-z0-9_.-]{0,127}(/[a-z0-9_-][a-z0-9_.-]{0,127}){0,7}")
_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_. -]{0,99}")


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a file: from byte `first` to byte `last`, both included, as HTTP counts (RFC 9110 §14.1.2)."""

    first: int
    last: int


class Missing(Exception):
    """Nothing is kept under this key, or no upload goes by this name."""


class PartsDiffer(Exception):
    """The parts that came are not those that were named, are none, or one before the last is below `SMALLEST_PART`."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload that the storage holds: its number from 1, its size in bytes, the storage's tag of it."""

    number: int
    size_bytes: int
    tag: str


@dataclass(frozen=True, slots=True)
class Signed:
    """An address that lets whoever holds it do one thing with one key for a while, with what must be sent along.

    A PUT must carry exactly these `headers`; a POST is a form of these `fields` with the file last, named `file`.
    A browser sets `content-length` from the body by itself; everybody else sends it, and not in chunks.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that was begun and neither finished nor given up."""

    key: str
    storage_id: str
    begun_at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes that are to be kept under a key. A file at a path is given away: nobody looks for it there again."""

    key: str
    content: bytes | Path
    media_type: str


class Storage(Protocol):
    """Keeps bytes under keys of ours. Raises `core.errors.Unavailable` when it cannot be reached."""

    async def put(self, key: str, content: bytes, media_type: str) -> None:
        """Keep all of `content` or nothing; the same key again replaces it. Durable when it returns."""

    async def get(self, key: str, span: Span | None = None) -> bytes:
        """All bytes, or those of `span` that exist. Raises `Missing`. Large files are read span by span."""

    async def put_file(self, key: str, path: Path, media_type: str) -> None:
        """The same as `put` for a file of any size, read piece by piece."""

    async def put_all(self, given: Sequence[Given]) -> None:
        """Keep them all, each as `put` does; where it raises, some of them may be kept."""

    async def get_file(self, key: str, path: Path) -> str:
        """Bring the bytes to `path`, where nothing is yet; their SHA-256 in hex. Raises `Missing`.

        The file is mode 600, to be read and removed and never written into: it may be the kept one by a second name.
        Where it cannot be brought to its end, what lies there is worth nothing.
        """

    async def size(self, key: str) -> int | None:
        """How many bytes are kept there, None: nothing is."""

    async def copy(self, key: str, to: str) -> None:
        """Keep the same bytes under another key too, without them passing through here. Raises `Missing`.

        All or nothing, and again changes nothing. Up to 5 GiB, above every limit of ours.
        """

    async def keys_under(self, folder: str) -> list[str]:
        """The keys below a folder (`a/b` holds `a/b/c` and not `a/bc`); none where there is nothing."""

    async def erase_under(self, folder: str) -> None:
        """Forget everything that is kept below this folder, and under this very key. Again changes nothing.

        Uploads that were begun there and are not finished are given up too.
        """

    # --- Files that come in parts: at most `MOST_PARTS`, all but the last of at least `SMALLEST_PART` ---

    async def begin(self, key: str, media_type: str) -> str:
        """Begin an upload; the storage's name of it. Nothing is kept under `key` before `finish`."""

    async def put_part(self, key: str, storage_id: str, number: int, content: bytes) -> Part:
        """Keep one part; the same number again replaces it. Raises `Missing` for an upload that is over."""

    async def parts(self, key: str, storage_id: str) -> list[Part]:
        """What has come, by number. Raises `Missing`."""

    async def finish(self, key: str, storage_id: str, parts: Sequence[Part]) -> None:
        """Make them one, in order, all or nothing. Raises `PartsDiffer`, and `Missing` for an upload that is over.

        An upload that was finished is over, so whoever lost the answer and asks again is told `Missing`: `size` says
        then whether it was done. What was refused for its parts stays, and can be finished when they are mended.
        """

    async def give_up(self, key: str, storage_id: str) -> None:
        """Forget what came. Again, and for an upload that is over, changes nothing."""

    async def unfinished(self) -> list[Unfinished]:
        """Uploads that were begun and neither finished nor given up, of everybody.

        Those of this very moment are among them, and of `put_file` too: look at `begun_at` before giving one up.
        """

    # --- Addresses for others; None where the storage cannot give any: a folder has no door of its own ---

    async def signed_part(self, key: str, storage_id: str, number: int, size_bytes: int, seconds: int) -> Signed | None:
        """For a PUT of one part, of exactly this size."""

    async def signed_put(self, key: str, media_type: str, size_bytes: int, sha256: str, seconds: int) -> Signed | None:
        """For a PUT of a whole file of exactly this type and size, and of this SHA-256 (hex).

        Not every server compares the SHA-256 with the bytes: whoever takes the file compares it once more.
        """

    async def signed_post(self, key: str, media_type: str, size_bytes: int, seconds: int) -> Signed | None:
        """For a POST from a form: a whole file of exactly this type and size."""

    async def signed_get(self, key: str, media_type: str, file_name: str, seconds: int) -> Signed | None:
        """For a GET; answered as an attachment of this type and name: a changed address is refused.

        `file_name` is one of ours: letters, digits, `-_.` and blanks. Raises ValueError for another.
        """

    def workplace(self) -> Path:
        """A folder of this machine, closed to others, for files on their way in or out: near the kept ones where that
        spares a copy. What a crash leaves there, `prepare` forgets."""

    async def prepare(self, now: datetime) -> None:
        """Set what the storage does by itself, and forget what a crash left half written a day before `now`.

        On S3 a rule: unfinished uploads are forgotten after a day; where the server takes no such rule, that is
        logged. Again changes nothing.
        """


def checked_key(key: str) -> str:
    """`key` itself where it is one of ours: small letters, digits, `-_.`, up to eight parts, none starting with a dot.

    Raises ValueError: keys are made by us, so another one is a mistake of ours and never leaves the storage's root.
    """
    if not _KEY.fullmatch(key):
        raise ValueError("not a storage key")
    return key


def checked_number(number: int) -> int:
    """`number` itself where a part may have it; raises ValueError: parts are numbered by us."""
    if not 1 <= number <= MOST_PARTS:
        raise ValueError("not the number of a part")
    return number


def checked_name(file_name: str) -> str:
    """`file_name` itself where it can stand in a header as it is; raises ValueError: names are made by us."""
    if not _NAME.fullmatch(file_name):
        raise ValueError("not a file name of ours")
    return file_name


def check_parts(came: Sequence[Part], named: Sequence[Part]) -> None:
    """Whether those that were named are those that came, and can be made one; raises `PartsDiffer`."""
    in_order = sorted(came, key=lambda part: part.number)
    if not in_order or in_order != sorted(named, key=lambda part: part.number):
        raise PartsDiffer
    if any(part.size_bytes < SMALLEST_PART for part in in_order[:-1]):
        raise PartsDiffer


def file_key(clinic_id: UUID, sha256: str, variant: Variant) -> str:
    """Where a file and what was made of it are kept: named by what it is, so a clinic keeps the same file once."""
    return f"{file_folder(clinic_id, sha256)}/{variant.value}"


def file_folder(clinic_id: UUID, sha256: str) -> str:
    return f"{clinic_id}/files/{sha256}"


def upload_key(clinic_id: UUID, upload_id: UUID) -> str:
    """Where the bytes of an upload lie until they were looked into."""
    return f"{clinic_id}/uploads/{upload_id}"


def drawn_key(clinic_id: UUID, picture_id: UUID, version: int) -> str:
    """Where the drawn copy of a picture is kept: of this picture alone, whoever else has the same file."""
    return f"{clinic_id}/drawn/{picture_id}/{version}"


def sheet_key(clinic_id: UUID, series_id: UUID, fingerprint: str) -> str:
    """Where the contact sheet of a series is kept, as long as the series shows what `fingerprint` is of."""
    return f"{clinic_id}/sheets/{series_id}/{fingerprint}"
