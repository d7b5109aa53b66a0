"""Prints papers as PDF: frozen blocks in, bytes out; the same paper gives the same bytes on every machine.

Fonts for Latin, Greek, Cyrillic and simplified Chinese are embedded (`core/data/fonts`), so that a fresh machine
prints as the clinic's own does. Printing a page takes some milliseconds of CPU: call `printed` off the event loop.
"""

from functools import singledispatch
from io import BytesIO
from typing import Any

from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import CondPageBreak, Flowable, HRFlowable, KeepTogether, SimpleDocTemplate, Spacer
from reportlab.platypus import Image as Picture
from reportlab.platypus import PageBreak as NextPage
from reportlab.platypus import Table as Grid

from cabinet.paper_blocks import (
    SIGNATURE_HEIGHT,
    SIGNATURE_WIDTH,
    Block,
    Bullets,
    Column,
    Drawing,
    Facts,
    Heading,
    Image,
    Letterhead,
    PageBreak,
    Paper,
    Paragraph,
    Table,
    Together,
)
from cabinet.paper_text import Style, Text, runs, width
from cabinet.paper_words import page_text

__all__ = [
    "SIGNATURE_HEIGHT",
    "SIGNATURE_WIDTH",
    "Block",
    "Bullets",
    "Column",
    "Drawing",
    "Facts",
    "Heading",
    "Image",
    "Letterhead",
    "PageBreak",
    "Paper",
    "Paragraph",
    "Table",
    "Together",
    "printed",
]

_MARGIN = 20 * mm
_FRAME = 6  # points that reportlab leaves free within a page's margins
_ROOM = A4[0] - 2 * _MARGIN
_BODY = Style()
_QUIET = Style(size=8, leading=11, grey=True, after=4)
_CELL = Style(size=9, leading=12, after=0)
_HEADINGS = {
    0: Style(size=18, leading=24, bold=True, after=10),
    1: Style(size=13, leading=18, bold=True, before=8, after=4),
    2: Style(size=10.5, leading=15, bold=True, before=6, after=3),
}


def printed(paper: Paper) -> bytes:
    """The paper as PDF, A4."""
    sheet = BytesIO()
    document = SimpleDocTemplate(
        sheet, pagesize=A4, leftMargin=_MARGIN - _FRAME, rightMargin=_MARGIN - _FRAME, topMargin=18 * mm,
        bottomMargin=24 * mm, title=paper.title, author=paper.letterhead.name, lang=paper.language,
        invariant=1,
    )  # fmt: skip
    document.build([*_head(paper), *_flow(paper.blocks)], canvasmaker=_numbered(paper))
    return sheet.getvalue()


def _head(paper: Paper) -> list[Any]:
    name = Text(paper.letterhead.name, Style(size=11, leading=15, bold=True, after=0))
    lines = [Text(line, Style(size=8, leading=11, grey=True, after=0)) for line in paper.letterhead.lines]
    rule = HRFlowable(width="100%", thickness=0.5, color="#999999", spaceBefore=5, spaceAfter=12)
    return [name, *lines, rule, Text(paper.title, _HEADINGS[0])]


def _flow(blocks: tuple[Block, ...]) -> list[Any]:
    return [part for block in blocks for part in _parts(block)]


@singledispatch
def _parts(block: Block) -> list[Any]:
    """What a block is to the printer, with the space after it."""
    raise TypeError(type(block))


@_parts.register
def _(heading: Heading) -> list[Any]:
    # Not alone at the foot of a page.
    return [CondPageBreak(30 * mm), Text(heading.text, _HEADINGS[heading.level])]


@_parts.register
def _(paragraph: Paragraph) -> list[Any]:
    return [Text(paragraph.text, _QUIET if paragraph.quiet else _BODY)]


@_parts.register
def _(bullets: Bullets) -> list[Any]:
    return [_row([("–", 12), (item, _ROOM - 12)]) for item in bullets.items] + [Spacer(0, 6)]


@_parts.register
def _(facts: Facts) -> list[Any]:
    rows = [_row([(name, _ROOM * 0.36), (said, _ROOM * 0.64)], names=True) for name, said in facts.rows]
    return [*rows, Spacer(0, 8)]


@_parts.register
def _(table: Table) -> list[Any]:
    return [_grid(table), Spacer(0, 8)]


@_parts.register
def _(image: Image) -> list[Any]:
    picture = Picture(BytesIO(image.data))
    high = picture.imageHeight / picture.imageWidth
    picture.drawWidth, picture.drawHeight = image.width_mm * mm, image.width_mm * mm * high
    picture.hAlign = "LEFT"
    return [picture, Spacer(0, 6)]


@_parts.register
def _(drawing: Drawing) -> list[Any]:
    return [_Hand(drawing), Spacer(0, 6)]


@_parts.register
def _(_block: PageBreak) -> list[Any]:
    return [NextPage()]


@_parts.register
def _(together: Together) -> list[Any]:
    return [KeepTogether(_flow(together.blocks))]


def _row(cells: list[tuple[str, float]], *, names: bool = False) -> Any:
    """Texts side by side, without lines; `names`: the first is quiet."""
    first = Style(size=9, leading=14, grey=names, after=0)
    told = [Text(text, first if place == 0 else Style(after=0)) for place, (text, _) in enumerate(cells)]
    row = Grid([told], colWidths=[wide for _, wide in cells], splitInRow=1)
    row.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), *_padding(0, 1)])
    return row


def _grid(table: Table) -> Any:
    shares = sum(column.share for column in table.columns)
    bold = Style(size=9, leading=12, bold=True, after=0)
    head = [_cell(column.title, column, bold) for column in table.columns]
    body = [[_cell(text, column, _CELL) for text, column in zip(row, table.columns, strict=True)] for row in table.rows]
    sums = [
        [_cell(text, column, bold) for text, column in zip(row, table.columns, strict=True)] for row in table.totals
    ]
    widths = [_ROOM * column.share / shares for column in table.columns]
    grid = Grid([head, *body, *sums], colWidths=widths, repeatRows=1, splitInRow=1)
    grid.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.8, "#444444"),
            ("LINEBELOW", (0, 1), (-1, -1), 0.25, "#bbbbbb"),
            *_padding(3, 3),
        ]
    )
    return grid


def _cell(text: str, column: Column, style: Style) -> Text:
    if not column.amount:
        return Text(text, style)
    return Text(text, Style(size=style.size, leading=style.leading, bold=style.bold, right=True, after=0))


def _padding(sides: float, ends: float) -> list[tuple[Any, ...]]:
    whole = ((0, 0), (-1, -1))
    beside = [(f"{side}PADDING", *whole, sides) for side in ("LEFT", "RIGHT")]
    return beside + [(f"{end}PADDING", *whole, ends) for end in ("TOP", "BOTTOM")]


class _Hand(Flowable):  # type: ignore[misc]  # reportlab gives no types
    """A drawn signature on its line."""

    def __init__(self, drawing: Drawing) -> None:
        super().__init__()
        self.strokes = drawing.strokes
        self.scale = drawing.width_mm * mm / SIGNATURE_WIDTH

    def wrap(self, *_: float) -> tuple[float, float]:
        return SIGNATURE_WIDTH * self.scale, SIGNATURE_HEIGHT * self.scale

    def draw(self) -> None:
        self.canv.setLineWidth(0.4)
        self.canv.line(0, 0, SIGNATURE_WIDTH * self.scale, 0)
        self.canv.setLineWidth(1.2)
        self.canv.setLineCap(1)
        for stroke in self.strokes:
            points = [(x * self.scale, (SIGNATURE_HEIGHT - y) * self.scale) for x, y in stroke]
            path = self.canv.beginPath()
            path.moveTo(*points[0])
            for point in points[1:] or points:  # a tap is a line to itself: a dot
                path.lineTo(*point)
            self.canv.drawPath(path)


def _numbered(paper: Paper) -> type[Any]:
    """A canvas that writes the foot of each page when it knows how many there are."""

    class Numbered(Canvas):  # type: ignore[misc]  # reportlab gives no types
        def __init__(self, *places: Any, **options: Any) -> None:
            super().__init__(*places, **options)
            self.finished: list[dict[str, Any]] = []

        def showPage(self) -> None:  # noqa: N802  the canvas calls it so
            self.finished.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            pages = self.finished
            for number, page in enumerate(pages, 1):
                self.__dict__.update(page)
                _foot(self, paper, page_text(number, len(pages), paper.language))
                super().showPage()
            super().save()

    return Numbered


def _foot(canvas: Any, paper: Paper, number: str) -> None:
    style = Style(size=7.5, grey=True)
    canvas.setStrokeGray(0.7)
    canvas.line(_MARGIN, 17 * mm, A4[0] - _MARGIN, 17 * mm)
    canvas.setFillGray(0.4)
    for text, left in ((paper.footer, _MARGIN), (number, A4[0] - _MARGIN - width(number, style))):
        pen = canvas.beginText(left, 12.5 * mm)
        for font, part in runs(text):
            pen.setFont(font, style.size)
            pen.textOut(part)
        canvas.drawText(pen)
