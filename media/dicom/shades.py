"""Stored grey values to the eight bits of a screen, as the file wants them looked at (PS3.4 N.2). Darkroom only."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset

from media.dicom.values import item, number, numbers, text, value, whole

Pixels = np.ndarray[Any, np.dtype[Any]]
Floats = np.ndarray[Any, np.dtype[np.float64]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_BRIGHTEST = 255
_SAMPLE = 1_000_000
_BLOCK = 1_000_000
_TABLE_BYTES = 2
_DESCRIPTOR = 3
_WORD = 65_536
_STEEPEST = 50.0


@dataclass(frozen=True, slots=True)
class Table:
    """A LUT of a file: `shades[i]` for the value `first + i`; what lies outside gets the end it lies beyond."""

    first: int
    shades: Floats
    highest: float

    def of(self, values: Floats) -> Floats:
        place = np.clip(values - self.first, 0, len(self.shades) - 1)
        return self.shades[place.astype(np.intp)]


@dataclass(frozen=True, slots=True)
class Window:
    """PS3.3 C.11.2.1.2; `of` answers 0 for black to 1 for white."""

    center: float
    width: float
    function: str = "LINEAR"

    def of(self, values: Floats) -> Floats:
        if self.function == "SIGMOID":
            return 1 / (1 + np.exp(np.clip(-4 * (values - self.center) / self.width, -_STEEPEST, _STEEPEST)))
        if self.function == "LINEAR_EXACT":
            return (values - self.center) / self.width + 0.5
        if self.width == 1:
            return (values > self.center - 0.5).astype(np.float64)
        return (values - (self.center - 0.5)) / (self.width - 1) + 0.5


@dataclass(frozen=True, slots=True)
class Look:
    """How a file wants its stored values looked at. `padding`: the values, both ends included, that are no picture."""

    slope: float = 1.0
    intercept: float = 0.0
    modality: Table | None = None
    voi: Table | None = None
    window: Window | None = None
    inverted: bool = False
    padding: tuple[float, float] | None = None

    def measured(self, stored: Pixels) -> Floats:
        """What the stored values mean, e.g. Hounsfield units."""
        values = np.asarray(stored, dtype=np.float64)
        return self.modality.of(values) if self.modality else values * self.slope + self.intercept


PLAIN = Look()


def look_of(header: Dataset) -> Look:
    """By the elements of one frame; what cannot be read is as good as absent."""
    signed = value(header, "PixelRepresentation") == 1
    return Look(
        slope=number(header, "RescaleSlope") or 1.0,
        intercept=number(header, "RescaleIntercept") or 0.0,
        modality=_table(item(header, "ModalityLUTSequence"), signed=signed, big=_is_big(header)),
        voi=_table(item(header, "VOILUTSequence"), signed=signed, big=_is_big(header)),
        window=_window(header),
        inverted=text(header, "PhotometricInterpretation") == "MONOCHROME1"
        or text(header, "PresentationLUTShape") == "INVERSE",
        padding=_padding(header),
    )


def _is_big(header: Dataset) -> bool:
    return header.original_encoding[1] is False


def _window(header: Dataset) -> Window | None:
    center, width = number(header, "WindowCenter"), number(header, "WindowWidth")
    function = text(header, "VOILUTFunction") or "LINEAR"
    if center is None or width is None or not width > 0 or (function == "LINEAR" and width < 1):
        return None
    return Window(center, width, function)


def _padding(header: Dataset) -> tuple[float, float] | None:
    one = number(header, "PixelPaddingValue")
    if one is None:
        return None
    other = number(header, "PixelPaddingRangeLimit")
    return min(one, one if other is None else other), max(one, one if other is None else other)


def _table(found: Dataset | None, *, signed: bool, big: bool) -> Table | None:
    """A LUT item (PS3.3 C.11.1.1): entries (0 means 65,536), first value, bits of an entry."""
    if found is None:
        return None
    described = numbers(found, "LUTDescriptor")
    shades = _shades(found, int(described[0]) if described else 0, big=big)
    if len(described) != _DESCRIPTOR or shades is None or not len(shades):
        return None
    first = int(described[1])
    if signed and first >= _WORD // 2:
        first -= _WORD
    highest = float(2 ** min(max(int(described[2]), 1), 16) - 1)
    return Table(first, shades, max(highest, float(shades.max())))


def _shades(found: Dataset, entries: int, *, big: bool) -> Floats | None:
    entries = entries or _WORD
    data = found.get("LUTData")
    if isinstance(data, bytes):
        narrow = len(data) < 2 * entries
        kind = np.dtype(np.uint8) if narrow else np.dtype(np.uint16).newbyteorder(">" if big else "<")
        return np.frombuffer(data, kind, count=min(entries, len(data) // kind.itemsize)).astype(np.float64)
    several = numbers(found, "LUTData")
    return np.array(several[:entries], dtype=np.float64) % _WORD if several else None


def grey_picture(stored: Pixels, look: Look | None = None) -> Image.Image:
    """`stored` (rows x columns; whole numbers or floats of any width) as eight-bit grey.

    Without a window the darkest and brightest half percent are cut off, padding left aside. Up to sixteen bits the
    arithmetic is done once for each possible value and not once a pixel; in blocks, since 60 million floats are half
    of a darkroom's memory.
    """
    look = look or PLAIN
    stored = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    ends = None if look.voi or look.window else _ends(stored, look)
    if stored.dtype.kind not in "iu" or stored.dtype.itemsize > _TABLE_BYTES:
        return Image.fromarray(_by_blocks(stored, lambda block: _shown(block, look, ends)))
    places = stored.view(f"u{stored.dtype.itemsize}")  # those below zero lie behind the others
    possible = np.arange(int(places.max()) + 1).astype(places.dtype)
    table = _shown(possible.view(stored.dtype), look, ends)
    return Image.fromarray(_by_blocks(places, lambda block: np.take(table, block)))


def _by_blocks(stored: Pixels, shown: Any) -> Bytes:
    out = np.empty(stored.shape, dtype=np.uint8)
    rows = max(1, _BLOCK // max(1, stored.shape[1]))
    for top in range(0, stored.shape[0], rows):
        out[top : top + rows] = shown(stored[top : top + rows])
    return out


def _shown(stored: Pixels, look: Look, ends: tuple[float, float] | None) -> Bytes:
    values = look.measured(stored)
    if look.voi:
        shares = look.voi.of(values) / look.voi.highest
    elif look.window:
        shares = look.window.of(values)
    else:
        low, high = ends or (0.0, 1.0)
        shares = (values - low) / (high - low)
    shades = np.clip(np.nan_to_num(shares) * _BRIGHTEST, 0, _BRIGHTEST).round().astype(np.uint8)
    return _BRIGHTEST - shades if look.inverted else shades


def _ends(stored: Pixels, look: Look) -> tuple[float, float]:
    step = math.isqrt(max(1, stored.size // _SAMPLE)) or 1
    sample = stored[::step, ::step].ravel()
    if look.padding:
        picture = sample[(sample < look.padding[0]) | (sample > look.padding[1])]
        sample = picture if picture.size else sample
    values = look.measured(sample)
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, (0.5, 99.5)) if values.size else (0.0, 1.0)
    return float(low), float(high) if high > low else float(low) + 1.0


def bits_of(header: Dataset) -> int:
    """How many bits of a stored value count."""
    return whole(header, "BitsStored") if "BitsStored" in header else whole(header, "BitsAllocated")
