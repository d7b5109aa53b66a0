"""Draws photos of nobody's face and teeth, view by view, with a gap between the front teeth that a treatment closes."""

import io
from collections.abc import Callable

from PIL import Image, ImageDraw

from media.series import View

Colour = tuple[int, int, int]
SIZE = (960, 720)
_SKIN: Colour = (226, 184, 158)
_SHADE: Colour = (205, 158, 132)
_HAIR: Colour = (82, 56, 44)
_LIP: Colour = (190, 92, 92)
_GUM: Colour = (216, 126, 126)
_MOUTH: Colour = (96, 34, 38)
_TOOTH: Colour = (244, 240, 228)
_LINE: Colour = (198, 190, 172)
_WIDTHS = (1.0, 0.78, 0.9, 0.82, 0.82, 1.15, 1.1)
"""Of the teeth of one side from the midline, to the central incisor."""


def smile_photo(view: View, *, treated: bool) -> bytes:
    """A JPEG of 960 x 720 pixels of a view of the face or the teeth."""
    picture = Image.new("RGB", SIZE, (232, 236, 240))
    draw = ImageDraw.Draw(picture)
    gap = 4 if treated else 34
    _DRAWN[view.code.split("-")[0]](draw, view.code, gap)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88)
    return out.getvalue()


def _face(draw: ImageDraw.ImageDraw, code: str, gap: int) -> None:
    draw.ellipse((270, 20, 690, 520), fill=_HAIR)
    draw.rectangle((400, 560, 560, 720), fill=_SHADE)
    draw.ellipse((300, 70, 660, 650), fill=_SKIN)
    for x in (400, 560):
        draw.ellipse((x - 34, 270, x + 34, 306), fill=(250, 250, 250))
        draw.ellipse((x - 15, 272, x + 15, 304), fill=(70, 90, 110))
        draw.arc((x - 48, 222, x + 48, 282), 200, 340, fill=_HAIR, width=9)
    draw.line([(480, 300), (462, 400), (496, 404)], fill=_SHADE, width=8)
    if code.endswith("smile"):
        draw.chord((392, 430, 568, 570), 10, 170, fill=_MOUTH, outline=_LIP, width=10)
        for number in range(3):
            for left in (480 + gap / 6 + number * 26, 480 - gap / 6 - (number + 1) * 26):
                draw.rounded_rectangle((left, 512, left + 24, 540), radius=5, fill=_TOOTH)
    else:
        draw.line([(420, 512), (480, 520), (540, 512)], fill=_LIP, width=14, joint="curve")


def _profile(draw: ImageDraw.ImageDraw, _code: str, _gap: int) -> None:
    draw.ellipse((220, 20, 640, 470), fill=_HAIR)
    draw.polygon([(330, 500), (560, 560), (600, 720), (330, 720)], fill=_SHADE)
    face = [(430, 60), (600, 110), (640, 230), (636, 300), (720, 410), (656, 440), (672, 482), (650, 506), (664, 540),
            (640, 620), (560, 650), (400, 560), (360, 300)]  # fmt: skip
    draw.polygon(face, fill=_SKIN)
    draw.ellipse((560, 276, 610, 306), fill=(250, 250, 250))
    draw.ellipse((588, 278, 610, 304), fill=(70, 90, 110))
    draw.ellipse((370, 290, 430, 400), fill=_SHADE)
    draw.line([(656, 506), (612, 508)], fill=_LIP, width=12)


def _occlusion(draw: ImageDraw.ImageDraw, code: str, gap: int) -> None:
    draw.rectangle((0, 0, *SIZE), fill=_GUM)
    shift = {"frontal": 0, "right": 260, "left": -260}[code.split("-")[1]]
    for is_upper in (True, False):
        for side in (-1, 1):
            _half_arch(draw, 480 + shift + side * (gap if is_upper else gap / 3) / 2, side, is_upper=is_upper)


def _half_arch(draw: ImageDraw.ImageDraw, x: float, side: int, *, is_upper: bool) -> None:
    for number, share in enumerate(_WIDTHS):
        width = share * (104 if is_upper else 82)
        height = (190 if is_upper else 160) - number * 9
        left, right = sorted((x, x + side * width))
        top, bottom = (362 - height, 372) if is_upper else (378, 378 + height)
        draw.rounded_rectangle((left + 2, top, right - 2, bottom), radius=26, fill=_TOOTH, outline=_LINE, width=3)
        x += side * width


def _arch(draw: ImageDraw.ImageDraw, code: str, gap: int) -> None:
    draw.rectangle((0, 0, *SIZE), fill=_GUM)
    is_upper = code.endswith("upper")
    draw.ellipse((250, 110, 710, 900) if is_upper else (250, -180, 710, 610), fill=_SHADE)
    for side in (-1, 1):
        x, y = 480 + side * (34 + gap / 2), 96.0
        for number, share in enumerate(_WIDTHS):
            across, along = 34 * share + number * 3, 36 * share
            height = y if is_upper else SIZE[1] - y
            draw.ellipse((x - across, height - along, x + across, height + along), fill=_TOOTH, outline=_LINE, width=3)
            x, y = x + side * (60 - number * 11), y + 26 + number * 17


_DRAWN: dict[str, Callable[[ImageDraw.ImageDraw, str, int], None]] = {
    "face": _face, "profile": _profile, "occlusion": _occlusion, "arch": _arch,
}  # fmt: skip
