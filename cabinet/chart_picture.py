"""Draws an odontogram for the patient: teeth with their roots, the five surfaces, work done and work ahead.

A pure function of the chart. Only presentation attributes are used, no style sheet and no script, so the
picture shows under the strictest content security policy. Every sign differs in form as well as in colour.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from textwrap import wrap

from cabinet.chart_signs import DEFINITIONS, LEFT, LEGEND_HEIGHT, RIGHT, legend
from cabinet.chart_spans import WIRES, Span, SpanKind
from cabinet.chart_words import finding_text, listed, mouth_text, said_of, span_text, tooth_text, word
from cabinet.finding import FindingStatus
from cabinet.perio import POCKET_FROM
from cabinet.tooth import Notation, is_right, is_supernumerary, is_upper, named, position
from cabinet.tooth_picture import PALETTE, PAPER, TINT, biting_view, is_ghost, side_view
from cabinet.tooth_state import Odontogram, ToothState

WIDTH, MIDDLE, GAP = 900.0, 450.0, 12.0
_TITLE_HEIGHT, _LINE = 74.0, 22.0
_NECK, _SURFACES, _NUMBER, _ROW = 92.0, 170.0, 207.0, 222.0  # of one row of teeth, from its root end
_COLUMNS = (44.0, 40.0, 42.0, 42.0, 42.0, 60.0, 58.0, 54.0)
_MILK_COLUMNS = (50.0, 46.0, 50.0, 64.0, 70.0)
_MILK_SCALE, _EXTRA_SCALE = 0.8, 0.62
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"


class Highlight(StrEnum):
    PLANNED = "planned"


@dataclass(frozen=True, slots=True)
class Look:
    """How a reader wants the picture."""

    language: str
    notation: Notation = Notation.FDI
    highlight: Highlight | None = None

    def dims(self, tooth: ToothState) -> bool:
        return self.highlight is Highlight.PLANNED and not tooth.planned


@dataclass(frozen=True, slots=True)
class _Row:
    """Teeth side by side, and what joins them. `scale` is of the drawings, the columns keep their places."""

    teeth: list[ToothState]
    spans: list[Span]
    top: float
    scale: float
    columns: tuple[float, ...]
    upper: bool
    extra: bool = False

    @property
    def height(self) -> float:
        return _ROW * self.scale

    def centre(self, tooth: str) -> float:
        place = position(tooth) - 1
        inner = sum(self.columns[:place]) + self.columns[place] / 2 + GAP
        return MIDDLE - inner if is_right(tooth) else MIDDLE + inner

    def width(self, tooth: str) -> float:
        return self.columns[position(tooth) - 1]

    def y(self, offset: float) -> float:
        """Of something `offset` from the row's root end; the lower jaw stands on its head."""
        return self.top + self.scale * (offset if self.upper else _ROW - offset)


def chart_svg(
    chart: Odontogram,
    title: str,
    language: str,
    notation: Notation = Notation.FDI,
    highlight: Highlight | None = None,
) -> str:
    """The chart as one SVG document (UTF-8 text). `language` is one of `chart_words.LANGUAGES`."""
    look = Look(language, notation, highlight)
    rows = list(_rows(chart))
    bottom = rows[-1].top + rows[-1].height
    notes = _notes(chart, look)
    legend_top = bottom + _LINE * len(notes) + 14
    parts = (
        _opening(legend_top + LEGEND_HEIGHT, language),
        f'<title id="ec-title">{_safe(title)}</title>',
        f'<desc id="ec-text">{_safe(mouth_text(chart, language, notation))}</desc>',
        DEFINITIONS,
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        _heading(title, bottom, language),
        *(_drawn(row, look) for row in rows),
        *(_note(line, bottom + 18 + _LINE * index) for index, line in enumerate(notes)),
        legend(legend_top, language),
        "</svg>",
    )
    return "".join(parts)


def _opening(height: float, language: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" width="{WIDTH:.0f}" '
        f'height="{height:.0f}" role="img" aria-labelledby="ec-title ec-text" xml:lang="{language}" '
        f'font-family="{_FONT}">'
    )


def _rows(chart: Odontogram) -> Iterator[_Row]:
    """From above: upper permanent, upper milk, lower milk, lower permanent; extra teeth in rows at their root ends."""
    alone = not any(not tooth.deciduous for tooth in chart.teeth)
    columns, top = _MILK_COLUMNS if alone else _COLUMNS, _TITLE_HEIGHT
    for upper, milk in ((True, False), (True, True), (False, True), (False, False)):
        here = [tooth for tooth in chart.teeth if (is_upper(tooth.tooth), tooth.deciduous) == (upper, milk)]
        usual = [tooth for tooth in here if not is_supernumerary(tooth.tooth)]
        extras = _lanes([tooth for tooth in here if is_supernumerary(tooth.tooth)])
        scale = _MILK_SCALE if milk and not alone else 1.0
        lanes = [(lane, scale * _EXTRA_SCALE, True) for lane in extras]
        whole = [(usual, scale, False)] if usual else []
        for teeth, size, extra in (*reversed(lanes), *whole) if upper else (*whole, *lanes):
            names = {tooth.tooth for tooth in teeth}
            spans = [span for span in chart.spans if len(names & set(span.teeth)) > 1]
            yield _Row(teeth, spans, top, size, columns, upper, extra)
            top += _ROW * size


def _lanes(extras: list[ToothState]) -> list[list[ToothState]]:
    """Extra teeth in as many rows as the place with most of them needs."""
    lanes: list[list[ToothState]] = []
    seen: Counter[str] = Counter()
    for tooth in extras:
        place = tooth.tooth[:2]
        if seen[place] == len(lanes):
            lanes.append([])
        lanes[seen[place]].append(tooth)
        seen[place] += 1
    return lanes


def _drawn(row: _Row, look: Look) -> str:
    tint = "".join(_frame(row, tooth, f'fill="{TINT}"') for tooth in row.teeth if tooth.planned)
    gum = "" if row.extra else _gum(row)
    behind = "".join(_span(row, span, look) for span in row.spans if span.kind not in WIRES)
    before = "".join(_span(row, span, look) for span in row.spans if span.kind in WIRES)
    return f"<g>{tint}{gum}{behind}{''.join(_tooth(row, tooth, look) for tooth in row.teeth)}{before}</g>"


def _gum(row: _Row) -> str:
    """A band behind the roots that swings from neck to neck."""
    places = sorted((row.centre(tooth.tooth), row.width(tooth.tooth)) for tooth in row.teeth)
    neck, outer, dip = row.y(_NECK), row.y(22.0), row.scale * (9.0 if row.upper else -9.0)
    left, right = places[0][0] - places[0][1] / 2 - 6, places[-1][0] + places[-1][1] / 2 + 6
    waves = " ".join(f"Q {x:.1f} {neck - dip:.1f} {x + width / 2:.1f} {neck + dip * 0.5:.1f}" for x, width in places)
    path = (
        f"M {left:.1f} {outer:.1f} L {left:.1f} {neck:.1f} {waves} L {right:.1f} {neck:.1f} L {right:.1f} {outer:.1f} Z"
    )
    return f'<path d="{path}" fill="url(#ec-gum-{"upper" if row.upper else "lower"})"/>'


# How far below the neck a span runs, how thick it is, and in what colours.
_BARS = {
    SpanKind.BRIDGE: (17.0, 8.0, f'fill="{PALETTE["crown"]}"'),
    SpanKind.SPLINT: (24.0, 3.5, f'fill="{PALETTE["implant"]}"'),
    SpanKind.RETAINER: (24.0, 2.2, f'fill="{PALETTE["implant"]}"'),
    SpanKind.PARTIAL_DENTURE: (-3.0, 7.0, f'fill="#E9A6A0" stroke="{PALETTE["inflamed"]}"'),
    SpanKind.FULL_DENTURE: (-5.0, 16.0, f'fill="#E9A6A0" stroke="{PALETTE["inflamed"]}"'),
}


def _span(row: _Row, span: Span, look: Look) -> str:
    """One bar from the first tooth to the last: the work that joins them is one piece."""
    offset, thick, paint = _BARS[span.kind]
    here = {tooth.tooth for tooth in row.teeth}
    places = sorted(row.centre(tooth) for tooth in span.teeth if tooth in here)
    left, height = places[0] - 6, thick * row.scale
    size = f'width="{places[-1] + 6 - left:.1f}" height="{height:.1f}" rx="{3 * row.scale:.1f}"'
    if span.planned:
        paint = f'fill="none" stroke="{PALETTE["planned"]}" stroke-width="1.6" stroke-dasharray="4 2.5"'
    faint = ' opacity="0.3"' if look.highlight is Highlight.PLANNED and not span.planned else ""
    title = _safe(span_text(span, look.language, look.notation))
    bar = f'<rect x="{left:.1f}" y="{row.y(_NECK + offset) - height / 2:.1f}" {size} {paint}/>'
    return f'<g data-span="{span.kind}"{faint}><title>{title}</title>{bar}</g>'


def _tooth(row: _Row, tooth: ToothState, look: Look) -> str:
    name, x, scale = tooth.tooth, row.centre(tooth.tooth), row.scale
    flip = f"scale({(1 if is_right(name) else -1) * scale:.2f} {(1 if row.upper else -1) * scale:.2f})"
    framed = _frame(row, tooth, _DASHES if look.highlight is None else _STRONG) if tooth.planned else ""
    faint = ' opacity="0.3"' if look.dims(tooth) else ""
    return (
        f'<g data-tooth="{name}"><title>{_safe(tooth_text(tooth, look.language, look.notation))}</title>{framed}'
        f'<g transform="translate({x:.1f} {row.y(_NECK):.1f}) {flip}" stroke-linejoin="round"{faint}>'
        f"{''.join(side_view(tooth))}</g>"
        f'<g transform="translate({x:.1f} {row.y(_SURFACES):.1f}) {flip}" stroke-linejoin="round"{faint}>'
        f"{''.join(biting_view(tooth))}</g>{_pocket(row, tooth)}{_number(row, tooth, look)}</g>"
    )


def _number(row: _Row, tooth: ToothState, look: Look) -> str:
    ink = PALETTE["faint_ink"] if is_ghost(tooth) or look.dims(tooth) else PALETTE["ink"]
    size = 13 if row.scale == 1.0 else 12
    return (
        f'<text x="{row.centre(tooth.tooth):.1f}" y="{row.y(_NUMBER) + 5:.1f}" font-size="{size}" font-weight="600" '
        f'text-anchor="middle" fill="{ink}">{named(tooth.tooth, look.notation)}</text>'
    )


def _pocket(row: _Row, tooth: ToothState) -> str:
    """The depth of a pocket, beyond the root's tip."""
    depth = tooth.gum.deepest_mm if tooth.gum is not None else None
    if depth is None or depth < POCKET_FROM:
        return ""
    return (
        f'<text x="{row.centre(tooth.tooth):.1f}" y="{row.y(12.0) + 4:.1f}" font-size="12" font-weight="700" '
        f'text-anchor="middle" fill="{PALETTE["pocket"]}">{depth}</text>'
    )


_DASHES = f'fill="none" stroke="{PALETTE["planned"]}" stroke-width="1.6" stroke-dasharray="5 3"'
_STRONG = f'fill="none" stroke="{PALETTE["planned"]}" stroke-width="3"'


def _frame(row: _Row, tooth: ToothState, look: str) -> str:
    """Around a tooth of which work is planned."""
    x, width = row.centre(tooth.tooth), row.width(tooth.tooth)
    box = f'x="{x - width / 2 + 1:.1f}" y="{row.top + 2:.1f}" width="{width - 2:.1f}" height="{row.height - 4:.1f}"'
    return f'<rect {box} rx="9" {look}/>'


def _notes(chart: Odontogram, look: Look) -> list[str]:
    """The highlighted work in words, for who prints the picture: below the teeth, a line for each."""
    if look.highlight is None:
        return []
    lines = [
        said_of(named(tooth.tooth, look.notation), _ahead(tooth, look.language), look.language)
        for tooth in chart.teeth
        if tooth.planned
    ]
    heading = word("pattern", "ahead" if lines else "nothing_ahead", look.language)
    wide = _SIGNS_IN_LINE[look.language == "zh"]
    return [heading, *(part for line in lines for part in wrap(line, wide))]


# Chinese signs are twice as wide.
_SIGNS_IN_LINE = (105, 58)


def _ahead(tooth: ToothState, language: str) -> str:
    planned = (each for each in tooth.findings if each.status is FindingStatus.PLANNED)
    return listed((finding_text(each, language) for each in planned), language)


def _note(line: str, y: float) -> str:
    return f'<text x="{LEFT:.0f}" y="{y:.0f}" font-size="13.5" fill="{PALETTE["ink"]}">{_safe(line)}</text>'


def _heading(title: str, bottom: float, language: str) -> str:
    ink = PALETTE["ink"]
    right, left = word("pattern", "right", language), word("pattern", "left", language)
    return (
        f'<text x="{MIDDLE:.0f}" y="34" font-size="21" font-weight="700" text-anchor="middle" fill="{ink}">'
        f"{_safe(title)}</text>"
        f'<text x="{LEFT:.0f}" y="60" font-size="13" fill="{ink}">{right}</text>'
        f'<text x="{RIGHT:.0f}" y="60" font-size="13" text-anchor="end" fill="{ink}">{left}</text>'
        f'<line x1="{MIDDLE:.0f}" y1="52" x2="{MIDDLE:.0f}" y2="{bottom:.0f}" stroke="#B9C3CB" stroke-width="1" '
        'stroke-dasharray="3 4"/>'
    )


def _safe(text: str) -> str:
    """Fit for XML: markup escaped, control characters gone."""
    return escape("".join(sign for sign in text if sign.isprintable()))
