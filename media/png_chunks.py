"""Which chunks of a PNG show something (W3C PNG, third edition §11): those that stand where readers look, in a length
that holds nothing else. A longer one, a second one, or one behind the pixels could carry a page or a name."""

import zlib
from dataclasses import replace

from media.kinds import Reason, Rejected
from media.layout import LARGEST_PROFILE, Piece, Role, is_profile
from media.layout_profile import clean_profile

_GREY, _COLOUR, _PALETTE, _GREY_CLEAR, _COLOUR_CLEAR = 0, 2, 3, 4, 6
_LENGTHS = {b"IHDR": 13, b"IEND": 0, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4}
_LENGTHS_BY_COLOUR = {
    (b"sBIT", _GREY): 1, (b"sBIT", _COLOUR): 3, (b"sBIT", _PALETTE): 3, (b"sBIT", _GREY_CLEAR): 2,
    (b"sBIT", _COLOUR_CLEAR): 4, (b"tRNS", _GREY): 2, (b"tRNS", _COLOUR): 6,
}  # fmt: skip
_PALETTES = range(3, 3 * 256 + 1, 3)
_MOST_CLEAR = 256
_MUST_STAND = frozenset({b"IHDR", b"IEND"})
_NAME = b"ICC Profile\0\0"  # what most programs write, and how it is packed


def role_of(name: bytes, length: int, colour: int, seen: set[bytes]) -> Role:
    """`colour`: the header's colour type; `seen`: the names before it. Raises `Rejected` for what has to be understood
    and is not."""
    if name == b"IDAT" or (name == b"IEND" and length == 0):
        return Role.SHOWS
    if _is_of_its_length(name, length, colour) and seen.isdisjoint((name, b"IDAT")):
        return Role.SHOWS
    if name in _MUST_STAND or (name == b"PLTE" and colour == _PALETTE):
        raise Rejected(Reason.BROKEN)
    if name[:1].isupper() and name != b"PLTE":  # §5.4; a palette beside colours is only proposed
        raise Rejected(Reason.UNSUPPORTED)
    return Role.SAYS


def profile_piece(inner: bytes, piece: Piece) -> Piece:
    """The colour profile without its name, its words and what follows it; only said where it is none."""
    packed = inner.partition(b"\0")[2][1:]
    inflate = zlib.decompressobj()
    try:
        profile = inflate.decompress(packed, LARGEST_PROFILE)
    except zlib.error:
        profile = b""
    if inflate.unconsumed_tail:
        raise Rejected(Reason.TOO_COSTLY)
    clean = clean_profile(profile) if is_profile(profile) else None
    if clean is None:
        return replace(piece, role=Role.SAYS)
    is_clean = clean == profile
    packed = packed[: len(packed) - len(inflate.unused_data)] if is_clean else zlib.compress(clean)
    return replace(piece, role=Role.PROFILE, kept=png_chunk(b"iCCP", _NAME + packed))


def png_chunk(name: bytes, inner: bytes) -> bytes:
    """A chunk with its length and check sum (§5.3)."""
    return len(inner).to_bytes(4, "big") + name + inner + zlib.crc32(name + inner).to_bytes(4, "big")


def _is_of_its_length(name: bytes, length: int, colour: int) -> bool:
    if name == b"PLTE":
        return colour == _PALETTE and length in _PALETTES
    if name == b"tRNS" and colour == _PALETTE:
        return length <= _MOST_CLEAR
    return length == _LENGTHS_BY_COLOUR.get((name, colour), _LENGTHS.get(name))
