"""What a paper is made of: a letterhead and blocks, as values."""

from dataclasses import dataclass
from typing import TypeAlias

SIGNATURE_WIDTH, SIGNATURE_HEIGHT = 1000, 400
"""The field that strokes are drawn in: whole numbers, from the left and from the top."""


@dataclass(frozen=True, slots=True)
class Heading:
    """`level` 0 is the paper's title, 1 a part, 2 a part of a part."""

    text: str
    level: int = 1


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Text as it was given: line feeds break lines, nothing in it is markup."""

    text: str
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and what they are: `Patient | Anna Rossi`."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """`share` of the page's width beside the other columns; amounts are set to the right."""

    title: str
    share: int = 1
    amount: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Every row and total has as many cells as there are columns. The head is repeated overleaf."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    totals: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A PNG or JPEG, `width_mm` wide."""

    data: bytes
    width_mm: int = 60


@dataclass(frozen=True, slots=True)
class Drawing:
    """Strokes of a hand, each a line of points within `SIGNATURE_WIDTH` x `SIGNATURE_HEIGHT`."""

    strokes: tuple[tuple[tuple[int, int], ...], ...]
    width_mm: int = 60


@dataclass(frozen=True, slots=True)
class PageBreak:
    pass


@dataclass(frozen=True, slots=True)
class Together:
    """Blocks that stay on one page where they fit on one."""

    blocks: "tuple[Block, ...]"


Block: TypeAlias = Heading | Paragraph | Bullets | Facts | Table | Image | Drawing | PageBreak | Together


@dataclass(frozen=True, slots=True)
class Letterhead:
    """Whose paper it is: the clinic, and lines of address and telephone under it."""

    name: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Paper:
    """`language`: en, ru, it or zh. `footer` stands on every page, beside its number."""

    title: str
    language: str
    letterhead: Letterhead
    blocks: tuple[Block, ...]
    footer: str = ""
