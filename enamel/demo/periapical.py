"""Draws small X-rays of nobody's teeth, view by view, so that the demo has a full-mouth series."""

import io
import random

from PIL import Image, ImageDraw, ImageFilter

from media.series import View

WIDE, TALL = (600, 450), (450, 600)
_INCISOR_OR_CANINE = "123"
_MOLAR_FROM = 6


def small_xray(view: View, seed: int) -> bytes:
    """A JPEG: upright of front teeth, lying of back teeth, both jaws on a bitewing. Deterministic by `seed`."""
    chance = random.Random(f"{seed} {view.code}")  # noqa: S311  a drawing needs no secret
    is_bitewing = view.code.startswith("bitewing")
    size = TALL if all(tooth[1] in _INCISOR_OR_CANINE for tooth in view.teeth) else WIDE
    picture = Image.new("L", size, 46)
    draw = ImageDraw.Draw(picture)
    if is_bitewing:
        half = len(view.teeth) // 2
        _row(draw, size, view.teeth[:half], size[1] * 0.47, chance, up=True)
        _row(draw, size, view.teeth[half:], size[1] * 0.53, chance, up=False)
    else:
        is_upper = view.code.startswith("upper")
        _row(draw, size, view.teeth, size[1] * (0.9 if is_upper else 0.1), chance, up=is_upper)
    grain = Image.effect_noise(size, 24)
    out = io.BytesIO()
    Image.blend(picture.filter(ImageFilter.GaussianBlur(2.2)), grain, 0.12).save(out, "JPEG", quality=85)
    return out.getvalue()


def _row(
    draw: ImageDraw.ImageDraw, size: tuple[int, int], teeth: tuple[str, ...], biting: float, chance: random.Random,
    *, up: bool,
) -> None:  # fmt: skip
    """Teeth of one jaw side by side, from the viewer's left; `up`: their roots point upwards."""
    widths = [1.25 if int(tooth[1]) >= _MOLAR_FROM else 0.85 for tooth in teeth]
    unit = size[0] * 0.94 / sum(widths)
    x, direction = size[0] * 0.03, -1 if up else 1
    bone = biting + direction * size[1] * 0.27
    low, high = sorted((bone, 0 if up else size[1]))
    draw.rectangle((0, low, size[0], high), fill=92)
    for tooth, share in zip(teeth, widths, strict=True):
        width = unit * share
        _tooth(draw, x + width * 0.06, width * 0.88, biting, direction * size[1], roots=_roots(tooth))
        if int(tooth[1]) >= _MOLAR_FROM and chance.random() < 0.4:  # noqa: PLR2004  some are filled
            near, far = sorted((biting, biting + direction * size[1] * 0.05))
            draw.rounded_rectangle((x + width * 0.25, near, x + width * 0.75, far), radius=8, fill=250)
        x += width


def _roots(tooth: str) -> int:
    return 2 if int(tooth[1]) >= _MOLAR_FROM else 1


def _tooth(draw: ImageDraw.ImageDraw, x: float, width: float, biting: float, height: float, *, roots: int) -> None:
    """Crown, roots and canals; `height` is the picture's, negative where the roots point upwards."""
    neck, tip = biting + height * 0.24, biting + height * 0.68
    for number in range(roots):
        share = width / roots
        left = x + number * share
        draw.polygon([(left + share * 0.14, neck), (left + share * 0.86, neck), (left + share * 0.5, tip)], fill=158)
        draw.line([(left + share * 0.5, neck), (left + share * 0.5, tip - height * 0.06)], fill=84, width=7)
    top, bottom = sorted((biting, neck))
    draw.rounded_rectangle((x, top, x + width, bottom), radius=22, fill=202)
    inner, outer = sorted((biting + height * 0.1, neck))
    draw.rounded_rectangle((x + width * 0.34, inner, x + width * 0.66, outer), radius=8, fill=110)
