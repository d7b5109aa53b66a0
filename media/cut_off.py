"""Finds what a decoder made up: pictures whose coded pixels end early behind headers that say they are whole.

Decoders do not complain: of a PNG the missing rows stay black, of a JPEG they become grey. Half an X-ray shown as a
whole one is worse than none. Looking closely costs another decode, so it is done only where the last pixel has the
colour of what is made up, and of every progressive JPEG: what is missing there is a half of its detail.
"""

import zlib
from collections.abc import Callable
from io import BytesIO

from PIL import Image

from media.layout import Layout

_SCAN, _PROGRESSIVE = b"\xda", b"\xc2"
_MADE_UP, _NEARLY = 128, 2
_FILLER = bytes(range(1, 128)) * 16
_HEAD = 13
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of a pixel, by PNG's colour type
_PIECE = 256 * 1024


def png_is_cut(picture: Image.Image, content: bytes, layout: Layout) -> bool:
    """Whether there are fewer bytes of pixels than rows need. `picture`: as it was decoded, nothing converted yet."""
    last_row = picture.crop((0, picture.height - 1, picture.width, picture.height))
    header = content[layout.pieces[0].inner : layout.pieces[0].inner_end]
    interlaced = len(header) == _HEAD and header[12] != 0
    if last_row.getbbox(alpha_only=False) is not None and not interlaced:
        return False
    rows = [(picture.width, picture.height)] if not interlaced else _passes(picture.width, picture.height)
    bits = header[8] * _CHANNELS.get(header[9], 4)
    return _inflated(content, layout) < sum(height * (1 + (width * bits + 7) // 8) for width, height in rows)


def jpeg_is_cut(
    preview: Image.Image, content: bytes, layout: Layout, shown: Callable[[Image.Image], Image.Image]
) -> bool:
    """Whether bytes put behind the coded pixels change the picture: behind whole ones nobody reads them.

    `preview`: the picture as `shown` scaled it, colours as the file has them.
    """
    if not any(piece.name == _PROGRESSIVE for piece in layout.pieces) and not _ends_grey(preview):
        return False
    end = next(piece.end for piece in reversed(layout.pieces) if piece.name == _SCAN)
    filled = Image.open(BytesIO(content[:end] + _FILLER + content[end : layout.end]), formats=("JPEG",))
    return shown(filled).tobytes() != preview.tobytes()


def _ends_grey(preview: Image.Image) -> bool:
    last = preview.getpixel((preview.width - 1, preview.height - 1))
    channels = last if isinstance(last, tuple) else (last or 0,)
    return all(abs(channel - _MADE_UP) <= _NEARLY for channel in channels)


def _passes(width: int, height: int) -> list[tuple[int, int]]:
    """The seven smaller pictures of an interlaced one (PNG §8.2); those without pixels take no bytes."""
    starts = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    sizes = [(-(-(width - x) // across), -(-(height - y) // down)) for x, y, across, down in starts]
    return [(wide, high) for wide, high in sizes if wide > 0 and high > 0]


def _inflated(content: bytes, layout: Layout) -> int:
    """How many bytes the coded pixels inflate to, counted piece by piece and not kept."""
    inflate, count = zlib.decompressobj(), 0
    for piece in layout.pieces:
        if piece.name == b"IDAT":
            waiting = content[piece.inner : piece.inner_end]
            while waiting and not inflate.eof:
                count += len(inflate.decompress(waiting, _PIECE))
                waiting = inflate.unconsumed_tail
    return count
