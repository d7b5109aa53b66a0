"""Parcels between the darkroom and its processes: a few facts as JSON and any number of files, lengths first.

On the wire: the length of the head (four bytes, big-endian), the head (JSON: `facts`, and `sizes` of the files), the
files one after another. No pickle, which would run what it reads; no base64, which would cost a third of a picture.
"""

import json
import struct
from dataclasses import dataclass
from typing import IO, Any

_LENGTH = struct.Struct(">I")
_LONGEST_HEAD = 1024**2
_MOST_FILES = 64


class Torn(Exception):
    """The other side ended in the middle of a parcel, or what it sent is none."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """`facts` is whatever JSON can hold."""

    facts: dict[str, Any]
    files: tuple[bytes, ...] = ()


def send(parcel: Parcel, out: IO[bytes]) -> None:
    """Write one parcel and flush it. Raises OSError where nobody reads."""
    head = json.dumps({"facts": parcel.facts, "sizes": [len(file) for file in parcel.files]}).encode()
    out.write(_LENGTH.pack(len(head)) + head)
    for file in parcel.files:
        out.write(file)
    out.flush()


def receive(source: IO[bytes], most_bytes: int) -> Parcel:
    """Read one parcel whose files have `most_bytes` together at most. Raises `Torn`, EOFError between two parcels."""
    start = source.read(_LENGTH.size)
    if not start:
        raise EOFError
    try:
        (length,) = _LENGTH.unpack(start)
        head = json.loads(_exactly(source, length if length <= _LONGEST_HEAD else -1))
        facts, sizes = head["facts"], [int(size) for size in head["sizes"]]
    except (struct.error, ValueError, KeyError, TypeError):
        raise Torn from None
    is_sized = len(sizes) <= _MOST_FILES and min(sizes, default=0) >= 0 and sum(sizes) <= most_bytes
    if not isinstance(facts, dict) or not is_sized:
        raise Torn
    return Parcel(facts, tuple(_exactly(source, size) for size in sizes))


def _exactly(source: IO[bytes], size: int) -> bytes:
    if size < 0:
        raise Torn
    content = source.read(size)
    if len(content) != size:
        raise Torn
    return content
