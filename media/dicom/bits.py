"""Which bits of a stored value are the picture: the others may hold an overlay, or what a device left there."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from media.dicom.file import DicomFile
from media.dicom.shades import Pixels, bits_of
from media.dicom.values import text, value, whole

_BYTE, _WIDTHS = 8, frozenset({8, 16, 32, 64})
_UNMIXED = frozenset({"MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR"})
_ROWS = 256


@dataclass(frozen=True, slots=True)
class Bits:
    """How many bits lie `above` and `below` those of the value (PS3.5 §8.1.1); stored they are of `kind`."""

    above: int
    below: int
    kind: np.dtype[np.integer]

    def settle(self, stored: Pixels) -> None:
        """Put the value in the place of what was stored, in blocks: a frame may be an eighth of a darkroom's memory."""
        for block in _blocks(stored):
            if not self.below and self.has_no_other(block):
                continue
            alone = self.alone(block)
            block[...] = alone >> self.below if self.below else alone

    def alone(self, stored: Pixels) -> Pixels:
        """The value where it stands, and nothing beside it but its sign."""
        if stored.dtype.kind == "u":
            only: Pixels = stored & self._mask(stored)
            return only
        return (stored << self.above) >> (self.above + self.below) << self.below

    def _mask(self, stored: Pixels) -> int:
        """The bits of the value: without a sign they are all there is."""
        width = max(0, stored.dtype.itemsize * _BYTE - self.above - self.below)
        return (1 << width) - 1 << self.below

    def has_no_other(self, stored: Pixels) -> bool:
        """Whether every other bit is known to be zero: by all values laid over each other, which takes a quarter of the
        time of comparing. Not known of values with a sign, which stands beside them."""
        return stored.dtype.kind == "u" and not int(np.bitwise_or.reduce(stored, axis=None)) & ~self._mask(stored)

    def are_alone(self, stored: Pixels) -> bool:
        """Whether the other bits hold nothing: they are zero, or the sign."""
        return all(self._is_alone(block) for block in _blocks(stored))

    def _is_alone(self, block: Pixels) -> bool:
        if self.has_no_other(block):
            return True
        signed = self.alone(block)
        if np.array_equal(signed, block):
            return True
        plain = signed.view(f"u{signed.itemsize}") << self.above >> self.above
        return bool(((block == signed) | (block.view(plain.dtype) == plain)).all())


def bits_in(file: DicomFile) -> Bits | None:
    """None where every bit counts, the values are no whole numbers, or colours are mixed before anybody sees them."""
    allocated = whole(file.header, "BitsAllocated")
    is_whole = file.pixels.keyword == "PixelData" and allocated in _WIDTHS
    if not is_whole or text(file.header, "PhotometricInterpretation") not in _UNMIXED:
        return None
    below = lowest_bit(file)
    above = allocated - below - bits_of(file.header)
    order = "<" if file.syntax.is_little_endian else ">"
    sign = "i" if value(file.header, "PixelRepresentation") == 1 else "u"
    return Bits(above, below, np.dtype(f"{order}{sign}{allocated // _BYTE}")) if above > 0 or below > 0 else None


def lowest_bit(file: DicomFile) -> int:
    """Where the value begins; a highest bit that leaves no room for it, or lies outside, is as good as absent."""
    stored, highest = bits_of(file.header), value(file.header, "HighBit")
    is_told = isinstance(highest, int) and stored <= highest + 1 <= whole(file.header, "BitsAllocated")
    return highest + 1 - stored if is_told else 0


def _blocks(stored: Pixels) -> Iterator[Pixels]:
    for top in range(0, len(stored), _ROWS):
        yield stored[top : top + _ROWS]
