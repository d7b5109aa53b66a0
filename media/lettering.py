"""Letters on pictures: which font has them, how wide they are, and where a line of them breaks."""

from functools import lru_cache
from itertools import groupby, pairwise

from PIL import ImageFont

from core.fonts import BOLD, CHINESE, CHINESE_FROM, REGULAR, font_file

Run = tuple[ImageFont.FreeTypeFont, str]


@lru_cache(maxsize=64)
def _font(name: str, height: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(name), height)


def runs(text: str, height: int, *, bold: bool = True) -> list[Run]:
    """The pieces of a text, each with the font that has its letters. `height` in pixels."""
    latin = BOLD if bold else REGULAR
    return [(_font(CHINESE if is_chinese else latin, height), "".join(signs)) for is_chinese, signs in _by_font(text)]


def _by_font(text: str) -> list[tuple[bool, list[str]]]:
    return [(is_chinese, list(signs)) for is_chinese, signs in groupby(text, _is_chinese)]


def width_of(text: str, height: int, *, bold: bool = True) -> float:
    return sum(font.getlength(piece) for font, piece in runs(text, height, bold=bold))


def _is_chinese(sign: str) -> bool:
    return ord(sign) >= CHINESE_FROM


def wrapped(text: str, height: int, width: float, *, bold: bool = True) -> list[str]:
    """Lines no wider than `width`, where there is a place to break them: between words, or Chinese signs."""
    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and width_of((lines[-1] + piece).rstrip(), height, bold=bold) > width:
            lines.append("")
        lines[-1] += piece
    return [line.strip() for line in lines]


def _pieces(text: str) -> list[str]:
    """Parts that stay whole; joined they are the text."""
    ends = [
        place
        for place, (sign, following) in enumerate(pairwise(text), 1)
        if sign == " " or _is_chinese(sign) or _is_chinese(following)
    ]
    return [text[start:end] for start, end in pairwise([0, *ends, len(text)])]
