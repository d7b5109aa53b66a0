"""Parcels between the darkroom and its processes: a few facts as JSON and any number of files, lengths first.

On the wire: the length of the head (four bytes, big-endian), the head (JSON: `facts`, and `sizes` of the files), the
files one after another. No pickle, which would run what it reads; no base64, which would cost a third of a picture.
"""

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from core.errors import Unavailable
from media.pieces import PIECE, closed_to_others

_LENGTH = struct.Struct(">I")
_LONGEST_HEAD = 1024**2
_MOST_FILES = 64


class Torn(Exception):
    """The other side ended in the middle of a parcel, or what it sent is none."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """A file that is made while it is sent, for one in memory is enough: `make` gives its pieces from the first on.

    They are `length` bytes together, known before the first of them is sent.
    """

    length: int
    make: Callable[[], Iterable[bytes | memoryview]]

    def __bytes__(self) -> bytes:
        return b"".join(self.make())


@dataclass(frozen=True, slots=True)
class Parcel:
    """`facts` is whatever JSON can hold; `last` is a large file behind the others.

    It arrives as a file on the disk where its receiver named a place for it, else as one of `files`.
    """

    facts: dict[str, Any]
    files: tuple[bytes, ...] = ()
    last: Pieces | Path | None = None


def send(parcel: Parcel, out: IO[bytes]) -> None:
    """Write one parcel and flush it. Raises OSError where nobody reads, `Torn` where the last file is not as long as
    it was told to be."""
    last = parcel.last if isinstance(parcel.last, Pieces) else None
    sizes = [len(file) for file in parcel.files] + ([last.length] if last else [])
    head = json.dumps({"facts": parcel.facts, "sizes": sizes, "last": last is not None}).encode()
    out.write(_LENGTH.pack(len(head)) + head)
    for file in parcel.files:
        out.write(file)
    if last and sum(out.write(piece) for piece in last.make()) != last.length:
        raise Torn
    out.flush()


def receive(source: IO[bytes], most_bytes: int, last_into: Path | None = None) -> Parcel:
    """Read one parcel whose files have `most_bytes` together at most; its `last` one into a new file at `last_into`.

    Raises `Torn`, EOFError between two parcels, `Unavailable` where the disk refuses.
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
    if not (has_last and sizes and last_into):
        return Parcel(facts, tuple(_exactly(source, size) for size in sizes))
    files = tuple(_exactly(source, size) for size in sizes[:-1])
    _write(source, sizes[-1], last_into)
    return Parcel(facts, files, last_into)


def _write(source: IO[bytes], size: int, path: Path) -> None:
    """Through one small buffer: memory of its size, made anew for each, would cost more than the copying."""
    room = memoryview(bytearray(PIECE))
    try:
        with open(path, "xb", opener=closed_to_others) as file:
            left = size
            while left:
                came = source.readinto(room[: min(left, PIECE)])  # type: ignore[attr-defined]  # a buffered reader has it
                if not came:
                    raise Torn
                file.write(room[:came])
                left -= came
    except OSError:
        raise Unavailable from None


def _exactly(source: IO[bytes], size: int) -> bytes:
    if size < 0:
        raise Torn
    content = source.read(size)
    if len(content) != size:
        raise Torn
    return content
