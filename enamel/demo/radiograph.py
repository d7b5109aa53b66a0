"""Draws a panoramic radiograph of nobody, so that the demo has an x-ray that belongs to no person."""

import io
import math
import random

from PIL import Image, ImageDraw, ImageFilter

WIDTH, HEIGHT = 1600, 820
_TEETH = 16
# Relative widths from the wisdom tooth to the midline (molars are wide, incisors narrow), then mirrored.
_WIDTHS = (1.0, 1.15, 1.2, 0.85, 0.85, 0.8, 0.68, 0.78)
_ROOTS = (2, 2, 2, 1, 1, 1, 1, 1)


def panoramic(seed: int) -> bytes:
    """A JPEG of 1600 x 820 pixels: two arches, roots, pulp chambers and two fillings. Deterministic by `seed`."""
    chance = random.Random(seed)  # noqa: S311  a drawing needs no secret
    picture = Image.new("L", (WIDTH, HEIGHT), 18)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((120, -260, WIDTH - 120, HEIGHT - 60), fill=58)
    draw.ellipse((260, -320, WIDTH - 260, HEIGHT - 300), fill=36)
    draw.rectangle((0, HEIGHT - 90, WIDTH, HEIGHT), fill=14)
    filled = set(chance.sample(range(2 * _TEETH), 3))
    for arch in (0, 1):
        for place in range(_TEETH):
            _tooth(draw, arch, place, filled=arch * _TEETH + place in filled)
    grain = Image.effect_noise((WIDTH, HEIGHT), 26)
    blended = Image.blend(picture.filter(ImageFilter.GaussianBlur(3.2)), grain, 0.13)
    out = io.BytesIO()
    blended.save(out, "JPEG", quality=82)
    return out.getvalue()


def _tooth(draw: ImageDraw.ImageDraw, arch: int, place: int, *, filled: bool) -> None:
    kind = place if place < _TEETH // 2 else _TEETH - 1 - place
    x, width = _left_edge(place), _WIDTHS[kind] * 66
    bow = 74 * math.cos((x - WIDTH / 2) / (WIDTH / 2) * 1.45)
    biting = 352 + bow + (14 if arch else -14)
    down = 1 if arch else -1
    crown, root = 84, 150 + 18 * (kind == 5)  # noqa: PLR2004  the canine has the longest root
    for number in range(_ROOTS[kind]):
        share = width / _ROOTS[kind]
        left = x + number * share + share * 0.14
        neck, tip = biting + down * crown, biting + down * (crown + root)
        draw.polygon([(left, neck), (left + share * 0.72, neck), (left + share * 0.36, tip)], fill=150)
        draw.line([(left + share * 0.36, neck), (left + share * 0.36, tip - down * 22)], fill=84, width=5)
    top, bottom = sorted((biting, biting + down * crown))
    draw.rounded_rectangle((x + 2, top, x + width - 2, bottom), radius=18, fill=196)
    draw.rounded_rectangle((x + width * 0.36, top + 34, x + width * 0.64, bottom - 8), radius=8, fill=110)
    if filled:
        low, high = sorted((biting, biting + down * 26))
        draw.rounded_rectangle((x + width * 0.2, low, x + width * 0.8, high), radius=8, fill=250)


def _left_edge(place: int) -> float:
    widths = [*_WIDTHS, *reversed(_WIDTHS)]
    start = (WIDTH - sum(widths) * 66) / 2
    return start + sum(widths[:place]) * 66
