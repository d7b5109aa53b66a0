"""BlurHash: the same strings as the reference implementation in C gives (blurhash-python 1.2.2) for the same pixels."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
from PIL import Image

from media.blurhash import blurhash, encoded
from tests.media.developing import developed
from tests.media.samples import photo


def woven(width: int, height: int, step: int) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    y, x = np.mgrid[0:height, 0:width]
    channels = [(x * step + y * 3) % 256, (y * step * 2) % 256, ((x + y) * 5 + step) % 256]
    return np.stack(channels, -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("width", "height", "step", "across", "down", "expected"),
    [
        (32, 24, 7, 4, 3, "LlHns*2iWnxHQ-S4w#NsQXsESJn-"),
        (24, 32, 11, 3, 4, "TYHBxwBd2ArSE|$9d[Wawtr{Wljw"),
        (40, 30, 3, 6, 2, "EQC~=V6?sMXAa{kC8$s3j#f6jpa%"),
        (5, 5, 50, 1, 1, "00F5.s"),
        (
            13, 9, 29, 9, 9,
            "|kFG86Xf2Do{,WKgSK%0N@rGWWSMn%o1S2o1n%WpVcjbo1WWa|n*a|WWo1u[afSMnko0WEjsnlWoW-jujta|a|jta|a|jtylbYSMkBo0X7"  # noqa: ISC004
            "a{oea{Z+a#a|n*fQazjtjaa|rwjZSMa#o0f8Wojbjsifa#Wpn*fQWWo1jaWp",
        ),
    ],
)  # fmt: skip
def test_the_hash_is_that_of_the_reference(
    width: int, height: int, step: int, across: int, down: int, expected: str
) -> None:
    assert encoded(woven(width, height, step), across, down) == expected


def test_black_and_white_have_their_known_colours() -> None:
    assert encoded(np.zeros((20, 20, 3), np.uint8), 1, 1) == "000000"
    assert encoded(np.full((20, 20, 3), 255, np.uint8), 1, 1) == "00TSUA"


@pytest.mark.parametrize(("size", "first"), [((200, 100), "L"), ((100, 200), "T"), ((90, 90), "L")])
def test_the_longer_side_has_more_waves(size: tuple[int, int], first: str) -> None:
    assert blurhash(Image.fromarray(woven(*size, 3))).startswith(first)


def test_what_is_clear_counts_as_white() -> None:
    clear = Image.new("RGBA", (50, 40), (0, 0, 0, 0))
    assert blurhash(clear)[2:6] == "TSUA"
    assert clear.size == (50, 40)


def test_grey_pictures_and_pixels_of_one_row_have_a_hash() -> None:
    assert len(blurhash(Image.new("L", (300, 1), 128))) == 28
    out = BytesIO()
    Image.new("L", (1, 1), 7).save(out, "PNG")
    assert len(developed(out.getvalue()).blurhash) == 28


def test_a_developed_picture_tells_its_hash() -> None:
    assert len(developed(photo(600, 400)).blurhash) == 28
