"""What a JPEG, PNG or WebP file is made of, piece by piece, read before anything is decoded.

Each piece is either needed to show the picture, or only said beside it (EXIF, XMP, comments, thumbnails, whatever a
program left there). What follows the end of the picture belongs to no piece: it starts at `Layout.end`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

from media.kinds import MediaType, Reason, Rejected, within_pixels

MOST_PIECES = 50_000
MOST_SCANS = 100
"""Of a progressive JPEG: each costs a walk over all pixels, and honest ones have ten."""
LARGEST_PROFILE = 4 * 1024**2
ORIENTATIONS = range(1, 9)


class Role(StrEnum):
    SHOWS = "shows"
    """Without it the picture would look another way: coded pixels, tables, what the numbers mean."""
    PROFILE = "profile"
    """A colour profile (ICC.1)."""
    SAYS = "says"
    """Everything else."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes `start` to `end` of the file, head and check sum included; what it holds lies from `inner` to `inner_end`.

    `kept`: what of it a clean copy takes instead, where that is not the piece as it stands.
    """

    name: bytes
    role: Role
    start: int
    end: int
    inner: int
    inner_end: int
    kept: bytes | None = None


@dataclass(slots=True)
class Layout:
    """The pieces in their order; `end` is where the picture ends and a tail may begin.

    `width`, `height`: as the pixels are stored. `orientation`: how they are to be turned, 1 to 8 (Exif 2.32 §4.6.5).
    """

    media_type: MediaType
    end: int = 0
    width: int = 0
    height: int = 0
    orientation: int = 1
    pieces: list[Piece] = field(default_factory=list)

    def add(self, piece: Piece) -> None:
        if len(self.pieces) >= MOST_PIECES:
            raise Rejected(Reason.TOO_COSTLY)
        self.pieces.append(piece)

    def without_profile(self) -> None:
        """Take what claims to be a colour profile for something that is only said."""
        self.pieces = [
            replace(each, role=Role.SAYS, kept=None) if each.role is Role.PROFILE else each for each in self.pieces
        ]

    def measured(self, width: int, height: int) -> None:
        """Note the size; raises `Rejected` for one that may not be decoded, or the second that differs."""
        if width == 0 or height == 0 or (self.width and (self.width, self.height) != (width, height)):
            raise Rejected(Reason.BROKEN)
        if not within_pixels(width, height):
            raise Rejected(Reason.TOO_MANY_PIXELS)
        self.width, self.height = width, height

    def said(self, content: bytes) -> list[bytes]:
        """What pieces that show nothing hold, profile included, in the order of the file."""
        return [content[each.inner : each.inner_end] for each in self.pieces if each.role is not Role.SHOWS]


def layout_of(content: bytes, media_type: MediaType) -> Layout:
    """The pieces of `content`. Raises `Rejected`: cut off, damaged, too large, or of a form that is not read."""
    try:
        return _walks()[media_type](content)
    except (IndexError, ValueError):  # a length that leads out of the file
        raise Rejected(Reason.BROKEN) from None


def _walks() -> dict[MediaType, Callable[[bytes], Layout]]:
    from media.layout_jpeg import jpeg_layout
    from media.layout_png import png_layout
    from media.layout_webp import webp_layout

    return {MediaType.JPEG: jpeg_layout, MediaType.PNG: png_layout, MediaType.WEBP: webp_layout}


def is_profile(content: bytes) -> bool:
    """Whether it is a colour profile from its first byte to its last, by its head (ICC.1 §7.2): length and mark."""
    told, rest = int.from_bytes(content[:4], "big"), content[int.from_bytes(content[:4], "big") :]
    is_whole = _PROFILE_HEAD <= told <= len(content) and len(rest) <= _PADDING and not any(rest)
    return is_whole and content[_PROFILE_MARK] == b"acsp"


def orientation_in(exif: bytes) -> int:
    """The orientation that an EXIF block (a TIFF: TIFF 6.0 §2) tells; 1 where it tells none, or is damaged."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(exif[:4])
    if order is None:
        return 1

    def number(at: int, size: int) -> int:
        return int.from_bytes(exif[at : at + size], "little" if order == "little" else "big")

    first = number(4, 4)
    for entry in range(min(number(first, 2), 1000)):
        at = first + 2 + 12 * entry
        if number(at, 2) == _ORIENTATION and number(at + 2, 2) == _SHORT:
            told = number(at + 8, 2)
            return told if told in ORIENTATIONS else 1
    return 1


def exif_of(orientation: int) -> bytes:
    """The shortest EXIF block that tells an orientation and nothing else."""
    entry = _ORIENTATION.to_bytes(2, "big") + _SHORT.to_bytes(2, "big") + (1).to_bytes(4, "big")
    head = b"MM\0*" + (8).to_bytes(4, "big") + (1).to_bytes(2, "big")
    return head + entry + orientation.to_bytes(2, "big") + bytes(2) + bytes(4)


_ORIENTATION, _SHORT = 0x0112, 3
_PROFILE_HEAD, _PROFILE_MARK, _PADDING = 128, slice(36, 40), 3
