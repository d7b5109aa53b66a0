"""The patient's copy: the same pixels bit for bit, and not a word of what the file said beside them."""

import zlib
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from media.copies import clean_copy
from media.kinds import MediaType, media_type_of
from media.layout import layout_of, orientation_in
from media.layout_jpeg import jpeg_layout
from media.layout_profile import clean_profile
from tests.media.samples import ORIENTATION, chunk, photo, riff, segment, webp, with_chunk, with_riff, with_segment

NAME = b"Anna Rossi"
PROFILE = clean_profile(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()) or b""


def copied(content: bytes) -> bytes | None:
    media_type = media_type_of(content)
    assert media_type is not None
    copy = clean_copy(content, layout_of(content, media_type))
    return None if copy is None else bytes(copy)


def seen(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


def same_pixels(one: bytes, other: bytes) -> bool:
    """As they are stored, and as they are looked at."""
    stored = seen(one).tobytes() == seen(other).tobytes() and seen(one).mode == seen(other).mode
    looked_at = ImageOps.exif_transpose(seen(one)).tobytes() == ImageOps.exif_transpose(seen(other)).tobytes()
    return stored and looked_at and in_srgb(one) == in_srgb(other)


def in_srgb(content: bytes) -> bytes | None:
    """The pixels through the profile of their file, where it has one."""
    picture, profile = seen(content), seen(content).info.get("icc_profile")
    if profile is None:
        return None
    srgb = ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(picture, ImageCms.ImageCmsProfile(BytesIO(profile)), srgb)
    assert shown is not None
    return shown.tobytes()


def talkative(form: str, orientation: int, **options: object) -> bytes:
    noise = np.random.default_rng(2).integers(0, 256, (40, 61, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION], exif[0x013B], exif[0x9C9B] = orientation, NAME.decode(), NAME
    exif.get_ifd(0x8825)[1] = "N"
    out = BytesIO()
    picture = Image.fromarray(noise)
    picture.save(out, form, exif=exif.tobytes(), icc_profile=PROFILE, xmp=b"<x>" + NAME + b"</x>", **options)
    return out.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize(
    ("form", "options"),
    [
        ("JPEG", {"quality": 90}),
        ("JPEG", {"progressive": True, "comment": NAME}),
        ("PNG", {}),
        ("WEBP", {"quality": 80}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_a_copy_has_the_same_pixels_and_says_nothing(form: str, options: dict[str, object], orientation: int) -> None:
    content = talkative(form, orientation, **options)
    copy = copied(content)
    assert copy is not None
    assert same_pixels(content, copy)
    assert NAME not in copy
    told = dict(seen(copy).getexif())
    assert told == ({} if orientation == 1 else {ORIENTATION: orientation})
    assert not seen(copy).getexif().get_ifd(0x8825)
    assert copied(copy) is None, "a copy needs no copy"


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_file_that_says_nothing_is_its_own_copy(form: str) -> None:
    out = BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, form)
    assert copied(out.getvalue()) is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("tail", [bytes(100_000), photo(artist="Anna Rossi"), b"\0\0\0\x18ftypmp42 a film", b"SEFH"])
def test_whatever_follows_the_end_of_a_picture_stays_behind(form: str, tail: bytes) -> None:
    plain = BytesIO()
    Image.new("RGB", (30, 20), "red").save(plain, form)
    assert copied(plain.getvalue() + tail) == plain.getvalue()


@pytest.mark.parametrize(
    "piece", [(0xE3, NAME), (0xED, b"Photoshop 3.0\0" + NAME), (0xEF, NAME), (0xFE, NAME), (0xE2, b"MPF\0" + NAME)]
)
def test_no_segment_of_a_jpeg_is_kept_but_those_that_show(piece: tuple[int, bytes]) -> None:
    plain = photo()
    copy = copied(with_segment(plain, *piece))
    assert copy is not None
    assert NAME not in copy
    assert same_pixels(plain, copy)


def test_the_head_of_a_jpeg_is_kept_without_its_small_picture() -> None:
    out = BytesIO()
    Image.new("RGB", (30, 20), "red").save(out, "JPEG", dpi=(300, 300))
    content = out.getvalue()
    head = segment(0xE0, b"JFIF\0\1\2\1\1\x2c\1\x2c\1\1" + b"\xaa\xbb\xcc")
    copy = copied(content[:2] + head + content[20:])
    assert copy is not None
    assert b"\xaa\xbb\xcc" not in copy
    assert seen(copy).info["dpi"] == (300, 300)


def test_colours_for_print_are_not_turned_around() -> None:
    out = BytesIO()
    Image.new("CMYK", (30, 20), (10, 200, 100, 5)).save(out, "JPEG", comment=NAME)
    copy = copied(out.getvalue())
    assert copy is not None
    assert same_pixels(out.getvalue(), copy)


@pytest.mark.parametrize("length", [2, 4094, 4095, 4096, 4097, 135_166, 135_167, 135_168, 135_169, 300_000])
@pytest.mark.parametrize("filler", [b"\0", b"\xff\0", b"\xff\xd0\0", b"\xff"])
def test_a_mark_is_found_wherever_it_stands_behind_coded_pixels(length: int, filler: bytes) -> None:
    """By one way near the scan's head and by another one further on, which looks at blocks that meet somewhere."""
    plain = photo(64, 48)
    pixels = (filler * length)[:length]
    found = jpeg_layout(plain[:-2] + b"\0" + pixels + segment(0xFE, NAME) + b"\xff\xd9")
    (said,) = [piece for piece in found.pieces if piece.name == b"\xfe"]
    assert said.start == len(plain) - 2 + 1 + length


def test_padding_and_stray_bytes_between_segments_are_stepped_over() -> None:
    plain = photo()
    content = plain[:2] + b"\xff\xff\xff" + plain[2:20] + b"stray" + plain[20:]
    copy = copied(content)
    assert copy is not None
    assert b"stray" not in copy
    assert same_pixels(plain, copy)


BESIDE = (b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"tRNS", b"cICP", b"PLTE")
LONG = bytes(4) + (59).to_bytes(3, "little") + (39).to_bytes(3, "little")


def long_webp(*chunks: bytes, flags: int = 0) -> bytes:
    return webp(riff(b"VP8X", bytes([flags]) + LONG[1:]), *chunks)


def plain_webp() -> bytes:
    """The one chunk of a picture of 60 by 40."""
    out = BytesIO()
    Image.new("RGB", (60, 40), "red").save(out, "WEBP")
    return out.getvalue()[12:]


@pytest.mark.parametrize(
    "content",
    [
        *(with_chunk(photo(form="PNG"), kind, NAME.ljust(300)) for kind in BESIDE),
        with_chunk(with_chunk(photo(form="PNG"), b"pHYs", NAME[:9]), b"pHYs", bytes(9)),
        photo(form="PNG")[:-12] + chunk(b"pHYs", NAME[:9]) + chunk(b"IEND", b""),
        with_segment(photo(), 0xDC, NAME),
        with_segment(photo(), 0xE2, b"ICC_PROFILE\0\1\1" + NAME),
        with_segment(photo(), 0xE2, b"ICC_PROFILE\0\1\1" + PROFILE + NAME),
        with_segment(photo(), 0xE2, b"ICC_PROFILE\0\1\2" + PROFILE + NAME),
        with_segment(photo(), 0xE2, b"ICC_PROFILE\0"),
        long_webp(riff(b"ALPH", NAME), plain_webp()),
        long_webp(plain_webp(), riff(b"ALPH", NAME), flags=0x10),
        long_webp(riff(b"ICCP", NAME), plain_webp(), flags=0x20),
        webp(plain_webp(), riff(b"ICCP", PROFILE + NAME)),
    ],
    ids=lambda content: repr(content[:4] + content[37:41]),
)
def test_what_claims_to_show_and_does_not_stays_behind(content: bytes) -> None:
    copy = copied(content)
    assert copy is not None
    assert NAME[:9] not in copy
    assert b"ICC" not in copy
    assert seen(copy).resize((6, 4)).size == (6, 4), "no decoder minds"
    assert copied(copy) is None, "a copy needs no copy"


def test_a_profile_is_kept_without_its_name_and_what_follows_it() -> None:
    inner = NAME + b"\0\0" + zlib.compress(PROFILE) + NAME
    copy = copied(png_with(b"iCCP", inner))
    assert copy is not None
    assert NAME not in copy
    assert seen(copy).info["icc_profile"] == PROFILE
    assert copied(copy) is None, "a copy needs no copy"


def test_a_profile_in_two_segments_is_kept_and_one_without_its_second_is_not() -> None:
    first, second = (b"ICC_PROFILE\0" + bytes([number, 2]) for number in (1, 2))
    half = with_segment(photo(), 0xE2, first + PROFILE[:200])
    whole = with_segment(half, 0xE2, second + PROFILE[200:])
    assert seen(copied(whole) or b"").info["icc_profile"] == PROFILE
    assert b"ICC" not in (copied(half) or b"ICC")


def png_with(kind: bytes, data: bytes) -> bytes:
    return with_chunk(photo(form="PNG"), kind, data)


@pytest.mark.parametrize(
    "content",
    [
        png_with(b"tEXt", b"Author\0" + NAME),
        png_with(b"tIME", b"\x07\xea\x0b\x17\x08\0\0"),
        png_with(b"prIv", NAME),
        with_riff(photo(form="WEBP", artist="x"), b"priv", NAME),
    ],
    ids=["text", "time", "private", "webp"],
)
def test_no_chunk_is_kept_but_those_that_show(content: bytes) -> None:
    copy = copied(content)
    assert copy is not None
    assert NAME not in copy
    assert b"tIME" not in copy
    assert same_pixels(content, copy)


def test_the_size_of_a_pixel_and_what_is_clear_are_kept() -> None:
    out, said = BytesIO(), PngImagePlugin.PngInfo()
    said.add_text("Author", NAME.decode())
    picture = Image.new("P", (30, 20), 1)
    picture.putpalette([255, 0, 0, 0, 0, 255])
    picture.save(out, "PNG", dpi=(300, 300), transparency=1, pnginfo=said)
    copy = copied(out.getvalue())
    assert copy is not None
    assert round(seen(copy).info["dpi"][0]) == 300
    assert seen(copy).info["transparency"] == 1
    assert same_pixels(out.getvalue(), copy)


def big_endian(orientation: int) -> bytes:
    return b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01" + orientation.to_bytes(2, "big") + bytes(6)


@pytest.mark.parametrize(
    ("exif", "expected"),
    [
        (big_endian(6), 6),
        (big_endian(9), 1),
        (big_endian(0), 1),
        (b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x08\0\0\0", 8),
        (b"", 1),
        (b"II*\0\xff\xff\xff\xff", 1),
        (b"MM\0*\0\0\0\x08\xff\xff", 1),
        (b"nonsense", 1),
    ],
)
def test_how_a_photo_was_held_is_read_from_its_exif(exif: bytes, expected: int) -> None:
    assert orientation_in(exif) == expected


Shorter = Callable[[bytes], bytes]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_the_layout_tells_size_and_end(form: str) -> None:
    content = photo(60, 40, form=form)
    layout = layout_of(content + b"tail", MediaType[form])
    assert (layout.width, layout.height, layout.end) == (60, 40, len(content))
