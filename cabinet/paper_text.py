"""Sets text on paper: which font holds a character, where a line may break, and what is drawn for what no font has."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable

from core.fonts import BOLD, CHINESE, REGULAR, font_file

UNKNOWN = "\ufffd"
"""Drawn for a character that no font has: a reader sees that something is missing."""

# Chinese breaks between any two characters, but no line begins with the first of these or ends with the second.
_NOT_FIRST = frozenset(
    ",.!?;:)]}%\u3001\u3002\uff0c\uff0e\uff01\uff1f\uff1b\uff1a\uff09\u300b\u300d\u300f\u3011\u201d\u2019\u2026"
)
_NOT_LAST = frozenset("([{\uff08\u300a\u300c\u300e\u3010\u201c\u2018\uffe5")
_IDEOGRAPHIC = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")

_SLACK = 1e-6
"""Points: sums of widths differ in their last digits by the order they are summed in."""

Run = tuple[str, str]
"""A font and the text set in it."""
Line = tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class Style:
    size: float = 10
    leading: float = 14
    bold: bool = False
    grey: bool = False
    right: bool = False
    indent: float = 0
    before: float = 0
    after: float = 6


@cache
def _glyphs(font: str) -> frozenset[int]:
    """Registers a font with the printer, once a process; the characters it has."""
    loaded = TTFont(font, font_file(font))
    pdfmetrics.registerFont(loaded)
    return frozenset(loaded.face.charToGlyph)


def plain(text: str) -> str:
    """`text` as it can be set: composed, tabs as spaces, joiners left out.

    What would turn the order of reading round (U+202E and its kind) is shown as a sign of its own.
    """
    composed = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\t", "    "))
    return "".join(_plain_sign(sign) for sign in composed)


def _plain_sign(sign: str) -> str:
    if sign == "\n" or unicodedata.category(sign) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return sign
    joiner = sign in "\u00ad\u200b\u200c\u200d\u2060\ufeff"
    return "" if joiner else UNKNOWN


def runs(text: str, *, bold: bool = False) -> Line:
    """`text` cut where the font changes. Chinese has one weight: a heading of it is told by its size."""
    found: list[Run] = []
    latin = BOLD if bold else REGULAR
    for sign in text:
        font, drawn = _font_of(sign, latin)
        if found and found[-1][0] == font:
            found[-1] = (font, found[-1][1] + drawn)
        else:
            found.append((font, drawn))
    return tuple(found)


def _font_of(sign: str, latin: str) -> Run:
    if ord(sign) in _glyphs(latin):
        return latin, sign
    return (CHINESE, sign) if ord(sign) in _glyphs(CHINESE) else (latin, UNKNOWN)


def printable(text: str) -> bool:
    """Whether each character can be set as it is: no sign would stand in its place on paper."""
    signs = set(plain(text)) - {"\n"}
    return UNKNOWN not in signs and all(_font_of(sign, font)[1] == sign for sign in signs for font in (REGULAR, BOLD))


def width(text: str, style: Style) -> float:
    """In points."""
    return float(sum(pdfmetrics.stringWidth(part, font, style.size) for font, part in runs(text, bold=style.bold)))


def pieces(paragraph: str) -> list[str]:
    """What a line may break between: words with the blank after them, and single Chinese characters."""
    found: list[str] = []
    for word in re.findall(r"[^ ]+ *| +", paragraph):
        start = len(found)
        for sign in word:
            if len(found) > start and not _breaks(found[-1][-1], sign):
                found[-1] += sign
            else:
                found.append(sign)
    return found


def _breaks(before: str, sign: str) -> bool:
    if sign == " " or sign in _NOT_FIRST or before in _NOT_LAST:
        return False
    return bool(_IDEOGRAPHIC.match(before) or _IDEOGRAPHIC.match(sign))


def lines(text: str, style: Style, room: float) -> list[str]:
    """`text` broken to lines no wider than `room` points; a word that is wider is cut."""
    found: list[str] = []
    for paragraph in plain(text).split("\n"):
        line, used = "", 0.0
        for piece in pieces(paragraph):
            if used + width(piece.rstrip(), style) > room + _SLACK:
                if line:
                    found.append(line.rstrip())
                *whole, piece = _cut(piece, style, room)  # noqa: PLW2901  what is left of it
                found += whole
                line, used = "", 0.0
            line += piece
            used += width(piece, style)
        found.append(line.rstrip())
    return found


def _cut(piece: str, style: Style, room: float) -> list[str]:
    parts = [""]
    for sign in piece:
        if parts[-1] and width((parts[-1] + sign).rstrip(), style) > room:
            parts.append("")
        parts[-1] += sign
    return parts


class Text(Flowable):  # type: ignore[misc]  # reportlab gives no types
    """A piece of text in the flow of a page; goes on overleaf between two lines."""

    def __init__(self, text: str, style: Style, broken: list[str] | None = None) -> None:
        super().__init__()
        self.text, self.style, self.broken = text, style, broken
        self.spaceBefore, self.spaceAfter = style.before, style.after

    def wrap(self, room: float, _: float) -> tuple[float, float]:
        self.room = room
        self.set = self.broken if self.broken is not None else lines(self.text, self.style, room - self.style.indent)
        return room, self.style.leading * len(self.set)

    def split(self, room: float, height: float) -> list[Any]:
        self.wrap(room, height)
        fitting = int(height // self.style.leading)
        if fitting < 1:
            return []
        first, rest = self.set[:fitting], self.set[fitting:]
        if not rest:
            return [self]
        return [Text("", replace(self.style, after=0), first), Text("", replace(self.style, before=0), rest)]

    def draw(self) -> None:
        style = self.style
        pen = self.canv.beginText(style.indent, style.leading * (len(self.set) - 1) + style.size * 0.3)
        pen.setFillGray(0.4 if style.grey else 0)
        for number, line in enumerate(self.set):
            left = self.room - width(line, style) if style.right else style.indent
            pen.setTextOrigin(left, style.leading * (len(self.set) - 1 - number) + style.size * 0.3)
            for font, part in runs(line, bold=style.bold):
                pen.setFont(font, style.size)
                pen.textOut(part)
        self.canv.drawText(pen)
