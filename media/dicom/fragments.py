"""Where each frame of compressed pixels lies in a DICOM file (PS3.5 A.4)."""

import struct
from collections.abc import Iterator

from pydicom.uid import RLELossless

from media.dicom.file import DicomFile
from media.kinds import Reason, Rejected

DELIMITERS, ITEMS_END, ITEM = 0xFFFE, 0xE0DD, 0xE000
_ITEM_HEAD, _OFFSET = 8, 4
_STARTS = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\0\0\0\x0cjP  ")
"""Of a JPEG, a JPEG 2000, and a JPEG 2000 in a file of its own."""

Span = tuple[int, int]


def frames_of(file: DicomFile) -> list[list[Span]]:
    """The payloads of the fragments of every frame. Raises `Rejected` where it cannot be told which belong together.

    What belongs to no frame has no place in the list, and so none in a copy.
    """
    table, *fragments = _payloads(file.content, file.pixels.begins)
    offsets = _offsets(file, table)
    if len(fragments) == file.frames:
        return [[fragment] for fragment in fragments]
    if len(fragments) < file.frames or file.syntax == RLELossless:
        raise Rejected(Reason.BROKEN)
    if file.frames == 1:
        return [fragments]
    starts = _told(fragments, offsets) or _begun(file.content, fragments)
    if len(starts) != file.frames or starts[0] != 0:
        raise Rejected(Reason.BROKEN)
    return [fragments[start:stop] for start, stop in zip(starts, [*starts[1:], len(fragments)], strict=True)]


def offsets_of(file: DicomFile, frames: list[list[Span]]) -> bytes:
    """A table of where each frame lies, written anew; none where the file has none."""
    begins, ends = next(_payloads(file.content, file.pixels.begins))
    if begins == ends:
        return b""
    places = [spans[0][0] - frames[0][0][0] for spans in frames]
    return struct.pack(f"<{len(places)}I", *places)


def joined(content: bytes, spans: list[Span]) -> bytes:
    """A frame in one piece."""
    return b"".join(content[begins:ends] for begins, ends in spans)


def _payloads(content: bytes, at: int) -> Iterator[Span]:
    """What is inside of each item, the table of offsets first. Raises `Rejected` where one is cut off."""
    while at + _ITEM_HEAD <= len(content):
        group, element, length = struct.unpack_from("<HHI", content, at)
        if (group, element) != (DELIMITERS, ITEM):
            return
        at += _ITEM_HEAD
        if at + length > len(content):
            raise Rejected(Reason.BROKEN)
        yield at, at + length
        at += length


def _offsets(file: DicomFile, table: Span) -> tuple[int, ...]:
    """The table of offsets: nothing, or one number a frame. Anything else is no table."""
    begins, ends = table
    if ends - begins not in (0, _OFFSET * file.frames):
        raise Rejected(Reason.BROKEN)
    return struct.unpack(f"<{(ends - begins) // _OFFSET}I", file.content[begins:ends])


def _told(fragments: list[Span], offsets: tuple[int, ...]) -> list[int]:
    """Which fragments begin a frame, by the table; empty where it points beside them."""
    first = fragments[0][0]
    places = {begins - first: number for number, (begins, _) in enumerate(fragments)}
    starts = [places.get(offset, -1) for offset in offsets]
    return starts if -1 not in starts and starts == sorted(set(starts)) else []


def _begun(content: bytes, fragments: list[Span]) -> list[int]:
    return [number for number, (begins, _) in enumerate(fragments) if content.startswith(_STARTS, begins)]
