"""The darkroom: honest files give clean previews, hostile ones are rejected and harm nobody."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageCms

from media import darkroom
from media.darkroom import Unfinished, develop
from media.imaging import developed
from media.kinds import Reason, Rejected
from tests.media.samples import bomb, photo, xray

PACKAGED = Path(pydicom.__file__).parent / "data" / "test_files"


def opened(preview: bytes) -> Image.Image:
    return Image.open(BytesIO(preview), formats=("WEBP",))


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def rejection(content: bytes) -> Reason:
    with pytest.raises(Rejected) as caught:
        developed(content)
    return caught.value.reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_gets_two_previews_that_fit_their_squares(form: str) -> None:
    made = developed(photo(2400, 1600, form=form))
    assert (made.width, made.height) == (2400, 1600)
    assert opened(made.preview_1024).size == (1024, 683)
    assert opened(made.preview_256).size == (256, 171)


def test_a_small_photo_is_not_blown_up() -> None:
    made = developed(photo(60, 40))
    assert opened(made.preview_1024).size == opened(made.preview_256).size == (60, 40)


def test_a_photo_taken_sideways_is_turned_upright_and_told_so() -> None:
    made = developed(photo(600, 400, orientation=6))  # to be turned clockwise: the left half comes to the top
    preview = opened(made.preview_256)
    assert (made.width, made.height) == (400, 600)
    assert preview.height > preview.width
    top, bottom = pixel(preview, 60, 10), pixel(preview, 60, preview.height - 10)
    assert (top[0] > 200, top[2] < 100) == (True, True)
    assert (bottom[2] > 200, bottom[0] < 100) == (True, True)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_comes_through(form: str) -> None:
    original = photo(artist="Anna Rossi", form=form)
    assert b"Anna Rossi" in original
    made = developed(original)
    for preview in (made.preview_1024, made.preview_256):
        assert b"Anna Rossi" not in preview
        assert not opened(preview).getexif()
        assert not {"exif", "xmp", "icc_profile"} & set(opened(preview).info)


def test_a_sixteen_bit_png_of_a_sensor_keeps_its_shades() -> None:
    out = BytesIO()
    Image.fromarray(np.tile(np.arange(0, 64_000, 1000, dtype=np.uint16), (32, 1))).save(out, "PNG")
    preview = opened(developed(out.getvalue()).preview_1024)
    shades = [pixel(preview, x, 16)[0] for x in (2, 20, 40, 62)]
    assert shades == sorted(shades)
    assert shades[0] < 20
    assert shades[3] > 235


def test_an_xray_is_shown_through_its_own_window() -> None:
    stored = np.full((64, 64), 1000, dtype=np.uint16)
    stored[:, 32:] = 3000
    preview = opened(developed(xray(stored, {"WindowCenter": 2000, "WindowWidth": 4000})).preview_1024)
    assert abs(pixel(preview, 8, 8)[0] - 64) < 8  # a quarter of the way up
    assert abs(pixel(preview, 56, 8)[0] - 191) < 8


def test_a_window_is_meant_for_rescaled_values() -> None:
    stored = np.full((64, 64), 1000, dtype=np.uint16)
    header = {"WindowCenter": 1000, "WindowWidth": 2000, "RescaleSlope": 2, "RescaleIntercept": -1000}
    preview = opened(developed(xray(stored, header)).preview_1024)
    assert abs(pixel(preview, 8, 8)[0] - 128) < 8


@pytest.mark.parametrize("window", [{}, {"WindowCenter": 2000, "WindowWidth": 0}])
def test_an_xray_without_a_usable_window_is_stretched_between_its_extremes(window: dict[str, int]) -> None:
    preview = opened(developed(xray(header=window)).preview_1024)
    assert pixel(preview, 0, 16)[0] < 20
    assert pixel(preview, 63, 16)[0] > 235


def test_a_negative_of_an_xray_is_inverted() -> None:
    preview = opened(developed(xray(header={"PhotometricInterpretation": "MONOCHROME1"})).preview_1024)
    assert pixel(preview, 0, 16)[0] > 235
    assert pixel(preview, 63, 16)[0] < 20


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "examples_rgb_color.dcm"]
)
def test_files_of_real_machines_are_read(name: str) -> None:
    made = developed((PACKAGED / name).read_bytes())
    assert opened(made.preview_256).width == min(256, made.width)


@pytest.mark.parametrize("content", [bomb(), bomb(10_000, 6_001)], ids=["900 million", "just over 60 million"])
def test_a_picture_that_claims_too_many_pixels_is_never_decoded(content: bytes) -> None:
    assert rejection(content) is Reason.TOO_MANY_PIXELS


def test_half_a_photo_is_rejected_and_not_shown_half_grey() -> None:
    whole = photo(800, 600)
    assert rejection(whole[: len(whole) // 2]) is Reason.BROKEN


def test_half_an_xray_is_rejected() -> None:
    whole = xray()
    assert rejection(whole[:-500]) is Reason.BROKEN


def test_what_hides_behind_a_photo_does_not_reach_its_previews() -> None:
    made = developed(photo() + b"<html><script>alert(1)</script></html>PK\x03\x04")
    assert b"script" not in made.preview_1024 + made.preview_256


@pytest.mark.parametrize(
    "header", [{"Rows": 65_535, "Columns": 65_535}, {"Rows": 0}], ids=["four thousand million pixels", "no row"]
)
def test_an_xray_that_claims_an_absurd_size_is_rejected_by_its_header(header: dict[str, int]) -> None:
    assert rejection(xray(header=header)) is Reason.TOO_MANY_PIXELS


@pytest.mark.parametrize("name", ["image_dfl.dcm", "JPEG2000.dcm", "SC_rgb_rle_2frame.dcm", "rtdose.dcm"])
def test_compressed_and_many_frame_dicom_is_not_read(name: str) -> None:
    assert rejection((PACKAGED / name).read_bytes()) is Reason.UNSUPPORTED


def test_a_deflated_dicom_is_refused_before_it_is_inflated() -> None:
    cut_off = (PACKAGED / "image_dfl.dcm").read_bytes()[:600]  # inflating it would fail, and say "broken"
    assert rejection(cut_off) is Reason.UNSUPPORTED


def test_a_dicom_nested_a_thousandfold_is_rejected() -> None:
    content = xray()
    head = content[: content.index(b"\x08\x00\x16\x00")]
    nested = b"\x08\x00\x15\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 5_000
    assert rejection(head + nested) is Reason.BROKEN


async def test_the_darkroom_answers_what_its_process_found() -> None:
    here, there = developed(photo(600, 400)), await develop(photo(600, 400))
    assert here == there
    with pytest.raises(Rejected) as caught:
        await develop(bomb())
    assert caught.value.reason is Reason.TOO_MANY_PIXELS


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(darkroom, "WALL_SECONDS", 0.01)
    with pytest.raises(Unfinished):
        await develop(photo())


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a shell script in the place of the darkroom's process; what it writes to `$0.seen` can be read."""

    def put(script: str) -> Path:
        file = tmp_path / "helper"
        file.write_text("#!/bin/sh\n" + script)
        file.chmod(0o700)
        monkeypatch.setattr(darkroom, "PYTHON", str(file))
        return tmp_path / "helper.seen"

    return put


async def test_the_process_is_not_told_our_secrets(
    helper: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ENAMEL_SECRET", "of ours")
    seen = helper('env > "$0.seen"; exit 1')
    with pytest.raises(Unfinished):
        await develop(photo())
    assert "LC_ALL" in seen.read_text()
    assert "ENAMEL" not in seen.read_text()


async def test_a_process_that_crashes_may_be_tried_again(helper: Callable[[str], Path]) -> None:
    helper("kill -SEGV $$")
    with pytest.raises(Unfinished):
        await develop(photo())


async def test_a_process_that_used_up_its_share_of_the_processor_is_final(helper: Callable[[str], Path]) -> None:
    helper("kill -XCPU $$")
    with pytest.raises(Rejected) as caught:
        await develop(photo())
    assert caught.value.reason is Reason.TOO_COSTLY


def test_the_process_may_take_a_gigabyte_and_leaves_no_core_dump() -> None:
    greedy = "from media import imaging; import resource; imaging._limit_ourselves();"
    greedy += "print(resource.getrlimit(resource.RLIMIT_CORE)); bytearray(1024**3)"
    ended = subprocess.run([sys.executable, "-c", greedy], capture_output=True, text=True, check=False, timeout=30)
    assert ended.stdout == "(0, 0)\n"
    assert "MemoryError" in ended.stderr


@pytest.mark.parametrize("profile", [b"not a profile", b""])
def test_a_photo_with_a_broken_colour_profile_is_shown_as_it_is(profile: bytes) -> None:
    out = BytesIO()
    Image.new("RGB", (20, 20), (200, 30, 30)).save(out, "JPEG", icc_profile=profile)
    assert pixel(opened(developed(out.getvalue()).preview_256), 10, 10)[0] > 180


def test_a_photo_of_another_colour_space_is_brought_to_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ").replace(b"xXYZ", b"bXYZ")
    out = BytesIO()
    Image.new("RGB", (20, 20), (200, 30, 30)).save(out, "PNG", icc_profile=swapped)  # its red is our blue
    red, _, blue = pixel(opened(developed(out.getvalue()).preview_256), 10, 10)
    assert blue - red > 100
