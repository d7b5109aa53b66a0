"""The fonts of papers and pictures, and their letters: Latin, Greek and Cyrillic in one, Chinese in another."""

from functools import cache
from pathlib import Path
from struct import iter_unpack, unpack_from

FONTS = Path(__file__).parent / "data" / "fonts"
REGULAR, BOLD, CHINESE = "NotoSans-Regular", "NotoSans-Bold", "NotoSansSC-Regular"
CHINESE_FROM = 0x2E80
"""From this character on the Chinese font has it, if any does; before it the others."""


_FORMAT = 4


def font_file(name: str) -> Path:
    return FONTS / f"{name}.ttf"


def lacking(text: str, latin: str = BOLD) -> str:
    """The letters of a text that are drawn as boxes, as neither the `latin` font nor the Chinese one has them."""
    return "".join(sign for sign in text if ord(sign) not in letters(CHINESE if ord(sign) >= CHINESE_FROM else latin))


@cache
def letters(name: str) -> frozenset[int]:
    """The characters that a font has, from its `cmap` (OpenType 1.9: format 4, which has all below U+10000)."""
    content = font_file(name).read_bytes()
    tables = unpack_from(">H", content, 4)[0]
    found = {tag: start for tag, _, start, _ in iter_unpack(">4sIII", content[12 : 12 + 16 * tables])}
    start = found[b"cmap"]
    count = unpack_from(">H", content, start + 2)[0]
    places = [start + offset for _, _, offset in iter_unpack(">HHI", content[start + 4 : start + 4 + 8 * count])]
    return frozenset().union(*(_segments(content, at) for at in places if unpack_from(">H", content, at)[0] == _FORMAT))


def _segments(content: bytes, at: int) -> set[int]:
    """Every character of a format 4 table: those that it maps to glyph 0 are none of the font's."""
    size = unpack_from(">H", content, at + 6)[0]
    columns = [at + 14, at + 16 + size, at + 16 + 2 * size, at + 16 + 3 * size]
    ends, starts, shifts, ranges = (unpack_from(f">{size // 2}H", content, column) for column in columns)
    found = set()
    for place, (first, last) in enumerate(zip(starts, ends, strict=True)):
        for sign in range(first, last + 1):
            glyph = sign
            if ranges[place]:
                mapped = columns[3] + 2 * place + ranges[place] + 2 * (sign - first)
                glyph = unpack_from(">H", content, mapped)[0]
                if glyph == 0:
                    continue
            if (glyph + shifts[place]) % 0x10000:
                found.add(sign)
    return found - {0xFFFF}
