"""The patient's copy of a JPEG, PNG or WebP: the same coded pixels, without what the file says beside them.

By a list of what may stay, never of what must go: coded pixels and their tables, the numbers of the colour profile, the
size of a pixel, and how the picture is turned. EXIF, XMP, IPTC, comments, thumbnails, serial numbers, places, names,
second pictures, films and whatever else follows the end of the picture stay behind. No pixel is coded anew.
"""

from collections.abc import Iterable

from media.kinds import MediaType
from media.layout import Layout, Piece, Role, exif_of
from media.layout_webp import riff_chunk
from media.parcels import Part, Pieces, Stretch, bytes_in
from media.png_chunks import png_chunk

_VP8X_PROFILE, _VP8X_ALPHA, _VP8X_EXIF = 0x20, 0x10, 0x08


def clean_copy(content: bytes, layout: Layout) -> Pieces | None:
    """The copy; None where the file says nothing but the picture and is the copy itself."""
    parts = _joined(_MAKERS[layout.media_type](content, layout))
    if len(parts) == 1 and isinstance(parts[0], Stretch) and len(parts[0]) == len(content):
        return None  # all of it, found without putting the pieces together
    made = Pieces(sum(map(len, parts)), lambda: parts)
    return None if made.length == len(content) and bytes(made) == content else made


def _joined(parts: Iterable[Part]) -> list[Part]:
    """Stretches that follow each other in the file as one: coded pixels may come in thousands of chunks."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, Stretch) and isinstance(last, Stretch) and last.ends == part.begins:
            joined[-1] = Stretch(part.whole, last.begins, part.ends)
        elif len(part):
            joined.append(part)
    return joined


def _jpeg(content: bytes, layout: Layout) -> list[Part]:
    exif = b"Exif\0\0" + exif_of(layout.orientation)
    turned = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif if layout.orientation != 1 else b""
    pieces = _kept(content, layout)
    first = layout.pieces[0]
    head = pieces[:1] if first.kept and first.role is Role.SAYS else []  # JFIF comes first (T.871 §10.1)
    return [Stretch(content, 0, 2), *head, turned, *pieces[len(head) :], Stretch(content, layout.end - 2, layout.end)]


def _png(content: bytes, layout: Layout) -> list[Part]:
    header, *others = _kept(content, layout)
    turned = png_chunk(b"eXIf", exif_of(layout.orientation)) if layout.orientation != 1 else b""
    return [Stretch(content, 0, 8), header, turned, *others]


def _webp(content: bytes, layout: Layout) -> list[Part]:
    pieces = _kept(content, layout)
    turned = riff_chunk(b"EXIF", exif_of(layout.orientation)) if layout.orientation != 1 else b""
    if layout.pieces[0].name == b"VP8X":
        pieces = [_told_anew(bytes(bytes_in(pieces[0])), layout, turned=bool(turned)), *pieces[1:], turned]
    return [b"RIFF" + (sum(map(len, pieces)) + 4).to_bytes(4, "little") + b"WEBP", *pieces]


def _told_anew(head: bytes, layout: Layout, *, turned: bool) -> bytes:
    has_profile = any(each.role is Role.PROFILE for each in layout.pieces)
    flags = head[8] & _VP8X_ALPHA | (_VP8X_PROFILE if has_profile else 0) | (_VP8X_EXIF if turned else 0)
    return head[:8] + bytes([flags, 0, 0, 0]) + head[12:18]


def _kept(content: bytes, layout: Layout) -> list[Part]:
    return [part for piece in layout.pieces if (part := _part(content, piece)) is not None]


def _part(content: bytes, piece: Piece) -> Part | None:
    if piece.role is Role.SAYS or piece.kept is not None:
        return piece.kept
    return Stretch(content, piece.start, piece.end)


_MAKERS = {MediaType.JPEG: _jpeg, MediaType.PNG: _png, MediaType.WEBP: _webp}
