"""Scales pictures down as Pillow's `thumbnail` does, in a half of its time: bicubic, as products of matrices.

Each row that comes out is a weighted sum of a few that went in, so a band of rows is a small matrix times a stretch of
the picture, and columns are the same from the other side. The library below numpy does that with all the processor has,
in floats: what comes out is at most one shade from Pillow's, which rounds between rows and columns.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image

Floats = np.ndarray[Any, np.dtype[np.float32]]
Bands = tuple[tuple[int, int, Floats], ...]

_MODES = frozenset({"L", "RGB"})
"""Whose channels can be averaged each by itself: others have clear pixels, or shades that are no light."""
_ROWS, _COLUMNS = 16, 32
"""Of a band: of more most weights would be zeros, fewer are too little work at once."""
_REACH, _SHARPNESS, _BRIGHTEST = 2.0, -0.5, 255


def shrunk(picture: Image.Image, side: int, gap: float) -> Image.Image:
    """At most `side` pixels wide and high; `picture` may be used up on the way, a smaller one is returned as it is.

    `gap`: pixels are averaged first as long as this many times the wanted size is left, as in `thumbnail`. A JPEG is
    scaled while it is decoded, to the nearest eighth that is not smaller: as sharp as the whole decode.
    """
    size = _size(picture, side)
    if size == picture.size:
        return picture
    if picture.mode not in _MODES:
        picture.thumbnail((side, side), reducing_gap=gap)
        return picture
    drafted = picture.draft(None, size)
    width, height = drafted[1][2:] if drafted else picture.size
    across, down = (max(1, int(there / wanted / gap)) for there, wanted in zip((width, height), size, strict=True))
    averaged = picture.reduce((across, down)) if (across, down) != (1, 1) else picture
    channels = [_shrunk(each, size, (width / across, height / down)) for each in averaged.split()]
    made = Image.merge(picture.mode, channels)
    made.info = picture.info
    return made


def _size(picture: Image.Image, side: int) -> tuple[int, int]:
    longer = max(side, *picture.size)
    width, height = (max(1, round(each * side / longer)) for each in picture.size)
    return width, height


def _shrunk(channel: Image.Image, size: tuple[int, int], extent: tuple[float, float]) -> Image.Image:
    """`extent`: how much of its columns and rows is picture; the last one may be so in part."""
    stored, (width, height) = np.asarray(channel), size
    rows = np.empty((height, stored.shape[1]), np.float32)
    for at, (begins, ends, weights) in enumerate(_bands(stored.shape[0], height, extent[1], _ROWS)):
        part = rows[at * _ROWS : (at + 1) * _ROWS]
        np.matmul(weights[: len(part)], stored[begins:ends].astype(np.float32), out=part)
    shades = np.empty((height, width), np.float32)
    for at, (begins, ends, weights) in enumerate(_bands(stored.shape[1], width, extent[0], _COLUMNS)):
        part = shades[:, at * _COLUMNS : (at + 1) * _COLUMNS]
        np.matmul(rows[:, begins:ends], weights[: part.shape[1]].T, out=part)
    shades += 0.5  # to the nearest
    np.clip(shades, 0, _BRIGHTEST, out=shades)
    return Image.fromarray(shades.astype(np.uint8))


@lru_cache(maxsize=16)
def _bands(there: int, wanted: int, extent: float, band: int) -> Bands:
    """For each band of what comes out: which of the `there` lines it is made of, and how much of each (band x lines).

    Most pictures of a clinic come from its few cameras.
    """
    step = extent / wanted
    reach = _REACH * max(1.0, step)
    centers = (np.arange(-(-wanted // band) * band) + 0.5) * step
    first = np.maximum(0, (centers - reach + 0.5).astype(int))
    lines = first[:, None] + np.arange(int(2 * reach) + 2)
    last = np.minimum(there, (centers + reach + 0.5).astype(int))
    weights = np.where(lines < last[:, None], _cubic((lines + 0.5 - centers[:, None]) / max(1.0, step)), 0.0)
    weights /= np.where(centers < extent, weights.sum(axis=1), 1.0)[:, None]
    return tuple(_band(lines[at : at + band], weights[at : at + band], there) for at in range(0, wanted, band))


def _band(lines: "np.ndarray[Any, np.dtype[np.intp]]", weights: Any, there: int) -> tuple[int, int, Floats]:
    begins, ends = int(lines[0, 0]), min(there, int(lines[-1, -1]) + 1)
    dense = np.zeros((len(lines), int(lines[-1, -1]) + 1 - begins), np.float32)
    np.put_along_axis(dense, lines - begins, weights.astype(np.float32), axis=1)
    return begins, ends, np.ascontiguousarray(dense[:, : ends - begins])


def _cubic(away: Any) -> Any:
    """Keys 1981, equation 4, as sharp as Pillow's and everybody's bicubic."""
    away, a = np.abs(away), _SHARPNESS
    near = ((a + 2) * away - (a + 3)) * away**2 + 1
    far = ((away - 5) * away + 8) * away * a - 4 * a
    return np.where(away < 1, near, np.where(away < _REACH, far, 0.0))
