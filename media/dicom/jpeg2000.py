"""Walks through a JPEG 2000 frame of a DICOM file, and blanks what in it is neither pixels nor how to read them."""

import struct

from media.dicom.claim import Claim
from media.kinds import Reason, Rejected

JPEG_2000_STARTS = b"\xff\x4f\xff\x51"
_SIZE, _TILE, _DATA, _END = 0xFF51, 0xFF90, 0xFF93, 0xFFD9
_LEFT = frozenset({
    0xFF50, _SIZE, 0xFF52, 0xFF53, 0xFF55, 0xFF56, 0xFF57, 0xFF58, 0xFF59, 0xFF5C, 0xFF5D, 0xFF5E, 0xFF5F, 0xFF60,
    0xFF61, 0xFF63, 0xFF74, 0xFF75, 0xFF77, _TILE,
})  # fmt: skip
"""Segments that say how the pixels are coded (ISO 15444-1 table A.2, parts 2 and 15); comments are not among them."""


def read_jpeg_2000(frame: bytes) -> tuple[bytes, Claim]:
    """The bare codestream, with zeros behind it up to the length of the frame, and what it claims. Raises `Rejected`.

    A codestream may come in a file of its own (JP2), which PS3.5 8.2.4 forbids and devices send: its boxes may hold
    names, and nobody needs them.
    """
    starts = frame.find(JPEG_2000_STARTS)
    if starts < 0:
        raise Rejected(Reason.BROKEN)
    clean = bytearray(frame[starts:]) + bytes(starts)
    # A.5.1: the picture's far corner and its near one, four numbers of its tiles, then Csiz and Ssiz
    right, bottom, left, top, samples, bits = struct.unpack_from(">IIII16xHB", clean, 8)
    _blank(clean)
    return bytes(clean), Claim(right - left, bottom - top, samples, (bits & 0x7F) + 1)


def _blank(clean: bytearray) -> None:
    """A codestream may lack its end; then its last tile has none."""
    at, tile_ends = 2, 0
    while at + 2 <= len(clean):
        kind = _word(clean, at)
        if kind == _END:
            clean[at + 2 :] = bytes(len(clean) - at - 2)
            return
        ends = tile_ends if kind == _DATA else at + 2 + _word(clean, at + 2)
        if ends < at + 2 or kind < _SIZE - 1:
            raise Rejected(Reason.BROKEN)
        if kind == _TILE:
            tile_ends = _tile_ends(clean, at)
        elif kind not in _LEFT and kind != _DATA:
            clean[at + 4 : ends] = bytes(max(0, min(ends, len(clean)) - at - 4))
        at = ends


def _tile_ends(clean: bytearray, at: int) -> int:
    """A.4.2: Psot counts from the mark; zero means all that is left."""
    length = int(struct.unpack_from(">I", clean, at + 6)[0])
    if length:
        return at + length
    end = clean.rfind(b"\xff\xd9")
    return end if end > at else len(clean)


def _word(clean: bytearray, at: int) -> int:
    return int(struct.unpack_from(">H", clean, at)[0])
