"""What is made of a picture: two upright, plain previews in the right colours, whatever form it came in."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from media.imaging import convert_job, develop_job
from media.kinds import MediaType, Reason, Rejected
from media.parcels import Pieces
from tests.media.developing import developed
from tests.media.samples import ORIENTATION, photo, xray


def opened(preview: bytes) -> Image.Image:
    return Image.open(BytesIO(preview), formats=("WEBP",))


def pixel(picture: Image.Image, x: int, y: int) -> tuple[int, ...]:
    found = picture.convert("RGB").getpixel((x, y))
    assert isinstance(found, tuple)
    return found


def saved(picture: Image.Image, form: str, **options: object) -> bytes:
    out = BytesIO()
    picture.save(out, form, **options)
    return out.getvalue()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_gets_two_previews_that_fit_their_squares(form: str) -> None:
    made = developed(photo(2400, 1600, form=form), MediaType[form])
    assert (made.width, made.height) == (2400, 1600)
    assert opened(made.preview_1024).size == (1024, 683)
    assert opened(made.preview_256).size == (256, 171)
    assert (made.frames, made.dicom, made.person) == (1, None, None)


def test_a_small_photo_is_not_blown_up() -> None:
    made = developed(photo(60, 40))
    assert opened(made.preview_1024).size == opened(made.preview_256).size == (60, 40)


def test_a_preview_is_as_sharp_as_one_made_of_all_pixels() -> None:
    """The decoder leaves three quarters of a large JPEG out; nobody may see that."""
    y, x = np.mgrid[0:1800, 0:2400]
    rings = (127 + 120 * np.sin((x**2 + y**2) / 60_000)).astype(np.uint8)
    content = saved(Image.fromarray(np.stack([rings, rings, 255 - rings], -1)), "JPEG", quality=95)
    preview = opened(developed(content).preview_1024).convert("RGB")
    whole = Image.open(BytesIO(content)).convert("RGB").resize(preview.size, Image.Resampling.LANCZOS)
    off = np.asarray(preview, np.float64) - np.asarray(whole, np.float64)
    assert 10 * np.log10(255**2 / np.mean(off**2)) > 35


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_taken_in_any_position_is_turned_upright_and_told_so(form: str, orientation: int) -> None:
    corners = Image.new("RGB", (120, 80), "white")
    corners.paste((255, 0, 0), (0, 0, 60, 40))
    corners.paste((0, 0, 255), (60, 40, 120, 80))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = saved(corners, form, exif=exif.tobytes(), **({} if form == "PNG" else {"quality": 95}))
    made, upright = developed(content), ImageOps.exif_transpose(Image.open(BytesIO(content)))
    preview = opened(made.preview_1024)
    assert (made.width, made.height) == upright.size == preview.size
    for x, y in ((10, 10), (-10, 10), (10, -10), (-10, -10)):
        at = (x % preview.width, y % preview.height)
        assert np.abs(np.subtract(pixel(preview, *at), pixel(upright, *at))).max() < 30


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_comes_through(form: str) -> None:
    original = photo(artist="Anna Rossi", form=form)
    assert b"Anna Rossi" in original
    made = developed(original)
    assert isinstance(made.download, bytes)
    for file in (made.preview_1024, made.preview_256, made.download):
        assert b"Anna Rossi" not in file
    for preview in (made.preview_1024, made.preview_256):
        assert not opened(preview).getexif()
        assert not {"exif", "xmp", "icc_profile"} & set(opened(preview).info)


def test_a_sixteen_bit_png_of_a_sensor_keeps_its_shades() -> None:
    stored = np.tile(np.arange(0, 64_000, 1000, dtype=np.uint16), (32, 1))
    preview = opened(developed(saved(Image.fromarray(stored), "PNG")).preview_1024)
    shades = [pixel(preview, x, 16)[0] for x in (2, 20, 40, 62)]
    assert shades == sorted(shades)
    assert shades[0] < 20
    assert shades[3] > 235


def test_the_few_values_a_sensor_uses_are_stretched_over_all_shades() -> None:
    stored = np.tile(np.linspace(1000, 1400, 64).astype(np.uint16), (32, 1))
    stored[0, 0], stored[0, 1] = 0, 65_535  # a dead pixel and a hot one
    preview = opened(developed(saved(Image.fromarray(stored), "PNG")).preview_1024)
    assert pixel(preview, 1, 20)[0] < 20
    assert pixel(preview, 62, 20)[0] > 235


def test_a_sixteen_bit_picture_is_turned_as_its_exif_says() -> None:
    stored = np.zeros((40, 60), dtype=np.uint16)
    stored[:, 30:] = 60_000
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    made = developed(saved(Image.fromarray(stored), "PNG", exif=exif.tobytes()))
    preview = opened(made.preview_256)
    assert (made.width, made.height) == preview.size == (40, 60)
    assert (pixel(preview, 20, 5)[0] < 20, pixel(preview, 20, 55)[0] > 235) == (True, True)


@pytest.mark.parametrize(("mode", "least"), [("1", 200), ("L", 200), ("LA", 200), ("RGBA", 200), ("P", 200)])
def test_every_mode_of_a_png_is_seen_as_it_is(mode: str, least: int) -> None:
    white = Image.new("RGB", (50, 40), "white")
    white.paste("black", (0, 0, 25, 40))
    preview = opened(developed(saved(white.convert(mode), "PNG")).preview_256)
    assert (pixel(preview, 5, 20)[0] < 50, pixel(preview, 45, 20)[0] > least) == (True, True)


def test_what_is_clear_stays_clear_and_a_palette_keeps_its_colours() -> None:
    palette = Image.new("P", (50, 40), 0)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(1, (25, 0, 50, 40))
    preview = opened(developed(saved(palette, "PNG", transparency=1)).preview_256)
    assert preview.mode == "RGBA"
    assert pixel(preview, 5, 20)[0] > 200
    assert preview.getpixel((45, 20))[3] == 0  # type: ignore[index]


def test_a_photo_for_print_is_shown_in_the_colours_of_a_screen() -> None:
    inks = Image.new("CMYK", (50, 40), (0, 255, 255, 0))
    red, green, blue = pixel(opened(developed(saved(inks, "JPEG")).preview_256), 20, 20)
    assert (red > 200, green < 60, blue < 60) == (True, True, True)


def test_the_grey_corner_of_an_honest_photo_is_not_taken_for_what_is_missing() -> None:
    grey = Image.new("RGB", (300, 200), (128, 128, 128))
    assert developed(saved(grey, "JPEG")).width == 300
    assert developed(saved(grey, "JPEG", progressive=True)).width == 300
    assert developed(saved(grey.convert("L"), "JPEG")).width == 300


def test_a_picture_that_is_black_to_its_last_row_is_not_taken_for_cut_off() -> None:
    for mode in ("1", "L", "I;16", "RGB", "RGBA", "P"):
        assert developed(saved(Image.new(mode, (33, 21)), "PNG")).height == 21


@pytest.mark.parametrize("profile", [b"not a profile", b""])
def test_a_photo_with_a_broken_colour_profile_is_shown_as_it_is(profile: bytes) -> None:
    content = saved(Image.new("RGB", (20, 20), (200, 30, 30)), "JPEG", icc_profile=profile)
    assert pixel(opened(developed(content).preview_256), 10, 10)[0] > 180


def test_a_photo_of_another_colour_space_is_brought_to_srgb() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"xXYZ").replace(b"bXYZ", b"rXYZ").replace(b"xXYZ", b"bXYZ")
    content = saved(Image.new("RGB", (20, 20), (200, 30, 30)), "PNG", icc_profile=swapped)  # its red is our blue
    red, _, blue = pixel(opened(developed(content).preview_256), 10, 10)
    assert blue - red > 100


def test_an_xray_brings_its_facts_its_person_and_a_copy() -> None:
    made = developed(xray(header={"Modality": "IO"}), MediaType.DICOM)
    assert (made.width, made.height, made.frames) == (64, 32, 1)
    assert made.dicom is not None
    assert made.dicom.modality == "IO"
    assert made.person is not None
    assert made.person.name == "Rossi^Anna"
    assert made.download is not None


def test_a_picture_of_another_type_than_announced_is_turned_down() -> None:
    with pytest.raises(Rejected) as caught:
        developed(photo(form="PNG"), MediaType.WEBP)
    assert caught.value.reason is Reason.TYPE_DIFFERS


def test_a_job_says_what_was_made() -> None:
    answer = develop_job({"announced": None}, [photo(300, 200, artist="Anna")])
    made = developed(photo(300, 200, artist="Anna"))
    assert (answer.facts["width"], answer.facts["blurhash"], answer.facts["dicom"]) == (300, made.blurhash, None)
    assert answer.files == (made.preview_1024, made.preview_256)
    assert isinstance(answer.last, Pieces)
    assert bytes(answer.last) == made.download


def test_a_clear_preview_is_white_where_its_form_knows_no_clear() -> None:
    clear = saved(Image.new("RGBA", (20, 20), (0, 0, 0, 0)), "PNG")
    (jpeg,) = convert_job({"to": "image/jpeg"}, [developed(clear).preview_256]).files
    assert pixel(Image.open(BytesIO(jpeg)), 10, 10) == (255, 255, 255)
    (avif,) = convert_job({"to": "image/avif"}, [developed(clear).preview_256]).files
    assert Image.open(BytesIO(avif)).getpixel((10, 10))[3] == 0  # type: ignore[index]


def test_grey_stays_grey_in_every_form() -> None:
    grey = developed(saved(Image.new("L", (40, 30), 77), "PNG")).preview_256
    (jpeg,) = convert_job({"to": "image/jpeg"}, [grey]).files
    assert max(pixel(Image.open(BytesIO(jpeg)), 9, 9)) - min(pixel(Image.open(BytesIO(jpeg)), 9, 9)) <= 2
