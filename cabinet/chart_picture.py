"""Draws an odontogram for the patient: teeth with their roots, the five surfaces, work done and work ahead.

A pure function of the chart. Only presentation attributes are used, no style sheet and no script, so the
picture shows under the strictest content security policy. Every sign differs in form as well as in colour.
"""

from collections.abc import Iterable, Iterator
from html import escape

from cabinet.chart_words import mouth_text, tooth_text, word
from cabinet.tooth import is_right, is_supernumerary, is_upper, position
from cabinet.tooth_picture import ENAMEL, PALETTE, PAPER, ROOT, biting_view, is_ghost, side_view
from cabinet.tooth_state import Odontogram, Replacement, ToothState

WIDTH, MIDDLE, GAP = 900.0, 450.0, 12.0
_TITLE_HEIGHT, _LEGEND_ROW, _LEGEND_COLUMNS = 74.0, 32.0, 4
_NECK, _SURFACES, _NUMBER, _ROW = 92.0, 170.0, 207.0, 222.0  # of one row of teeth, from its root end
_COLUMNS = (44.0, 40.0, 42.0, 42.0, 42.0, 60.0, 58.0, 54.0)
_MILK_COLUMNS = (50.0, 46.0, 50.0, 64.0, 70.0)
_MILK_SCALE = 0.8
_FONT = "system-ui, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', sans-serif"


def chart_svg(chart: Odontogram, title: str, language: str) -> str:
    """The chart as one SVG document (UTF-8 text). `language` is one of `chart_words.LANGUAGES`."""
    top, drawn = _TITLE_HEIGHT, []
    for upper, teeth, scale in _rows(chart):
        drawn.append(_row(teeth, top, scale, upper=upper, alone=not _has_permanent(chart), language=language))
        top += _ROW * scale
    extra = [tooth for tooth in chart.teeth if is_supernumerary(tooth.tooth)]
    legend = top + 22.0 * len(extra) + 14
    parts = (
        _opening(legend + 3 * _LEGEND_ROW + 22, language),
        f'<title id="ec-title">{_safe(title)}</title>',
        f'<desc id="ec-text">{_safe(mouth_text(chart, language))}</desc>',
        _DEFINITIONS,
        f'<rect width="100%" height="100%" fill="{PAPER}"/>',
        _heading(title, top, language),
        *drawn,
        _notes(extra, top, language),
        _legend(legend, language),
        "</svg>",
    )
    return "".join(parts)


def _opening(height: float, language: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {height:.0f}" width="{WIDTH:.0f}" '
        f'height="{height:.0f}" role="img" aria-labelledby="ec-title ec-text" xml:lang="{language}" '
        f'font-family="{_FONT}">'
    )


def _rows(chart: Odontogram) -> Iterator[tuple[bool, list[ToothState], float]]:
    """From above: upper permanent, upper milk, lower milk, lower permanent; those that hold a tooth."""
    small = _MILK_SCALE if _has_permanent(chart) else 1.0
    for upper, milk in ((True, False), (True, True), (False, True), (False, False)):
        teeth = [
            tooth
            for tooth in chart.teeth
            if (is_upper(tooth.tooth), tooth.deciduous) == (upper, milk) and not is_supernumerary(tooth.tooth)
        ]
        if teeth:
            yield upper, teeth, small if milk else 1.0


def _has_permanent(chart: Odontogram) -> bool:
    return any(not tooth.deciduous for tooth in chart.teeth)


def _row(teeth: list[ToothState], top: float, scale: float, *, upper: bool, alone: bool, language: str) -> str:
    columns = _MILK_COLUMNS if alone else _COLUMNS
    places = [(tooth, _centre(tooth.tooth, columns), _width(tooth.tooth, columns)) for tooth in teeth]
    tint = "".join(_frame(x, top, scale, width, _TINT) for tooth, x, width in places if tooth.planned)
    gum = _gum([(x, width, tooth) for tooth, x, width in places], top, scale, upper=upper)
    bars = "".join(_bar(x, top, scale, width, upper=upper) for tooth, x, width in places if _is_bridge(tooth))
    drawn = (_tooth(tooth, x, top, scale, width, language=language) for tooth, x, width in places)
    return f"<g>{tint}{gum}{bars}{''.join(drawn)}</g>"


def _centre(tooth: str, columns: tuple[float, ...]) -> float:
    inner = sum(columns[: position(tooth) - 1]) + columns[position(tooth) - 1] / 2 + GAP
    return MIDDLE - inner if is_right(tooth) else MIDDLE + inner


def _width(tooth: str, columns: tuple[float, ...]) -> float:
    return columns[position(tooth) - 1]


def _at(top: float, scale: float, offset: float, *, upper: bool) -> float:
    """The y of something `offset` from the row's root end; the lower jaw stands on its head."""
    return top + scale * (offset if upper else _ROW - offset)


def _gum(places: list[tuple[float, float, ToothState]], top: float, scale: float, *, upper: bool) -> str:
    """A band behind the roots that swings from neck to neck."""
    places = sorted(places, key=lambda place: place[0])
    neck, outer = _at(top, scale, _NECK, upper=upper), _at(top, scale, 22.0, upper=upper)
    dip = scale * (9.0 if upper else -9.0)
    left, right = places[0][0] - places[0][1] / 2 - 6, places[-1][0] + places[-1][1] / 2 + 6
    waves = " ".join(f"Q {x:.1f} {neck - dip:.1f} {x + width / 2:.1f} {neck + dip * 0.5:.1f}" for x, width, _ in places)
    path = (
        f"M {left:.1f} {outer:.1f} L {left:.1f} {neck:.1f} {waves} L {right:.1f} {neck:.1f} L {right:.1f} {outer:.1f} Z"
    )
    return f'<path d="{path}" fill="url(#ec-gum-{"upper" if upper else "lower"})"/>'


def _tooth(tooth: ToothState, x: float, top: float, scale: float, width: float, *, language: str) -> str:
    upper, name = is_upper(tooth.tooth), tooth.tooth
    flip_x, flip_y = (1 if is_right(name) else -1) * scale, (1 if upper else -1) * scale
    neck, surfaces = (_at(top, scale, offset, upper=upper) for offset in (_NECK, _SURFACES))
    number = _at(top, scale, _NUMBER, upper=upper) + 5
    planned = _frame(x, top, scale, width, _DASHES) if tooth.planned else ""
    ink = PALETTE["missing"] if is_ghost(tooth) else PALETTE["ink"]
    return (
        f'<g data-tooth="{name}"><title>{_safe(tooth_text(tooth, language))}</title>{planned}'
        f'<g transform="translate({x:.1f} {neck:.1f}) scale({flip_x:.2f} {flip_y:.2f})" stroke-linejoin="round">'
        f"{''.join(side_view(tooth))}</g>"
        f'<g transform="translate({x:.1f} {surfaces:.1f}) scale({flip_x:.2f} {flip_y:.2f})" stroke-linejoin="round">'
        f"{''.join(biting_view(tooth))}</g>"
        f'<text x="{x:.1f}" y="{number:.1f}" font-size="{13 if scale == 1.0 else 12}" font-weight="600" '
        f'text-anchor="middle" fill="{ink}">{name}</text></g>'
    )


_TINT = 'fill="#FFEFD9"'
_DASHES = f'fill="none" stroke="{PALETTE["planned"]}" stroke-width="1.6" stroke-dasharray="5 3"'


def _frame(x: float, top: float, scale: float, width: float, look: str) -> str:
    """Around a tooth of which work is planned."""
    box = f'x="{x - width / 2 + 1:.1f}" y="{top + 2:.1f}" width="{width - 2:.1f}" height="{_ROW * scale - 4:.1f}"'
    return f'<rect {box} rx="9" {look}/>'


def _is_bridge(tooth: ToothState) -> bool:
    return tooth.replacement is Replacement.BRIDGE


def _bar(x: float, top: float, scale: float, width: float, *, upper: bool) -> str:
    """Ties a bridge tooth to its neighbours."""
    y = _at(top, scale, _NECK + 17.0, upper=upper)
    half = width / 2 + 14
    return (
        f'<rect x="{x - half:.1f}" y="{y - 4:.1f}" width="{2 * half:.1f}" height="8" rx="3" fill="{PALETTE["crown"]}"/>'
    )


def _notes(extra: Iterable[ToothState], top: float, language: str) -> str:
    """Extra teeth have no place of their own: they are told below."""
    return "".join(
        f'<text x="40" y="{top + 18 + 22 * index:.0f}" font-size="13" fill="{PALETTE["ink"]}">'
        f"{_safe(tooth_text(tooth, language))}</text>"
        for index, tooth in enumerate(extra)
    )


def _heading(title: str, bottom: float, language: str) -> str:
    ink = PALETTE["ink"]
    right, left = word("pattern", "right", language), word("pattern", "left", language)
    return (
        f'<text x="{MIDDLE:.0f}" y="34" font-size="21" font-weight="700" text-anchor="middle" fill="{ink}">'
        f"{_safe(title)}</text>"
        f'<text x="40" y="60" font-size="13" fill="{ink}">{right}</text>'
        f'<text x="{WIDTH - 40:.0f}" y="60" font-size="13" text-anchor="end" fill="{ink}">{left}</text>'
        f'<line x1="{MIDDLE:.0f}" y1="52" x2="{MIDDLE:.0f}" y2="{bottom:.0f}" stroke="#B9C3CB" stroke-width="1" '
        'stroke-dasharray="3 4"/>'
    )


_KEYS = (
    *("sound", "caries", "filled", "crown"),
    *("root_canal", "inflamed", "damaged", "sealed"),
    *("implant", "missing", "unerupted", "planned"),
)


def _legend(top: float, language: str) -> str:
    cell = (WIDTH - 80) / _LEGEND_COLUMNS
    items = []
    for index, key in enumerate(_KEYS):
        row, column = divmod(index, _LEGEND_COLUMNS)
        x, y = 40 + column * cell, top + 8 + row * _LEGEND_ROW
        items.append(
            f'<g transform="translate({x:.0f} {y:.0f})">{_SAMPLES[key]}<text x="34" y="16" font-size="13.5" '
            f'fill="{PALETTE["ink"]}">{_safe(word("legend", key, language))}</text></g>'
        )
    line = f'<line x1="40" x2="{WIDTH - 40:.0f}" y1="{top - 4:.0f}" y2="{top - 4:.0f}" stroke="#D5DCE1"/>'
    return f"<g>{line}{''.join(items)}</g>"


def _box(fill: str, stroke: str, extra: str = "") -> str:
    return (
        f'<rect x="1" y="1" width="22" height="20" rx="6" fill="{fill}" stroke="{stroke}" stroke-width="1.4"{extra}/>'
    )


def _line_sample(key: str, path: str, width: float) -> str:
    return (
        _box(ROOT, PALETTE["outline"])
        + f'<path d="{path}" fill="none" stroke="{PALETTE[key]}" stroke-width="{width}" stroke-linecap="round"/>'
    )


_SAMPLES = {
    "sound": _box(ENAMEL, PALETTE["outline"]),
    "caries": _box(PALETTE["caries"], PALETTE["outline"]),
    "filled": _box(PALETTE["filled"], PALETTE["outline"]),
    "crown": _box("url(#ec-crown)", PALETTE["crown"]),
    "root_canal": _line_sample("root_canal", "M 12 4 C 13 9 11 13 12 18", 3),
    "inflamed": f'<circle cx="12" cy="11" r="7.5" fill="{PALETTE["inflamed"]}" fill-opacity="0.28" '
    f'stroke="{PALETTE["inflamed"]}" stroke-width="2"/>',
    "damaged": _box("url(#ec-damaged)", PALETTE["outline"]),
    "sealed": _box("url(#ec-sealed)", PALETTE["outline"]),
    "implant": f'<path d="M 8 2 L 16 2 L 14 20 L 10 20 Z" fill="url(#ec-titanium)" stroke="{PALETTE["implant"]}"/>'
    f'<path d="M 6 8 L 18 5 M 6 13 L 18 10 M 7 18 L 17 15" stroke="{PALETTE["implant"]}" stroke-width="1.6"/>',
    "missing": _box("none", PALETTE["missing"], ' stroke-dasharray="2.5 3"'),
    "unerupted": _box("#F7CFC8", PALETTE["outline"], ' stroke-dasharray="3 2.5"'),
    "planned": _box("#FFEFD9", PALETTE["planned"], ' stroke-dasharray="4 2.5"'),
}


def _gradient(name: str, *stops: tuple[str, str], y1: int = 0, y2: int = 1) -> str:
    parts = "".join(f'<stop offset="{offset}" stop-color="{colour}"/>' for offset, colour in stops)
    return f'<linearGradient id="ec-{name}" x1="0" x2="0" y1="{y1}" y2="{y2}">{parts}</linearGradient>'


def _hatch(name: str, back: str, colour: str, sign: str) -> str:
    return (
        f'<pattern id="ec-{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{back}"/><path d="{sign}" stroke="{colour}" stroke-width="2.2"/></pattern>'
    )


_DEFINITIONS = "".join(
    (
        "<defs>",
        _gradient("enamel", ("0", "#F7ECD6"), ("0.35", ENAMEL), ("1", "#FFFFFF")),
        _gradient("root", ("0", "#EBD2A4"), ("1", ROOT)),
        _gradient("crown", ("0", "#E3B24A"), ("0.45", "#C48A17"), ("1", PALETTE["crown"])),
        _gradient("titanium", ("0", "#C9D2D9"), ("1", "#93A1AC")),
        _gradient("gum-upper", ("0", "#FDF1EF"), ("1", "#F3BDB5")),
        _gradient("gum-lower", ("0", "#F3BDB5"), ("1", "#FDF1EF")),
        _hatch("damaged", "#F1DDC6", PALETTE["damaged"], "M -1 7 L 7 -1"),
        _hatch("sealed", "#D5EFEA", PALETTE["sealed"], "M 0 3 L 6 3"),
        "</defs>",
    )
)


def _safe(text: str) -> str:
    """Fit for XML: markup escaped, control characters gone."""
    return escape("".join(sign for sign in text if sign.isprintable()))
