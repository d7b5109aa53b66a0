"""Pictures are scaled down as Pillow's bicubic does, whatever their shape, to the last shade."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from media.shrinking import shrunk

Shades = np.ndarray[Any, np.dtype[np.uint8]]
_SIDES = st.one_of(st.integers(1, 40), st.integers(200, 1300))


def _picture(width: int, height: int, channels: int = 3, slow: int = 1) -> Image.Image:
    """Waves and an edge, never quite black or white: Pillow cuts off what reaches beyond between rows and columns."""
    y, x = np.mgrid[:height, :width]
    waves = [
        np.sin(x / slow / (3 + c)) * np.cos(y / slow / (4 + c)) * 40 + (x * 2 > width) * 30 + 100
        for c in range(channels)
    ]
    made: Shades = np.stack(waves, -1).astype(np.uint8)
    return Image.fromarray(made if channels > 1 else made[..., 0])


def _by_pillow(picture: Image.Image, side: int, gap: float) -> Image.Image:
    made = picture.copy()
    made.thumbnail((side, side), reducing_gap=gap)
    return made


def _far(one: Image.Image, other: Image.Image) -> int:
    return int(np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max())


@settings(deadline=None)
@given(_SIDES, _SIDES, st.sampled_from([1, 3]), st.sampled_from([1.0, 2.0]), st.sampled_from([16, 100, 256]))
def test_is_what_pillow_makes_to_the_last_shade(width: int, height: int, channels: int, gap: float, side: int) -> None:
    picture = _picture(width, height, channels)
    made, proposed = shrunk(picture.copy(), side, gap), _by_pillow(picture, side, gap)
    assert all(abs(ours - theirs) <= 1 for ours, theirs in zip(made.size, proposed.size, strict=True))
    wanted = picture.resize(made.size, Image.Resampling.BICUBIC, reducing_gap=gap)
    assert made.mode == wanted.mode
    assert _far(made, wanted) <= 1


@pytest.mark.parametrize("size", [(1600, 1200), (1501, 995), (4001, 37), (33, 2500)])
def test_a_jpeg_is_scaled_while_it_is_decoded(size: tuple[int, int]) -> None:
    out = BytesIO()
    whole = _picture(*size, slow=8)
    whole.save(out, "JPEG", quality=95)
    picture = Image.open(out)
    made = shrunk(picture, 256, 1.0)
    assert picture.size != size, "the whole of it was decoded"
    away = np.asarray(made).astype(float) - np.asarray(whole.resize(made.size, Image.Resampling.LANCZOS))
    assert np.sqrt(np.mean(away**2)) < 2


def test_a_smaller_picture_stays_as_it_is() -> None:
    picture = _picture(256, 12)
    assert shrunk(picture, 256, 1.0) is picture


@pytest.mark.parametrize("mode", ["RGBA", "LA", "CMYK"])
def test_what_has_clear_pixels_or_inks_is_left_to_pillow(mode: str) -> None:
    picture = _picture(600, 400).convert(mode)
    assert _far(shrunk(picture.copy(), 256, 2.0), _by_pillow(picture, 256, 2.0)) == 0


def test_what_the_file_says_of_its_colours_comes_along() -> None:
    picture = _picture(600, 400)
    picture.info["icc_profile"] = b"profile"
    assert shrunk(picture, 256, 1.0).info == {"icc_profile": b"profile"}


def test_an_even_shade_stays_that_shade() -> None:
    for shade in (0, 1, 128, 254, 255):
        made = shrunk(Image.new("L", (999, 777), shade), 256, 1.0)
        assert made.getextrema() == (shade, shade)
