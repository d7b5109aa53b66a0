"""The pieces of a WebP file (RFC 9649 §2): chunks of a RIFF container whose head says how long it is."""

from dataclasses import replace

from media.kinds import MediaType, Reason, Rejected
from media.layout import Layout, Piece, Role, is_profile, orientation_in
from media.layout_profile import clean_profile

_HEAD, _VP8X = 12, 10
_ALPHA = 0x10
_BESIDE, _PICTURES = frozenset({b"ALPH", b"ICCP"}), frozenset({b"VP8 ", b"VP8L"})
_SHOWS = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH"})
_MOVES = frozenset({b"ANIM", b"ANMF"})
_EXIF = b"Exif\0\0"
_VP8_START, _VP8L_START = b"\x9d\x01\x2a", b"\x2f"


def webp_layout(content: bytes) -> Layout:
    """Raises `Rejected`. A moving WebP is not read: it would show later what nobody looked at."""
    layout, at = Layout(MediaType.WEBP), _HEAD
    layout.end = 8 + int.from_bytes(content[4:8], "little")
    if layout.end > len(content):
        raise Rejected(Reason.BROKEN)
    while at + 8 <= layout.end:
        piece = _chunk(content, at, layout.end)
        if piece.name == b"VP8X" and (layout.pieces or piece.inner_end - piece.inner != _VP8X):
            raise Rejected(Reason.BROKEN)
        _look_at(content[piece.inner : piece.inner_end], piece.name, layout)
        layout.add(piece)
        at = piece.end
    if layout.pieces[0].name != b"VP8X":
        layout.orientation = 1  # readers of the short form look at nothing but the picture (§2.5)
    layout.pieces = _as_they_show(content, layout.pieces)
    if at != layout.end or sum(each.name in _PICTURES for each in layout.pieces) != 1:
        raise Rejected(Reason.BROKEN)
    return layout


def _as_they_show(content: bytes, pieces: list[Piece]) -> list[Piece]:
    """What readers of this form of a WebP do not look at is only said: all of the long form in the short one, what
    comes twice or behind the picture, transparency that was not told or is not of a VP8, a profile that is none."""
    is_long = pieces[0].name == b"VP8X"
    has_alpha = is_long and content[pieces[0].inner] & _ALPHA and any(each.name == b"VP8 " for each in pieces)
    awaited = {b"ALPH", b"ICCP"} if has_alpha else {b"ICCP"} if is_long else set[bytes]()
    shown = []
    for each in pieces:
        profile = content[each.inner : each.inner_end] if each.name == b"ICCP" else b""
        clean = clean_profile(profile) if is_profile(profile) else None
        is_none = each.name == b"ICCP" and clean is None
        is_said = each.name in _BESIDE and (is_none or each.name not in awaited)
        awaited -= _BESIDE if each.name in _PICTURES else {each.name}
        kept = riff_chunk(b"ICCP", clean) if clean is not None and clean != profile else None
        shown.append(replace(each, role=Role.SAYS) if is_said else replace(each, kept=kept))
    return shown


def riff_chunk(name: bytes, inner: bytes) -> bytes:
    """A chunk with its length, and a byte that makes it even."""
    return name + len(inner).to_bytes(4, "little") + inner + bytes(len(inner) % 2)


def _chunk(content: bytes, at: int, end: int) -> Piece:
    name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
    inner = at + 8
    padded = inner + length + length % 2
    if padded > end:
        raise Rejected(Reason.BROKEN)
    role = Role.SHOWS if name in _SHOWS else Role.PROFILE if name == b"ICCP" else Role.SAYS
    return Piece(name, role, at, padded, inner, inner + length)


def _look_at(inner: bytes, name: bytes, layout: Layout) -> None:
    if name in _MOVES:
        raise Rejected(Reason.UNSUPPORTED)
    if name == b"VP8X":
        layout.measured(1 + int.from_bytes(inner[4:7], "little"), 1 + int.from_bytes(inner[7:10], "little"))
    elif name == b"VP8 ":
        layout.measured(*_vp8_size(inner))
    elif name == b"VP8L":
        layout.measured(*_vp8l_size(inner))
    elif name == b"EXIF":
        layout.orientation = orientation_in(inner.removeprefix(_EXIF))


def _vp8_size(inner: bytes) -> tuple[int, int]:
    if inner[3:6] != _VP8_START:
        raise Rejected(Reason.BROKEN)
    return int.from_bytes(inner[6:8], "little") & 0x3FFF, int.from_bytes(inner[8:10], "little") & 0x3FFF


def _vp8l_size(inner: bytes) -> tuple[int, int]:
    if inner[:1] != _VP8L_START:
        raise Rejected(Reason.BROKEN)
    bits = int.from_bytes(inner[1:5], "little")
    return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
