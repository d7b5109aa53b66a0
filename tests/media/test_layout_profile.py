"""A colour profile keeps what it says of colours, and loses everything that it says of people, days and devices."""

import struct
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from media.copies import clean_copy
from media.kinds import MediaType, media_type_of
from media.layout import is_profile, layout_of
from media.layout_profile import clean_profile
from tests.media.dicom_files import PACKAGED
from tests.media.samples import photo

NAME = b"Anna Rossi"
SERIAL = b"SN-0815-4711"
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
CRAYONS = (PACKAGED / "test_files" / "crayons.icc").read_bytes()
NOISE = np.random.default_rng(3).integers(0, 256, (64, 64, 3), dtype=np.uint8)

Tags = dict[bytes, bytes]


def tags_of(profile: bytes) -> Tags:
    count = int.from_bytes(profile[128:132], "big")
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * number) for number in range(count)]
    return {name: profile[at : at + length] for name, at, length in entries}


def built(tags: Tags, head: bytes = SRGB[:128]) -> bytes:
    at, entries, body = 132 + 12 * len(tags), b"", b""
    for name, held in tags.items():
        entries += struct.pack(">4sII", name, at + len(body), len(held))
        body += held + bytes(-len(held) % 4)
    whole = head[4:128] + len(tags).to_bytes(4, "big") + entries + body
    return (len(whole) + 4).to_bytes(4, "big") + whole


def text(words: bytes) -> bytes:
    return b"text" + bytes(4) + words + b"\0"


def talkative(gamma: float = 1.4, more: Tags | None = None) -> bytes:
    """Other colours than sRGB's, and much said beside them, as a screenshot of a monitor has it."""
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256))
    said = {
        b"desc": text(NAME), b"cprt": text(NAME), b"mmod": text(SERIAL), b"dmnd": text(NAME), b"vcgt": text(NAME),
        b"rTRC": curve, b"gTRC": curve, b"bTRC": curve,
    }  # fmt: skip
    head = SRGB[:48] + b"ANNA" + b"ROSS" + SRGB[56:80] + b"ANNA" + NAME.ljust(16) + bytes(28)
    return built(tags_of(SRGB) | said | (more or {}), head)


def shown(profile: bytes) -> Any:
    srgb = ImageCms.createProfile("sRGB")
    made = ImageCms.profileToProfile(Image.fromarray(NOISE), ImageCms.ImageCmsProfile(BytesIO(profile)), srgb)
    return np.asarray(made)


def cleaned(profile: bytes) -> bytes:
    clean = clean_profile(profile)
    assert clean is not None
    assert is_profile(clean)
    return clean


@pytest.mark.parametrize("profile", [SRGB, CRAYONS, talkative(), talkative(2.6)], ids=["srgb", "crayons", "1.4", "2.6"])
def test_a_clean_profile_means_the_same_colours(profile: bytes) -> None:
    assert (shown(cleaned(profile)) == shown(profile)).all()


def test_the_colours_of_a_profile_matter_to_this_test() -> None:
    assert (shown(talkative(1.4)) != shown(talkative(2.6))).any()


def test_words_serial_numbers_days_and_makers_are_gone() -> None:
    profile = talkative()
    clean = cleaned(profile)
    assert NAME in profile
    assert SERIAL in profile
    for secret in (NAME, SERIAL, b"ANNA", b"ROSS", b"mmod", b"dmnd", b"vcgt"):
        assert secret not in clean
    assert clean[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)


@pytest.mark.parametrize("version", [2, 4])
def test_programs_find_a_name_in_it(version: int) -> None:
    clean = cleaned(talkative()[:8] + bytes([version]) + talkative()[9:])
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(clean))).strip() == "Colours"
    assert ImageCms.getProfileCopyright(ImageCms.ImageCmsProfile(BytesIO(clean))).strip() == "Colours"


def test_a_clean_profile_is_clean() -> None:
    for profile in (SRGB, CRAYONS, talkative()):
        assert cleaned(cleaned(profile)) == cleaned(profile)


def test_words_behind_the_numbers_of_a_tag_or_in_their_place_are_gone() -> None:
    white = tags_of(SRGB)[b"wtpt"]
    profile = talkative(more={b"wtpt": white + NAME, b"bkpt": text(NAME), b"chad": b"sf32" + NAME})
    clean = cleaned(profile)
    assert NAME not in clean
    assert tags_of(clean)[b"wtpt"] == white
    assert not {b"bkpt", b"chad"} & set(tags_of(clean))


@pytest.mark.parametrize(
    "profile",
    [
        b"", SRGB[:100], SRGB[:-10], NAME * 50,
        SRGB[:12] + b"ANNA" + SRGB[16:], SRGB[:16] + b"ANNA" + SRGB[20:],
        SRGB[:128] + b"\xff" * 4 + SRGB[132:], SRGB[:136] + b"\xff" * 8 + SRGB[144:],
        built({b"desc": text(NAME)}),
    ],
)  # fmt: skip
def test_what_nobody_can_read_as_a_profile_is_none(profile: bytes) -> None:
    assert clean_profile(profile) is None


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("length", [0, 100_000])
def test_a_copy_has_the_clean_profile_and_the_picture_the_same_colours(form: str, length: int) -> None:
    table = b"mft2" + bytes(4) + NOISE.tobytes() * 9
    profile = talkative(more={b"gamt": table[:length]} if length else None)
    out = BytesIO()
    Image.fromarray(NOISE).save(out, form, icc_profile=profile)
    content = out.getvalue()
    media_type = media_type_of(content)
    assert media_type is not None
    made = clean_copy(content, layout_of(content, media_type))
    assert made is not None
    copy = bytes(made)
    with Image.open(BytesIO(content)) as before, Image.open(BytesIO(copy)) as after:
        assert (before.info["icc_profile"], after.info["icc_profile"]) == (profile, cleaned(profile))
        assert before.tobytes() == after.tobytes()
    assert NAME not in copy
    assert SERIAL not in copy
    assert clean_copy(copy, layout_of(copy, media_type)) is None, "a copy needs no copy"


def test_a_photo_without_a_profile_pays_nothing_for_those_that_have_one() -> None:
    clean_profile.cache_clear()
    for form in ("JPEG", "PNG", "WEBP"):
        assert layout_of(photo(form=form), MediaType[form]).width == 60
    assert clean_profile.cache_info().misses == 0


def test_a_profile_that_was_seen_is_not_built_again() -> None:
    clean_profile.cache_clear()
    for _ in range(5):
        clean_profile(bytes(bytearray(CRAYONS)))
    assert clean_profile.cache_info().misses == 1
