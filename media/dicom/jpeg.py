"""Walks through a JPEG or JPEG-LS frame of a DICOM file, and blanks what in it is neither pixels nor how to read them.

What may stay is a list: a segment that is not on it may hold a name.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from media.dicom.claim import Claim
from media.kinds import Reason, Rejected

JPEG_STARTS = b"\xff\xd8"
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB})
_FIXED = {0xDC: 2, 0xDD: 2, 0xF8: 11}
"""Number of lines, restart interval, presets of JPEG-LS: so many bytes and no other number."""
_SCAN, _END = 0xDA, 0xD9
_WORDS = frozenset({*range(0xE0, 0xF0), 0xFE})
_LEFT = {0xE0: (b"JFIF\0", 12), 0xE8: (b"mrfx", 5), 0xEE: (b"Adobe", 12)}
"""What stays of an application's segment: density, and how colours are meant; not a small picture behind it."""
_MARK = re.compile(rb"\xff+([^\xff])", re.DOTALL)  # any number of FF may stand before a mark (ISO 10918-1 B.1.1.2)
_BEHIND_PIXELS = re.compile(rb"\xff[\x80-\xcf\xd8-\xfe]")  # neither a stuffed zero (in JPEG-LS a bit) nor a restart


@dataclass(frozen=True, slots=True)
class Jpeg:
    """`clean`: the frame, as long as it came, blanked; `pixels_end`: where the last of its scans does.

    `process`: the kind of its frame header (C0: baseline, C2: progressive, C3: lossless).
    """

    clean: bytes
    claim: Claim
    process: int
    scans: int
    pixels_end: int


@dataclass(frozen=True, slots=True)
class _Segment:
    """`begins`: of what it holds."""

    kind: int
    begins: int
    ends: int


def read_jpeg(frame: bytes) -> Jpeg:
    """Raises `Rejected` where it is none, is not whole, or holds what we do not know."""
    segments = list(_segments(frame))
    headers = [one for one in segments if one.kind in _FRAME_HEADERS]
    scans = [one for one in segments if one.kind == _SCAN]
    if len(headers) != 1:
        raise Rejected(Reason.BROKEN)
    # ISO 10918-1 B.2.2, ISO 14495-1 C.2.2: P, Y, X, Nf
    bits, rows, columns, samples = struct.unpack_from(">BHHB", frame, headers[0].begins)
    if sum(frame[scan.begins] for scan in scans) < samples:  # a colour is not there at all
        raise Rejected(Reason.BROKEN)
    pixels_end = len(frame[: segments[-1].begins].rstrip(b"\xff"))
    return Jpeg(_clean(frame, segments), Claim(columns, rows, samples, bits), headers[0].kind, len(scans), pixels_end)


def _segments(frame: bytes) -> Iterator[_Segment]:
    """All of them, the mark of the end last."""
    at = len(JPEG_STARTS)
    while mark := _MARK.match(frame, at):
        kind, begins = mark[1][0], mark.end()
        if kind == _END:
            yield _Segment(kind, at, begins)
            return
        ends = begins + struct.unpack_from(">H", frame, begins)[0]
        segment = _Segment(kind, begins + 2, ends)
        _check(segment, len(frame))
        yield segment
        at = ends
        if kind == _SCAN:
            behind = _BEHIND_PIXELS.search(frame, ends)
            at = behind.start() if behind else len(frame)
    raise Rejected(Reason.BROKEN)


def _check(segment: _Segment, longest: int) -> None:
    length = segment.ends - segment.begins
    if length < 0 or segment.ends > longest:
        raise Rejected(Reason.BROKEN)
    if segment.kind in _FIXED and length != _FIXED[segment.kind]:
        raise Rejected(Reason.UNSUPPORTED)
    if segment.kind not in _FRAME_HEADERS | _TABLES | _WORDS | {_SCAN, *_FIXED}:
        raise Rejected(Reason.BROKEN)


def _clean(frame: bytes, segments: list[_Segment]) -> bytes:
    clean = bytearray(frame)
    for segment in segments:
        if segment.kind in _WORDS:
            begins = min(segment.begins + _left(frame, segment), segment.ends)
            clean[begins : segment.ends] = bytes(segment.ends - begins)
    behind = segments[-1].ends
    clean[behind:] = bytes(len(clean) - behind)
    return bytes(clean)


def _left(frame: bytes, segment: _Segment) -> int:
    starts, length = _LEFT.get(segment.kind, (b"", 0))
    return length if frame.startswith(starts, segment.begins) else 0
