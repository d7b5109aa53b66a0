"""Finds half an X-ray shown as a whole one: a JPEG in a DICOM file whose coded pixels end early, with an end put to it.

Decoders do not complain; they go on with the last shade or with grey. Looking closely costs another decode, so it is
done only where the last pixels are alike, or where a picture is coded in several passes.
"""

from collections.abc import Callable

import numpy as np

from media.dicom.jpeg import Jpeg
from media.dicom.shades import Pixels

_FILLER = bytes(range(1, 128))
_IN_ONE_PASS = frozenset({0xC0, 0xC1, 0xC3})
"""Baseline, extended, lossless: from the upper left to the lower right."""


def jpeg_is_cut(jpeg: Jpeg, frame: Pixels, decoded: Callable[[bytes], Pixels]) -> bool:
    """Whether bytes put behind the coded pixels change the picture: behind whole ones nobody reads them."""
    if jpeg.process in _IN_ONE_PASS and jpeg.scans == 1 and (frame[-1, -2:] != frame[-1, -1]).any():
        return False
    filled = jpeg.clean[: jpeg.pixels_end] + _FILLER + jpeg.clean[jpeg.pixels_end :]
    return not np.array_equal(decoded(filled), frame)
