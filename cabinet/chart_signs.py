"""The signs of the chart's picture: the patterns they are painted with, and the legend that names them."""

from cabinet.chart_words import word
from cabinet.tooth_picture import (
    CALCULUS,
    CRACK,
    ENAMEL,
    GUM,
    LOOSE,
    LOST_OTHERWISE,
    LOST_TO_DISEASE,
    NEVER_FORMED,
    PALETTE,
    ROOT,
    TINT,
)

LEFT, RIGHT = 40.0, 860.0
_ROW, _COLUMNS = 32.0, 4

_KEYS = (
    *("sound", "caries", "filled", "metal"),
    *("somewhere", "sealed", "crown", "denture"),
    *("damaged", "root_canal", "inflamed", "pocket"),
    *("implant", "missing", "lost", "lost_otherwise"),
    *("never", "unerupted", "unseen", "impacted"),
    *("remnant", "crack", "calculus", "loose"),
    *("bracket", "wire", "planned", "to_extract"),
)


LEGEND_HEIGHT = len(_KEYS) / _COLUMNS * _ROW + 22


def legend(top: float, language: str) -> str:
    """Every sign with its name, `LEGEND_HEIGHT` high from `top`."""
    cell = (RIGHT - LEFT) / _COLUMNS
    items = []
    for index, key in enumerate(_KEYS):
        row, column = divmod(index, _COLUMNS)
        x, y = LEFT + column * cell, top + 8 + row * _ROW
        items.append(
            f'<g transform="translate({x:.0f} {y:.0f})">{_SAMPLES[key]}<text x="34" y="16" font-size="13.5" '
            f'fill="{PALETTE["ink"]}">{word("legend", key, language)}</text></g>'
        )
    line = f'<line x1="{LEFT:.0f}" x2="{RIGHT:.0f}" y1="{top - 4:.0f}" y2="{top - 4:.0f}" stroke="#D5DCE1"/>'
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


def _stroke(path: str, key: str, width: float, place: str = "") -> str:
    return (
        f'<path{place} d="{path}" fill="none" stroke="{PALETTE[key]}" stroke-width="{width}" stroke-linecap="round"/>'
    )


def _why(path: str) -> str:
    look = f'fill="none" stroke="{PALETTE["faint_ink"]}" stroke-width="2" stroke-linecap="round"'
    ghost = _box("none", PALETTE["missing"], ' stroke-dasharray="2.5 3"')
    return f'{ghost}<path transform="translate(12 11)" d="{path}" {look}/>'


_SAMPLES = {
    "sound": _box(ENAMEL, PALETTE["outline"]),
    "caries": _box(PALETTE["caries"], PALETTE["outline"]),
    "filled": _box(PALETTE["filled"], PALETTE["outline"]),
    "metal": _box("url(#ec-metal)", PALETTE["outline"]),
    "somewhere": _box("url(#ec-somewhere)", PALETTE["outline"]),
    "unseen": _box("url(#ec-unseen)", PALETTE["outline"]),
    "denture": _box(ENAMEL, PALETTE["crown"])
    + f'<path d="M 1 2 h 22 v 8 q -11 5 -22 0 Z" fill="#E9A6A0" stroke="{PALETTE["inflamed"]}"/>',
    "pocket": f'<text x="12" y="16" font-size="13" font-weight="700" text-anchor="middle" '
    f'fill="{PALETTE["pocket"]}">6</text>',
    "lost": _why(LOST_TO_DISEASE),
    "lost_otherwise": _why(LOST_OTHERWISE),
    "never": _why(NEVER_FORMED),
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
    "planned": _box(TINT, PALETTE["planned"], ' stroke-dasharray="4 2.5"'),
    "impacted": _box("#F7CFC8", PALETTE["outline"], ' stroke-dasharray="3 2.5" transform="rotate(38 12 11)"'),
    "remnant": f'<path d="M 6 8 L 10 21 L 14 21 L 18 8" fill="{ROOT}" stroke="{PALETTE["outline"]}" '
    f'stroke-width="1.4"/>{_stroke("M 5 8 L 8 4 L 11 8 L 14 3 L 16 7 L 19 5", "damaged", 2)}',
    "crack": _box(ENAMEL, PALETTE["outline"])
    + _stroke(CRACK, "damaged", 2.2, ' transform="translate(12 1) scale(0.6)"'),
    "calculus": _box(ENAMEL, PALETTE["outline"])
    + f'<path transform="translate(12 8)" d="{CALCULUS}" fill="{PALETTE["calculus"]}"/>',
    "loose": _stroke(LOOSE, "damaged", 1.8, ' transform="translate(12 11)"'),
    "bracket": _box(ENAMEL, PALETTE["outline"]) + '<rect x="7" y="6" width="10" height="10" rx="2" fill="#DCE3E8" '
    f'stroke="{PALETTE["implant"]}" stroke-width="1.6"/>',
    "wire": f'<rect x="1" y="9" width="22" height="3.5" rx="1.7" fill="{PALETTE["implant"]}"/>',
    "to_extract": _stroke("M 3 3 L 21 19 M 21 3 L 3 19", "planned", 2.6),
}


def _gradient(name: str, *stops: tuple[str, str], y1: int = 0, y2: int = 1) -> str:
    parts = "".join(f'<stop offset="{offset}" stop-color="{colour}"/>' for offset, colour in stops)
    return f'<linearGradient id="ec-{name}" x1="0" x2="0" y1="{y1}" y2="{y2}">{parts}</linearGradient>'


def _hatch(name: str, back: str, colour: str, sign: str) -> str:
    return (
        f'<pattern id="ec-{name}" width="6" height="6" patternUnits="userSpaceOnUse">'
        f'<rect width="6" height="6" fill="{back}"/><path d="{sign}" stroke="{colour}" stroke-width="2.2"/></pattern>'
    )


DEFINITIONS = "".join(
    (
        "<defs>",
        _gradient("enamel", ("0", "#F7ECD6"), ("0.35", ENAMEL), ("1", "#FFFFFF")),
        _gradient("root", ("0", "#EBD2A4"), ("1", ROOT)),
        _gradient("crown", ("0", "#E3B24A"), ("0.45", "#C48A17"), ("1", PALETTE["crown"])),
        _gradient("titanium", ("0", "#C9D2D9"), ("1", "#93A1AC")),
        _gradient("gum-upper", ("0", GUM), ("1", "#F3BDB5")),
        _gradient("gum-lower", ("0", "#F3BDB5"), ("1", GUM)),
        _hatch("damaged", "#F1DDC6", PALETTE["damaged"], "M -1 7 L 7 -1"),
        _hatch("sealed", "#D5EFEA", PALETTE["sealed"], "M 0 3 L 6 3"),
        _hatch("metal", "#AEB9C4", PALETTE["metal"], "M -1 -1 L 7 7 M -1 7 L 7 -1"),
        _hatch("somewhere", "#DCE8F5", PALETTE["filled"], "M -1 -1 L 7 7"),
        _hatch("unseen", "#F4F6F8", PALETTE["missing"], "M 2 3 h 1.5"),
        "</defs>",
    )
)
