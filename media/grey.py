"""Photos of sixteen grey bits, as X-ray sensors export them without DICOM, made visible in eight."""

import math
from typing import Any

import numpy as np
from PIL import Image

Pixels = np.ndarray[Any, np.dtype[Any]]

_BRIGHTEST = 255
_SAMPLE = 250_000
_CUT = 0.005
_ROWS = 64


def stretched_grey(stored: Pixels) -> Image.Image:
    """`stored` (rows x columns, whole numbers from 0 to 65,535) as eight-bit grey; a file says no window, so the
    darkest and the brightest half percent are cut off."""
    values = stored.astype(np.uint16, copy=False)
    low, high = _ends(values)
    shown = np.empty(values.shape, np.uint8)
    for first in range(0, len(values), _ROWS):  # what the processor's own cache holds: faster than looking up
        shades = values[first : first + _ROWS].astype(np.float32)
        shades -= low
        shades *= _BRIGHTEST / max(high - low, 1)
        np.clip(shades, 0, _BRIGHTEST, out=shades)
        shown[first : first + _ROWS] = np.rint(shades, out=shades)
    return Image.fromarray(shown)


def _ends(values: Pixels) -> tuple[int, int]:
    """Where the darkest and the brightest half percent end, by some hundred thousand pixels."""
    step = math.isqrt(max(1, values.size // _SAMPLE)) or 1
    reached = np.cumsum(np.bincount(values[::step, ::step].ravel()))
    low, high = np.searchsorted(reached, (reached[-1] * _CUT, reached[-1] * (1 - _CUT)))
    return int(low), int(high)
