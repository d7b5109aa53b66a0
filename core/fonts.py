"""Where the fonts of papers and pictures lie: Latin, Greek and Cyrillic in one, simplified Chinese in another."""

from pathlib import Path

FONTS = Path(__file__).parent / "data" / "fonts"
REGULAR, BOLD, CHINESE = "NotoSans-Regular", "NotoSans-Bold", "NotoSansSC-Regular"
CHINESE_FROM = 0x2E80
"""From this character on the Chinese font has it, if any does; before it the others."""


def font_file(name: str) -> Path:
    return FONTS / f"{name}.ttf"
