"""The patient's copy of a JPEG, PNG or WebP: the same coded pixels, without what the file says beside them.

By a list of what may stay, never of what must go: coded pixels and their tables, the numbers of the colour profile, the
size of a pixel, and how the picture is turned. EXIF, XMP, IPTC, comments, thumbnails, serial numbers, places, names,
second pictures, films and whatever else follows the end of the picture stay behind. No pixel is coded anew.
"""

from media.kinds import MediaType
from media.layout import Layout, Piece, Role, exif_of
from media.layout_webp import riff_chunk
from media.png_chunks import png_chunk

_VP8X_PROFILE, _VP8X_ALPHA, _VP8X_EXIF = 0x20, 0x10, 0x08


def clean_copy(content: bytes, layout: Layout) -> bytes | None:
    """The copy; None where the file says nothing but the picture and is the copy itself."""
    made = _MAKERS[layout.media_type](content, layout)
    return None if made == content else made


def _jpeg(content: bytes, layout: Layout) -> bytes:
    exif = b"Exif\0\0" + exif_of(layout.orientation)
    turned = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif if layout.orientation != 1 else b""
    pieces = _kept(content, layout)
    first = layout.pieces[0]
    head = pieces[:1] if first.kept and first.role is Role.SAYS else []  # JFIF comes first (T.871 §10.1)
    return b"".join((content[:2], *head, turned, *pieces[len(head) :], b"\xff\xd9"))


def _png(content: bytes, layout: Layout) -> bytes:
    header, *others = _kept(content, layout)
    turned = png_chunk(b"eXIf", exif_of(layout.orientation)) if layout.orientation != 1 else b""
    return b"".join((content[:8], header, turned, *others))


def _webp(content: bytes, layout: Layout) -> bytes:
    pieces = _kept(content, layout)
    turned = riff_chunk(b"EXIF", exif_of(layout.orientation)) if layout.orientation != 1 else b""
    if layout.pieces[0].name == b"VP8X":
        pieces[0] = _told_anew(pieces[0], layout, turned=bool(turned))
        body = b"".join((*pieces, turned))
    else:
        body = b"".join(pieces)
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _told_anew(head: bytes, layout: Layout, *, turned: bool) -> bytes:
    has_profile = any(each.role is Role.PROFILE for each in layout.pieces)
    flags = head[8] & _VP8X_ALPHA | (_VP8X_PROFILE if has_profile else 0) | (_VP8X_EXIF if turned else 0)
    return head[:8] + bytes([flags, 0, 0, 0]) + head[12:18]


def _kept(content: bytes, layout: Layout) -> list[bytes]:
    return [part for piece in layout.pieces if (part := _part(content, piece)) is not None]


def _part(content: bytes, piece: Piece) -> bytes | None:
    if piece.role is Role.SAYS or piece.kept is not None:
        return piece.kept
    return content[piece.start : piece.end]


_MAKERS = {MediaType.JPEG: _jpeg, MediaType.PNG: _png, MediaType.WEBP: _webp}
