"""DICOM to a picture: every encoding of pixels, every way a file says they are to be looked at."""

from io import BytesIO
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels.processing import apply_modality_lut, apply_voi_lut
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from media.dicom import developed_dicom
from media.dicom.file import LARGEST_INFLATED, MOST_FRAMES
from media.kinds import MediaType, Reason, Rejected, media_type_of
from tests.media.dicom_files import DOWNLOADED, PACKAGED, RAMP, deflated, dicom, item, jpeg_frame

TEST_FILES = PACKAGED / "test_files"


def shades(content: bytes) -> Any:
    return np.asarray(developed_dicom(content).image).astype(int)


def rejection(content: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        developed_dicom(content)
    return caught.value.reason


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8"])
def test_every_width_of_a_grey_value_is_stretched_from_black_to_white(kind: str) -> None:
    ramp = np.tile(np.linspace(-90 if kind[0] != "u" else 3, 120, 64), (32, 1)).astype(kind)
    shown = shades(dicom(ramp))
    assert shown[0, 0] < 5
    assert shown[0, -1] > 250
    assert (np.diff(shown[0]) >= 0).all()


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_the_order_of_bytes_changes_nothing(syntax: str) -> None:
    pixels = RAMP.astype(">u2") if syntax == ExplicitVRBigEndian else RAMP
    assert (shades(dicom(pixels, syntax)) == shades(dicom())).all()


def test_the_shades_of_a_file_with_values_that_are_no_number_are_found() -> None:
    pixels = np.tile(np.linspace(0, 1, 64), (32, 1)).astype("f4")
    pixels[:4, :4] = np.nan, np.inf, -np.inf, np.nan
    shown = shades(dicom(pixels))
    assert shown[10, 0] < 5
    assert shown[10, -1] > 250


@pytest.mark.parametrize(
    ("function", "wanted"),
    [
        # PS3.3 C.11.2.1.2: value 1000 in a window of centre 2000 and width 4000
        ("LINEAR", ((1000 - 1999.5) / 3999 + 0.5) * 255),
        ("LINEAR_EXACT", ((1000 - 2000) / 4000 + 0.5) * 255),
        ("SIGMOID", 255 / (1 + np.exp(-4 * (1000 - 2000) / 4000))),
    ],
)
def test_a_window_is_applied_as_its_function_says(function: str, wanted: float) -> None:
    pixels = np.full((8, 8), 1000, np.uint16)
    shown = shades(dicom(pixels, WindowCenter=2000, WindowWidth=4000, VOILUTFunction=function))
    assert shown[0, 0] == round(wanted)


def test_the_first_of_several_windows_is_applied_after_the_rescale() -> None:
    pixels = np.full((8, 8), 1000, np.uint16)
    header: dict[str, Any] = {
        "WindowCenter": [1000, 1],
        "WindowWidth": [2001, 2],
        "RescaleSlope": 2,
        "RescaleIntercept": -1000,
    }
    assert abs(shades(dicom(pixels, **header))[0, 0] - 128) <= 1


def test_a_window_of_one_value_is_a_threshold() -> None:
    shown = shades(dicom(WindowCenter=2048, WindowWidth=1))
    assert set(shown[0].tolist()) == {0, 255}


@pytest.mark.parametrize(
    "window",
    [
        {"WindowCenter": 5, "WindowWidth": 0},
        {"WindowCenter": 5, "WindowWidth": -3},
        {"WindowCenter": 5},
        {"WindowCenter": "", "WindowWidth": ""},
    ],
)
def test_a_window_that_means_nothing_is_as_good_as_none(window: dict[str, Any]) -> None:
    assert (shades(dicom(**window)) == shades(dicom())).all()


@pytest.mark.parametrize("header", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}])
def test_a_negative_is_turned_around(header: dict[str, str]) -> None:
    assert (shades(dicom(**header)) == 255 - shades(dicom())).all()


def test_padding_does_not_count_among_the_shades() -> None:
    pixels = RAMP.astype(np.int16)
    pixels[:16] = -2000
    plain = shades(dicom(pixels))
    told = shades(dicom(pixels, PixelPaddingValue=-2000))
    ranged = shades(dicom(pixels, PixelPaddingValue=-2100, PixelPaddingRangeLimit=-1900))
    assert plain[31, 0] > 60, "half of the picture is padding, so the darkest shade of the rest is grey"
    assert told[31, 0] < 5
    assert (ranged == told).all()


@pytest.mark.parametrize("name", ["mlut_18.dcm", "vlut_04.dcm"])
def test_look_up_tables_are_applied_as_pydicom_applies_them(name: str) -> None:
    content = (DOWNLOADED / name).read_bytes()
    read = pydicom.dcmread(BytesIO(content))
    wanted = apply_voi_lut(apply_modality_lut(read.pixel_array, read), read).astype(float)
    found = shades(content).astype(float)
    assert np.corrcoef(wanted.ravel(), found.ravel())[0, 1] > 0.99


def test_a_table_of_a_signed_picture_begins_below_zero() -> None:
    table = item(LUTDescriptor=[4, -2, 8], LUTData=bytes([0, 85, 170, 255]))
    content = dicom(np.array([[-3, -2, -1, 0, 1, 2]] * 4, np.int16), VOILUTSequence=[table])
    assert shades(content)[0].tolist() == [0, 0, 85, 170, 255, 255]


def test_an_enhanced_file_is_looked_at_through_the_window_of_its_frame() -> None:
    frames = np.stack([np.full((8, 8), 1000, np.uint16)] * 2)

    def windowed(center: int) -> Any:
        return item(FrameVOILUTSequence=[item(WindowCenter=center, WindowWidth=2001)])

    content = dicom(
        frames.reshape(16, 8), Rows=8, NumberOfFrames=2, RepresentativeFrameNumber=2,
        PerFrameFunctionalGroupsSequence=[windowed(0), windowed(1000)],
        SharedFunctionalGroupsSequence=[item(PixelMeasuresSequence=[item(PixelSpacing=[0.2, 0.2])])],
    )  # fmt: skip
    made = developed_dicom(content)
    assert abs(int(np.asarray(made.image)[0, 0]) - 128) <= 1
    assert (made.frames, made.facts.row_spacing_mm) == (2, 0.2)


@pytest.mark.parametrize(
    ("header", "wanted"), [({}, 0), ({"RepresentativeFrameNumber": 3}, 2), ({"Modality": "CT"}, 2)]
)
def test_one_frame_stands_for_all(header: dict[str, Any], wanted: int) -> None:
    frames = np.concatenate([np.full((8, 8), shade, np.uint8) for shade in (0, 50, 100, 150)])
    content = dicom(frames, Rows=8, NumberOfFrames=4, WindowCenter=128, WindowWidth=256, **header)
    assert abs(shades(content)[0, 0] - 50 * wanted) <= 1


@pytest.mark.parametrize(
    ("header", "size"),
    [
        ({"PixelSpacing": [0.2, 0.1]}, (64, 64)),
        ({"PixelSpacing": [0.1, 0.2]}, (128, 32)),
        ({"PixelAspectRatio": [2, 1]}, (64, 64)),
        ({"ImagerPixelSpacing": [0.1, 0.1]}, (64, 32)),
        ({"PixelAspectRatio": [1, 1000]}, (64, 32)),
        ({"PixelSpacing": [0, 0.1]}, (64, 32)),
    ],
)
def test_pixels_that_are_not_square_are_drawn_out(header: dict[str, Any], size: tuple[int, int]) -> None:
    assert developed_dicom(dicom(**header)).image.size == size


def test_colour_of_sixteen_bits_is_brought_to_eight() -> None:
    pixels = np.full((8, 8, 3), (0xFF00, 0x8000, 0x0000), np.uint16)
    assert developed_dicom(dicom(pixels)).image.getpixel((0, 0)) == (255, 128, 0)


def test_a_palette_becomes_its_colours() -> None:
    made = developed_dicom((TEST_FILES / "examples_palette.dcm").read_bytes())
    assert made.image.mode == "RGB"
    assert len(made.image.getcolors(1 << 16) or []) > 20


def test_a_colour_profile_goes_along_and_nothing_else() -> None:
    content = dicom(np.zeros((8, 8, 3), np.uint8), ICCProfile=b"profile!")
    assert developed_dicom(content).image.info == {"icc_profile": b"profile!"}


def test_a_mask_of_single_bits_is_black_and_white() -> None:
    shown = shades((TEST_FILES / "liver_1frame.dcm").read_bytes())
    assert set(np.unique(shown)) <= {0, 255}


def test_a_jpeg_inside_is_decoded() -> None:
    content = dicom([jpeg_frame()], JPEGBaseline8Bit, Rows=32, Columns=64, BitsAllocated=8, BitsStored=8, HighBit=7)
    assert developed_dicom(content).image.size == (64, 32)


def test_only_the_shown_frame_is_unpacked() -> None:
    header = {"Rows": 32, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7, "NumberOfFrames": 3}
    made = developed_dicom(dicom([jpeg_frame(), jpeg_frame(9, 9), jpeg_frame(9, 9)], JPEGBaseline8Bit, **header))
    assert made.frames == 3


def test_a_jpeg_that_claims_another_size_than_its_header_is_not_unpacked() -> None:
    header = {"Rows": 32, "Columns": 64, "BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    frame = jpeg_frame()
    at = frame.index(b"\xff\xc0") + 5
    huge = frame[:at] + b"\xff\xdc\xff\xdc" + frame[at + 4 :]
    assert rejection(dicom([huge], JPEGBaseline8Bit, **header)) is Reason.BROKEN


@pytest.mark.parametrize("size", [(65_535, 65_535), (10_000, 6_401), (0, 64)])
def test_a_header_that_claims_too_much_is_refused_before_any_pixel(size: tuple[int, int]) -> None:
    assert rejection(dicom(Rows=size[0], Columns=size[1])) is Reason.TOO_MANY_PIXELS


def test_too_many_frames_are_refused() -> None:
    assert rejection(dicom(NumberOfFrames=MOST_FRAMES + 1)) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("frames", [0, None, ""])
def test_a_file_that_counts_no_frame_has_one(frames: Any) -> None:
    made = pydicom.dcmread(BytesIO(dicom()))
    made.add_new("NumberOfFrames", "IS", frames)
    out = BytesIO()
    made.save_as(out)
    assert developed_dicom(out.getvalue()).frames == 1


def test_more_frames_than_there_are_bytes_are_refused() -> None:
    assert rejection(dicom(NumberOfFrames=9)) is Reason.BROKEN


def test_a_cut_off_file_is_refused_and_not_shown_half_grey() -> None:
    whole = dicom()
    for length in (200, 600, len(whole) // 2, len(whole) - 2):
        assert rejection(whole[:length]) in {Reason.BROKEN, Reason.NO_PICTURE}


def test_a_deflated_file_is_read() -> None:
    assert (shades(deflated(dicom())) == shades(dicom())).all()


def test_a_deflated_file_that_inflates_to_a_gigabyte_is_given_up_early() -> None:
    bomb = deflated(dicom(), bytes(LARGEST_INFLATED + 1))
    assert len(bomb) < 200_000
    assert rejection(bomb) is Reason.TOO_COSTLY


def test_sequences_nested_without_end_are_refused() -> None:
    start = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    whole = dicom()
    at = whole.index(b"\x08\x00\x16\x00UI")
    assert rejection(whole[:at] + start * 5000 + whole[at:]) is Reason.BROKEN


def test_a_report_has_no_picture() -> None:
    assert rejection((TEST_FILES / "reportsi.dcm").read_bytes()) is Reason.NO_PICTURE


@pytest.mark.parametrize("photometric", ["HSV", "ARGB", "CMYK"])
def test_a_colour_space_that_nobody_uses_any_more_is_unsupported(photometric: str) -> None:
    assert rejection(dicom(PhotometricInterpretation=photometric)) is Reason.UNSUPPORTED


def test_a_video_is_unsupported() -> None:
    assert rejection(dicom([b"film"], "1.2.840.10008.1.2.4.102", Rows=8, Columns=8)) is Reason.UNSUPPORTED


def test_the_picture_is_of_a_plain_mode() -> None:
    assert isinstance(developed_dicom(dicom()).image, Image.Image)
    assert developed_dicom(dicom()).image.mode == "L"


@pytest.mark.parametrize(
    ("preamble", "honest"),
    [
        (bytes(128), True),
        (b"II*\0" + bytes(124), True),
        (bytes(17) + b"\1" + bytes(110), True),  # as a scanner in pydicom's corpus writes it
        (bytes(20) + b"%PDF-" + bytes(103), False),
        (bytes(124) + b"PK\5\6", False),
        (b"MZ" + bytes(126), False),
        (b" " * 128, True),
        (b"\xff" * 128, True),
        (b"written by a scanner".ljust(128, b"\0"), True),
        (b"\n#!/bin/sh\n".ljust(128, b" "), False),
        (b"<HTML>".rjust(128), False),
        (b"GIF89a".ljust(128, b"\0"), False),
    ],
)
def test_a_preamble_is_honest_where_no_other_format_could_begin(preamble: bytes, *, honest: bool) -> None:
    assert (media_type_of(preamble + dicom()[128:]) is MediaType.DICOM) is honest
