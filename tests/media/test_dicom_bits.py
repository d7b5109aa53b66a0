"""Stored values of which not every bit counts: they are read where they stand, and what is beside them stays."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEGBaseline8Bit, RLELossless

from media.dicom import developed_dicom
from media.kinds import Reason, Rejected
from tests.media.dicom_files import GREY, RAMP, dicom, jpeg_frame

TWELVE: dict[str, Any] = {"BitsStored": 12, "HighBit": 11}
TWELVE_ABOVE: dict[str, Any] = {"BitsStored": 12, "HighBit": 15}
WORDS = np.zeros_like(RAMP)
WORDS[8:16] = 0xF000
SIGNED = (RAMP.astype(np.int16) - 2048).astype(np.int16)


def shades(content: bytes) -> Any:
    return np.asarray(developed_dicom(content).image).astype(int)


def copied(content: bytes) -> pydicom.Dataset:
    return pydicom.dcmread(BytesIO(bytes(developed_dicom(content).download)))


def packed(pixels: Any, **header: Any) -> bytes:
    made = pydicom.dcmread(BytesIO(dicom(pixels)))
    made.compress(RLELossless)
    for keyword, value in header.items():
        setattr(made, keyword, value)
    out = BytesIO()
    made.save_as(out)
    return out.getvalue()


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2048, "WindowWidth": 4096}, {"WindowCenter": 0}])
def test_a_value_in_the_upper_bits_is_shown_as_the_same_value_in_the_lower_ones(window: dict[str, Any]) -> None:
    for low, high in ((RAMP, RAMP << 4), (SIGNED, SIGNED << 4)):
        wanted = shades(dicom(low, **TWELVE, **window))
        noise = (high | np.array(0xA, low.dtype)).astype(low.dtype)
        assert wanted.min() != wanted.max()
        assert (shades(dicom(noise, **TWELVE_ABOVE, **window)) == wanted).all()
        assert (shades(packed(noise, **TWELVE_ABOVE, **window)) == wanted).all()


def test_colours_in_the_upper_bits_are_shown() -> None:
    pixels = np.full((8, 8, 3), (0xFF00, 0x8000, 0x0000), np.uint16)
    assert developed_dicom(dicom(pixels, **TWELVE_ABOVE)).image.getpixel((0, 0)) == (255, 128, 0)


@pytest.mark.parametrize("highest", [7, 16, 99])
def test_a_highest_bit_that_leaves_no_room_for_the_value_is_as_good_as_absent(highest: int) -> None:
    wanted = shades(dicom(RAMP, **TWELVE))
    assert (shades(dicom(RAMP, BitsStored=12, HighBit=highest)) == wanted).all()
    assert (shades(dicom(RAMP, BitsStored=12, HighBit=None)) == wanted).all()


def test_a_codestream_whose_header_puts_the_value_elsewhere_is_unsupported() -> None:
    content = dicom([jpeg_frame()], JPEGBaseline8Bit, **{**GREY, "BitsAllocated": 16, "HighBit": 15})
    with pytest.raises(Rejected) as caught:
        developed_dicom(content)
    assert caught.value.reason is Reason.UNSUPPORTED


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_an_overlay_in_bits_that_are_not_of_the_value_does_not_come_along(syntax: str) -> None:
    for values, places in ((RAMP, TWELVE), (RAMP << 4, TWELVE_ABOVE)):
        words = WORDS if places is TWELVE else WORDS >> 12
        order = ">u2" if syntax == ExplicitVRBigEndian else "<u2"
        content = dicom((values | words).astype(order), syntax, **places)
        assert copied(content).PixelData == values.astype(order).tobytes()
        assert (shades(content) == shades(dicom(values.astype(order), syntax, **places))).all()


def test_a_signed_value_keeps_its_sign_and_loses_the_overlay() -> None:
    content = dicom(((SIGNED.view(np.uint16) & 0x0FFF) | WORDS).view(np.int16), **TWELVE)
    assert copied(content).PixelData == SIGNED.tobytes()


def test_where_every_bit_counts_none_is_put_out() -> None:
    assert copied(dicom(RAMP | WORDS)).PixelData == (RAMP | WORDS).tobytes()


def test_an_overlay_that_stays_in_compressed_pixels_counts_as_words_in_the_picture() -> None:
    hidden = packed(RAMP | WORDS, **TWELVE)
    assert developed_dicom(hidden).facts.burned_in
    assert (copied(hidden).PatientIdentityRemoved, copied(hidden).BurnedInAnnotation) == ("NO", "YES")
    assert (shades(hidden) == shades(dicom(RAMP, **TWELVE))).all()


@pytest.mark.parametrize("pixels", [RAMP, SIGNED, (SIGNED.view(np.uint16) & 0x0FFF).view(np.int16)])
def test_a_sign_is_no_overlay(pixels: Any) -> None:
    assert not developed_dicom(packed(pixels, **TWELVE)).facts.burned_in
