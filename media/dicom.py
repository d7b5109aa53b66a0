"""DICOM to a picture: one uncompressed frame, windowed to eight bits by a look-up table. Runs in the darkroom only."""

import math
from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.pixels.utils import pixel_array
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from media.kinds import Reason, Rejected, within_pixels

# Uncompressed only. Above all not the deflated one, which inflates half a megabyte to a gigabyte.
_READ = frozenset({ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian})
_HEADER = [
    "Rows", "Columns", "NumberOfFrames", "BitsAllocated", "PhotometricInterpretation", "SamplesPerPixel",
    "RescaleSlope", "RescaleIntercept", "WindowCenter", "WindowWidth",
]  # fmt: skip
_META_STARTS, _META_GROUP = 132, 2
_BRIGHTEST = 255
_DEEPEST_BITS = 16
_SAMPLE = 1_000_000

Pixels = np.ndarray[Any, np.dtype[Any]]


def dicom_picture(content: bytes) -> Image.Image:
    """The one frame of a DICOM file as a grey or colour picture. Raises `Rejected`, and pydicom's own errors.

    The transfer syntax is read before anything is unpacked, the size before any pixel.
    """
    if _transfer_syntax(content) not in _READ:
        raise Rejected(Reason.UNSUPPORTED)
    header = dcmread(BytesIO(content), stop_before_pixels=True, specific_tags=list(_HEADER))
    _check(header)
    frame = pixel_array(BytesIO(content), index=0)
    if frame.ndim == 3:  # noqa: PLR2004  rows, columns, red-green-blue
        return Image.fromarray(frame)
    return grey_picture(frame, _window(header), inverted=header.PhotometricInterpretation == "MONOCHROME1")


def _transfer_syntax(content: bytes) -> str:
    start = BytesIO(content)
    start.seek(_META_STARTS)
    meta = read_dataset(
        start, is_implicit_VR=False, is_little_endian=True, stop_when=lambda tag, *_: tag.group != _META_GROUP
    )
    return str(meta.get("TransferSyntaxUID", ""))


def _check(header: Dataset) -> None:
    if not within_pixels(int(header.Columns), int(header.Rows)):
        raise Rejected(Reason.TOO_MANY_PIXELS)
    colour = header.PhotometricInterpretation in ("RGB", "YBR_FULL")
    grey = header.PhotometricInterpretation in ("MONOCHROME1", "MONOCHROME2")
    bits = int(header.BitsAllocated)
    if int(header.get("NumberOfFrames") or 1) != 1 or bits > (8 if colour else _DEEPEST_BITS) or not (colour or grey):
        raise Rejected(Reason.UNSUPPORTED)


def _window(header: Dataset) -> tuple[float, float] | None:
    """The stored values that become black and white by the first window of the file (PS3.3 C.11.2.1.2), if it has one.

    The rescale (PS3.3 C.11.1) is undone on the two ends, which is as good as applying it to every pixel.
    """
    slope, intercept = float(header.get("RescaleSlope") or 1), float(header.get("RescaleIntercept") or 0)
    center, width = _first(header.get("WindowCenter")), _first(header.get("WindowWidth"))
    if center is None or width is None or not (width > 1 and slope > 0 and math.isfinite(center + width)):
        return None
    low, high = center - 0.5 - (width - 1) / 2, center - 0.5 + (width - 1) / 2
    return (low - intercept) / slope, (high - intercept) / slope


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0]) if hasattr(value, "__len__") and not isinstance(value, str) else float(value)


def grey_picture(stored: Pixels, window: tuple[float, float] | None, *, inverted: bool = False) -> Image.Image:
    """`stored` (rows x columns, whole numbers of up to 16 bits) as eight-bit grey.

    Without a window the darkest and brightest half percent are cut off. The table has one entry for each value
    that occurs, so the arithmetic is done 65,536 times at most and not once a pixel.
    """
    lowest, highest = int(stored.min()), int(stored.max())
    low, high = window or _percentiles(stored)
    domain = np.arange(lowest, highest + 1, dtype=np.float64)
    table = np.clip((domain - low) / max(high - low, 1.0) * _BRIGHTEST, 0, _BRIGHTEST).round().astype(np.uint8)
    if inverted:
        table = _BRIGHTEST - table
    return Image.fromarray(table[stored.astype(np.int32) - lowest])


def _percentiles(stored: Pixels) -> tuple[float, float]:
    step = math.isqrt(max(1, stored.size // _SAMPLE)) or 1
    low, high = np.percentile(stored[::step, ::step], (0.5, 99.5))
    return float(low), float(high)
