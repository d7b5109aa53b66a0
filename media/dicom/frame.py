"""One frame of a DICOM file as a picture with square pixels. Darkroom only."""

from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut
from pydicom.pixels.utils import as_pixel_options
from pydicom.uid import (
    HTJ2K,
    JPEG2000,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from media.dicom.bits import bits_in, lowest_bit
from media.dicom.codestream import shown_frame
from media.dicom.cut_off import jpeg_is_cut
from media.dicom.file import DicomFile
from media.dicom.fragments import frames_of
from media.dicom.pixels import native_bytes
from media.dicom.shades import Look, Pixels, Table, bits_of, grey_picture, look_of
from media.dicom.values import item, numbers, text, value
from media.kinds import Reason, Rejected, within_pixels

# One decoder for an encoding and no second try by another: GDCM aborts its process over some broken JPEGs.
DECODERS = {
    JPEGBaseline8Bit: "pillow", JPEGExtended12Bit: "pillow", JPEGLossless: "gdcm", JPEGLosslessSV1: "gdcm",
    JPEGLSLossless: "pyjpegls", JPEGLSNearLossless: "pyjpegls", JPEG2000Lossless: "pylibjpeg", JPEG2000: "pylibjpeg",
    HTJ2KLossless: "pylibjpeg", HTJ2KLosslessRPCL: "pylibjpeg", HTJ2K: "pylibjpeg", RLELossless: "pydicom",
}  # fmt: skip
_CUT_UNNOTICED = frozenset({JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLossless, JPEGLosslessSV1})
"""Whose decoders take half a frame with an end put to it for a whole one."""
_MACROS = (
    "PixelMeasuresSequence", "PixelValueTransformationSequence", "FrameVOILUTSequence", "FrameAnatomySequence",
    "FrameDisplayShutterSequence",
)  # fmt: skip
_GREY = frozenset({"MONOCHROME1", "MONOCHROME2"})
_PALETTE = "PALETTE COLOR"
_COLOUR = frozenset({"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", _PALETTE})
_CHANNELS, _BYTE = 3, 8
_SQUARE, _NONSENSE = 0.01, 8.0
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")


def frame_header(file: DicomFile) -> Dataset:
    """The header as it holds for the frame that is shown: functional groups (PS3.3 C.7.6.16) laid over the rest."""
    flat = Dataset()
    flat.update(file.header)
    flat.set_original_encoding(*file.header.original_encoding)
    shared = item(file.header, "SharedFunctionalGroupsSequence")
    own = item(file.header, "PerFrameFunctionalGroupsSequence", file.shown)
    for groups in (shared, own):
        for macro in _MACROS:
            found = item(groups, macro) if groups is not None else None
            if found is not None:
                flat.update(found)
    return flat


def picture(file: DicomFile, header: Dataset) -> tuple[Image.Image, bool]:
    """The shown frame, eight bits a channel, as it is looked at. Raises `Rejected`, and pydicom's own errors.

    A colour profile of the file goes along in `info`, not applied yet. And whether compressed pixels hold more than
    the picture: bits that nobody shows, but a copy of the same bytes has.
    """
    photometric = text(header, "PhotometricInterpretation")
    if photometric not in _GREY | _COLOUR:
        raise Rejected(Reason.UNSUPPORTED)
    frame, hides = _values(file)
    return _looked_at(frame, header, photometric), hides


def _looked_at(frame: Pixels, header: Dataset, photometric: str | None) -> Image.Image:
    if photometric == _PALETTE:
        frame = apply_color_lut(frame, header)
    if frame.ndim != _CHANNELS:
        return _squared(grey_picture(frame, _look(header)), header)
    coloured = _squared(_coloured(frame, _depth(header, frame, photometric)), header)
    profile = value(header, "ICCProfile")
    if isinstance(profile, bytes) and profile:
        coloured.info["icc_profile"] = profile
    return coloured


def _values(file: DicomFile) -> tuple[Pixels, bool]:
    """The shown frame without the bits that are not of its values, and whether a compressed one has any set."""
    bits = bits_in(file)
    if bits is None:
        if lowest_bit(file):
            raise Rejected(Reason.UNSUPPORTED)
        return _decoded(file), False
    frame = _decoded(file)
    hides = file.syntax.is_encapsulated and not bits.are_alone(frame)
    bits.settle(frame)
    return frame, hides


def _decoded(file: DicomFile) -> Pixels:
    """The shown frame alone: rows x columns, or rows x columns x red, green, blue. Other frames are never unpacked.

    Raises `Rejected` where frames are missing or the shown one is not whole.
    """
    if not file.syntax.is_encapsulated:
        if min(file.pixels.length, len(file.content) - file.pixels.begins) < native_bytes(file):
            raise Rejected(Reason.BROKEN)
        source = BytesIO(file.content)
        source.seek(file.pixels.begins)
        return _unpacked(file, source, file.shown)
    codestream, jpeg = shown_frame(file, frames_of(file)[file.shown])
    frame = _unpacked_alone(file, codestream)
    if jpeg and file.syntax in _CUT_UNNOTICED and jpeg_is_cut(jpeg, frame, partial(_unpacked_alone, file)):
        raise Rejected(Reason.BROKEN)
    return frame


def _unpacked_alone(file: DicomFile, codestream: bytes) -> Pixels:
    return _unpacked(file, BytesIO(encapsulate([codestream], has_bot=False)), 0, number_of_frames=1)


def _unpacked(file: DicomFile, source: BytesIO, index: int, **otherwise: object) -> Pixels:
    said = as_pixel_options(file.header, pixel_keyword=file.pixels.keyword, transfer_syntax_uid=file.syntax)
    said.pop("extended_offsets", None)
    if file.pixels.vr:
        said["pixel_vr"] = file.pixels.vr
    decoder = DECODERS.get(file.syntax, "")
    said |= {"correct_unused_bits": bits_in(file) is None, **otherwise}
    frame, _ = get_decoder(file.syntax).as_array(source, index=index, decoding_plugin=decoder, **said)
    return frame


def _look(header: Dataset) -> Look:
    if bits_of(header) == 1:  # a mask: no percentile of it says anything
        return Look(voi=Table(0, np.array([0.0, 1.0]), 1.0))
    return look_of(header)


def _depth(header: Dataset, frame: Pixels, photometric: str | None) -> int:
    return frame.dtype.itemsize * _BYTE if photometric == _PALETTE else bits_of(header)


def _coloured(frame: Pixels, bits: int) -> Image.Image:
    colours = frame[..., :_CHANNELS]
    if colours.dtype != np.uint8:
        colours = (colours >> max(0, bits - _BYTE)).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(colours), "RGB")


def aspect(header: Dataset) -> float:
    """How much taller than wide a stored pixel is; 1 where the file says nothing sensible."""
    for keyword in ("PixelAspectRatio", *_SPACINGS):
        pair = numbers(header, keyword)
        if len(pair) == 2 and pair[0] > 0 and pair[1] > 0:  # noqa: PLR2004  vertical, horizontal
            ratio = pair[0] / pair[1]
            return ratio if 1 / _NONSENSE <= ratio <= _NONSENSE else 1.0
    return 1.0


def stretched(width: int, height: int, ratio: float) -> tuple[int, int]:
    """The size with square pixels: the shorter side of a pixel is drawn out, so that nothing is lost."""
    if abs(ratio - 1) < _SQUARE:
        return width, height
    size = (width, round(height * ratio)) if ratio > 1 else (round(width / ratio), height)
    return size if within_pixels(*size) else (width, height)


def _squared(found: Image.Image, header: Dataset) -> Image.Image:
    size = stretched(*found.size, aspect(header))
    return found if size == found.size else found.resize(size, Image.Resampling.BILINEAR)
