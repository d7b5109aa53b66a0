"""The pixel element of a DICOM file for the patient's copy: the same pixels, none of the words around them."""

import struct
from collections.abc import Iterator

import numpy as np
from pydicom.pixels.utils import get_expected_length

from media.dicom.bits import bits_in
from media.dicom.codestream import clean_frames
from media.dicom.file import UNDEFINED, DicomFile
from media.dicom.fragments import DELIMITERS, ITEM, ITEMS_END, frames_of, offsets_of
from media.dicom.values import whole
from media.parcels import Part, Stretch

_ELEMENTS = {"PixelData": 0x0010, "FloatPixelData": 0x0008, "DoubleFloatPixelData": 0x0009}
_VRS = {"FloatPixelData": "OF", "DoubleFloatPixelData": "OD"}
_GROUP, _BYTE = 0x7FE0, 8
_PIECE = 256 * 1024


def pixel_element(file: DicomFile) -> Iterator[Part]:
    """The element in pieces, so that a large one is not held twice.

    Uncompressed pixels are the bytes of the file, without what may follow the last frame; bits that belong to no value
    are put out. Compressed ones too, in the same fragments, but what in them is neither pixels nor how to read them is
    overwritten with zeros.
    """
    if file.syntax.is_encapsulated:
        yield _head(file, UNDEFINED)
        yield from _fragmented(file)
        yield struct.pack("<HHI", DELIMITERS, ITEMS_END, 0)
        return
    # The byte that makes it even comes along: in a big endian word it stands before the last one.
    begins, expected = file.pixels.begins, native_bytes(file)
    ends = min(len(file.content), begins + min(file.pixels.length, expected + expected % 2))
    value = Stretch(file.content, begins, ends)
    yield _head(file, len(value) + len(value) % 2)
    yield from _values_alone(file, value)
    yield bytes(len(value) % 2)


def _values_alone(file: DicomFile, value: Stretch) -> Iterator[Part]:
    bits = bits_in(file)
    if bits is None:
        yield value
        return
    for at in range(value.begins, value.ends, _PIECE):
        piece = Stretch(value.whole, at, min(at + _PIECE, value.ends))
        stored = np.frombuffer(piece.view, bits.kind)
        if bits.has_no_other(stored):
            yield piece
            continue
        alone = bits.alone(stored)
        yield piece if np.array_equal(alone, stored) else alone.astype(bits.kind, copy=False).tobytes()


def native_bytes(file: DicomFile) -> int:
    """How long the uncompressed pixels of all frames are."""
    return get_expected_length(file.header, unit="bytes")


def _head(file: DicomFile, length: int) -> bytes:
    order = "<" if file.syntax.is_little_endian else ">"
    tag = struct.pack(f"{order}HH", _GROUP, _ELEMENTS[file.pixels.keyword])
    if file.syntax.is_implicit_VR:
        return tag + struct.pack(f"{order}I", length)
    return tag + _vr(file).encode() + struct.pack(f"{order}HI", 0, length)


def _vr(file: DicomFile) -> str:
    """PS3.5 §8.2: bytes where the pixels are compressed or narrow, else words."""
    if file.pixels.keyword in _VRS:
        return _VRS[file.pixels.keyword]
    if file.pixels.vr in ("OB", "OW"):
        return file.pixels.vr
    return "OB" if file.syntax.is_encapsulated or whole(file.header, "BitsAllocated") <= _BYTE else "OW"


def _fragmented(file: DicomFile) -> Iterator[bytes]:
    frames = frames_of(file)
    yield from _item(offsets_of(file, frames))
    for spans, clean in zip(frames, clean_frames(file, frames), strict=True):
        at = 0
        for begins, ends in spans:
            yield from _item(clean[at : at + ends - begins])
            at += ends - begins


def _item(value: bytes) -> Iterator[bytes]:
    yield struct.pack("<HHI", DELIMITERS, ITEM, len(value))
    yield value
