"""What is taken as a picture is decided by its first bytes and its size."""

import pytest

from media.kinds import (
    LARGEST_FILE,
    MOST_PIXELS,
    MediaType,
    PictureTooLarge,
    PictureTypeRefused,
    admitted,
    gives_up,
    media_type_of,
    within_pixels,
)

DICOM = bytes(128) + b"DICM"


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\xff\xd8\xff\xe0 and so on", MediaType.JPEG),
        (b"\x89PNG\r\n\x1a\n and so on", MediaType.PNG),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", MediaType.WEBP),
        (DICOM, MediaType.DICOM),
        (b"II*\0".ljust(128, b"\0") + b"DICM", MediaType.DICOM),
    ],
)
def test_the_four_types_are_known_by_their_first_bytes(content: bytes, media_type: MediaType) -> None:
    assert media_type_of(content) is media_type
    assert admitted(content) is media_type


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        b"<?xml version='1.0'?><!DOCTYPE svg><svg/>",
        b"<!doctype html><img>",
        b"GIF89a=1;/*",
        b"%PDF-1.7 \xff\xd8\xff",
        b"%!PS-Adobe-3.0 EPSF-3.0",
        b"II*\0 a TIFF",
        b"RIFF\x00\x00\x00\x00AVI LIST",
        b" \xff\xd8\xff",
        b"MZ".ljust(128, b"\0") + b"DICM",
        b"<html>".ljust(128, b" ") + b"DICM",
        bytes(127) + b"DICM",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_everything_else_is_refused(content: bytes) -> None:
    with pytest.raises(PictureTypeRefused):
        admitted(content)


def test_a_file_of_the_largest_size_is_taken_and_one_byte_more_is_not() -> None:
    largest = b"\xff\xd8\xff".ljust(LARGEST_FILE, b"\0")
    assert admitted(largest) is MediaType.JPEG
    with pytest.raises(PictureTooLarge):
        admitted(largest + b"\0")


@pytest.mark.parametrize(
    ("width", "height", "within"),
    [
        (1, MOST_PIXELS, True),
        (9_504, 6_336, True),
        (8_000, 8_001, False),
        (30_000, 30_000, False),
        (0, 5, False),
        (-2, -2, False),
    ],
)
def test_a_header_may_claim_the_pixels_of_the_largest_camera_and_not_many_more(
    width: int, height: int, within: bool
) -> None:
    assert within_pixels(width, height) is within


def test_the_third_helper_that_a_picture_outlives_is_the_last() -> None:
    assert [gives_up(attempts) for attempts in (1, 2, 3, 4)] == [False, False, True, True]
