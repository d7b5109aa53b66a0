"""Parcels between the darkroom and its processes: a few facts as JSON and any number of files, lengths first.

On the wire: the length of the head (four bytes, big-endian), the head (JSON: `facts`, and `sizes` of the files), the
files one after another. No pickle, which would run what it reads; no base64, which would cost a third of a picture.

The last file may come in pieces, each behind where it begins and how long it is (eight bytes each, signed): bytes that
follow begin at -1, all others lie in a file that both sides have. A picture's copy is mostly that picture: telling
where costs less than a third of what sending it does.
"""

import json
import os
import struct
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from core.errors import Unavailable
from media.pieces import PIECE, closed_to_others

_LENGTH, _SPAN = struct.Struct(">I"), struct.Struct(">qq")
_HERE = -1
_WORTH_TELLING = 64 * 1024  # shorter ones are sent: of a hostile file there may be very many
_LONGEST_HEAD = 1024**2
_MOST_FILES = 64


class Torn(Exception):
    """The other side ended in the middle of a parcel, or what it sent is none."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes `begins` to `ends` of the file that a job is about, whose bytes are `whole`."""

    whole: bytes
    begins: int
    ends: int

    def __len__(self) -> int:
        return self.ends - self.begins

    @property
    def view(self) -> memoryview:
        return memoryview(self.whole)[self.begins : self.ends]


Part = bytes | memoryview | Stretch


def bytes_in(part: Part) -> bytes | memoryview:
    return part.view if isinstance(part, Stretch) else part


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file that is made while it is sent, for one in memory is enough: `make` gives its pieces from the first on.

    They are `length` bytes together, known before the first of them is sent.
    """

    length: int
    make: Callable[[], Iterable[Part]]

    def __bytes__(self) -> bytes:
        return b"".join(map(bytes_in, self.make()))


@dataclass(frozen=True, slots=True)
class Parcel:
    """`facts` is whatever JSON can hold; `last` is a large file behind the others.

    It arrives as a file on the disk where its receiver named a place for it, else as one of `files`.
    """

    facts: dict[str, Any]
    files: tuple[bytes, ...] = ()
    last: Pieces | Path | None = None


def send(parcel: Parcel, out: IO[bytes], *, shares: bool = False) -> None:
    """Write one parcel and flush it; `shares`: who receives it has the file that the job is about.

    Raises OSError where nobody reads, `Torn` where the last file is not as long as it was told to be.
    """
    last = parcel.last if isinstance(parcel.last, Pieces) else None
    sizes = [len(file) for file in parcel.files] + ([last.length] if last else [])
    head = json.dumps({"facts": parcel.facts, "sizes": sizes, "last": last is not None}).encode()
    out.write(_LENGTH.pack(len(head)) + head)
    for file in parcel.files:
        out.write(file)
    if last and sum(_send_part(part, out, shares=shares) for part in last.make()) != last.length:
        raise Torn
    out.flush()


def _send_part(part: Part, out: IO[bytes], *, shares: bool) -> int:
    if shares and isinstance(part, Stretch) and len(part) >= _WORTH_TELLING:
        out.write(_SPAN.pack(part.begins, len(part)))
    elif len(part):
        out.write(_SPAN.pack(_HERE, len(part)))
        out.write(bytes_in(part))
    return len(part)


def receive(source: IO[bytes], most_bytes: int, last_into: Path | None = None, shared: Path | None = None) -> Parcel:
    """Read one parcel whose files have `most_bytes` together at most; its `last` one into a new file at `last_into`.

    `shared`: the file that the sender may have told stretches of. Raises `Torn`, EOFError between two parcels,
    `Unavailable` where the disk refuses.
    """
    start = source.read(_LENGTH.size)
    if not start:
        raise EOFError
    try:
        (length,) = _LENGTH.unpack(start)
        head = json.loads(_exactly(source, length if length <= _LONGEST_HEAD else -1))
        facts, sizes, has_last = head["facts"], [int(size) for size in head["sizes"]], head["last"] is True
    except (struct.error, ValueError, KeyError, TypeError):
        raise Torn from None
    is_sized = len(sizes) <= _MOST_FILES and min(sizes, default=0) >= 0 and sum(sizes) <= most_bytes
    if not isinstance(facts, dict) or not is_sized:
        raise Torn
    if not (has_last and sizes):
        return Parcel(facts, tuple(_exactly(source, size) for size in sizes))
    files = tuple(_exactly(source, size) for size in sizes[:-1])
    if last_into is not None:
        _write(source, sizes[-1], last_into, shared)
        return Parcel(facts, files, last_into)
    held = BytesIO()
    _put_together(source, sizes[-1], held, shared)
    return Parcel(facts, (*files, held.getvalue()))


def _write(source: IO[bytes], size: int, path: Path, shared: Path | None) -> None:
    try:
        with open(path, "xb", opener=closed_to_others) as file:
            _put_together(source, size, file, shared)
    except OSError:
        raise Unavailable from None


def _put_together(source: IO[bytes], size: int, out: IO[bytes], shared: Path | None) -> None:
    """Through one small buffer: memory of its size, made anew for each, would cost more than the copying."""
    room = memoryview(bytearray(PIECE))
    with ExitStack() as stack:
        whole: IO[bytes] = stack.enter_context(shared.open("rb") if shared else BytesIO())
        end = whole.seek(0, os.SEEK_END)
        while size:
            begins, length = _SPAN.unpack(_exactly(source, _SPAN.size))
            is_here = begins == _HERE
            if not 0 < length <= size or not (is_here or 0 <= begins <= end - length):
                raise Torn
            if not is_here:
                whole.seek(begins)
            _pour(source if is_here else whole, length, out, room)
            size -= length


def _pour(source: IO[bytes], left: int, out: IO[bytes], room: memoryview) -> None:
    while left:
        came = source.readinto(room[: min(left, PIECE)])  # type: ignore[attr-defined]  # files and pipes have it
        if not came:
            raise Torn
        out.write(room[:came])
        left -= came


def _exactly(source: IO[bytes], size: int) -> bytes:
    if size < 0:
        raise Torn
    content = source.read(size)
    if len(content) != size:
        raise Torn
    return content
