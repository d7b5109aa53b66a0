"""The pieces of a PNG file (W3C PNG, third edition §5): chunks, each with a check sum."""

import zlib
from contextlib import suppress

from media.kinds import MediaType, Reason, Rejected
from media.layout import Layout, Piece, orientation_in
from media.png_chunks import profile_piece, role_of

_SIGNATURE, _COLOUR_AT = 8, 25
_PACKED_TEXT = frozenset({b"zTXt", b"iTXt"})
_HEAD = 13
_LARGEST_TEXT = 4 * 1024**2


def png_layout(content: bytes) -> Layout:
    """Raises `Rejected`. Every check sum is compared, and packed texts are unpacked up to a limit.

    A moving PNG is not read: it would show later what nobody looked at.
    """
    layout, at, seen = Layout(MediaType.PNG), _SIGNATURE, set[bytes]()
    while True:
        piece = _chunk(content, at, seen)
        _look_at(content, piece, layout)
        layout.add(piece)
        at = piece.end
        seen.add(piece.name)
        if piece.name == b"IEND":
            break
    if b"IDAT" not in seen:
        raise Rejected(Reason.BROKEN)
    layout.end = at
    return layout


def _chunk(content: bytes, at: int, seen: set[bytes]) -> Piece:
    length, name = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
    inner, end = at + 8, at + 12 + length
    if end > len(content) or not (name.isalpha() and name.isascii()):
        raise Rejected(Reason.BROKEN)
    told = int.from_bytes(content[end - 4 : end], "big")
    if zlib.crc32(memoryview(content)[at + 4 : end - 4]) != told:
        raise Rejected(Reason.BROKEN)
    piece = Piece(name, role_of(name, length, content[_COLOUR_AT], seen), at, end, inner, end - 4)
    if name == b"iCCP" and seen.isdisjoint((b"iCCP", b"IDAT")):
        return profile_piece(content[inner : end - 4], piece)
    return piece


def _look_at(content: bytes, piece: Piece, layout: Layout) -> None:
    first = not layout.pieces
    if (piece.name == b"IHDR") is not first:
        raise Rejected(Reason.BROKEN)
    if first:
        _measure(content[piece.inner : piece.inner_end], layout)
    if piece.name == b"acTL":
        raise Rejected(Reason.UNSUPPORTED)
    if piece.name in _PACKED_TEXT:
        _check_packed(content[piece.inner : piece.inner_end], piece.name)
    if piece.name == b"eXIf":
        layout.orientation = orientation_in(content[piece.inner : piece.inner_end])


def _measure(header: bytes, layout: Layout) -> None:
    if len(header) != _HEAD:
        raise Rejected(Reason.BROKEN)
    layout.measured(int.from_bytes(header[:4], "big"), int.from_bytes(header[4:8], "big"))


def _check_packed(inner: bytes, name: bytes) -> None:
    """Raises `Rejected` for a packed text that is a bomb; one that is damaged shows nothing either way."""
    _, _, rest = inner.partition(b"\0")
    packed = rest[1:]
    if name == b"iTXt":  # whether it is packed, method, language, translated keyword
        packed = rest[2:].partition(b"\0")[2].partition(b"\0")[2] if rest[:1] == b"\1" else b""
    inflate = zlib.decompressobj()
    with suppress(zlib.error):
        inflate.decompress(packed, _LARGEST_TEXT)
    if inflate.unconsumed_tail:
        raise Rejected(Reason.TOO_COSTLY)
