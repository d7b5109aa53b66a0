"""Shapes of teeth: crowns, roots, canals and the five surfaces, as SVG paths.

Each is drawn as in the patient's upper right jaw: the neck at the origin, the root up (negative y), the crown
down, the middle of the mouth to the right. The other three quadrants are mirror images.
"""

from dataclasses import dataclass
from functools import cache

from cabinet.tooth import Surface, ToothKind, is_deciduous, is_front, is_upper, kind


@dataclass(frozen=True, slots=True)
class Shape:
    """Paths, and the measures that marks are placed by: half the crown's width, its height, the root's length."""

    crown: str
    roots: tuple[str, ...]
    canals: tuple[str, ...]
    apices: tuple[tuple[float, float], ...]
    half: float
    height: float
    length: float


@dataclass(frozen=True, slots=True)
class _Measure:
    neck: float
    half: float
    height: float
    length: float
    roots: int = 1


_K = ToothKind
_UPPER = {
    _K.CENTRAL_INCISOR: _Measure(12.5, 18.5, 43, 66),
    _K.LATERAL_INCISOR: _Measure(10, 14.5, 38, 66),
    _K.CANINE: _Measure(12, 17, 45, 80),
    _K.FIRST_PREMOLAR: _Measure(12, 17, 38, 66, roots=2),
    _K.SECOND_PREMOLAR: _Measure(12, 17, 37, 66),
    _K.FIRST_MOLAR: _Measure(20, 26, 37, 64, roots=3),
    _K.SECOND_MOLAR: _Measure(19, 25, 36, 62, roots=3),
    _K.THIRD_MOLAR: _Measure(17, 22, 33, 52, roots=3),
}
_LOWER = {
    _K.CENTRAL_INCISOR: _Measure(8.5, 12, 37, 60),
    _K.LATERAL_INCISOR: _Measure(9, 13, 38, 63),
    _K.CANINE: _Measure(11.5, 16, 45, 76),
    _K.FIRST_PREMOLAR: _Measure(11.5, 16, 38, 66),
    _K.SECOND_PREMOLAR: _Measure(12, 17, 37, 66),
    _K.FIRST_MOLAR: _Measure(21, 27, 36, 64, roots=2),
    _K.SECOND_MOLAR: _Measure(20, 26, 35, 62, roots=2),
    _K.THIRD_MOLAR: _Measure(18, 23, 33, 52, roots=2),
}
# Milk teeth are shorter and rounder, their molars' roots stand wide apart.
_MILK_HEIGHT, _MILK_LENGTH = 0.84, 0.86


@cache
def shape_of(tooth: str) -> Shape:
    measure = _measure(tooth)
    roots, canals, apices = _ROOTED[measure.roots](measure)
    return Shape(_crown(tooth, measure), roots, canals, apices, measure.half, measure.height, measure.length)


def _measure(tooth: str) -> _Measure:
    found = (_UPPER if is_upper(tooth) else _LOWER)[kind(tooth)]
    if not is_deciduous(tooth):
        return found
    return _Measure(
        found.neck * 0.95, found.half, found.height * _MILK_HEIGHT, found.length * _MILK_LENGTH, found.roots
    )


def _path(*parts: str | float) -> str:
    return " ".join(part if isinstance(part, str) else f"{part:.1f}" for part in parts)


def _crown(tooth: str, m: _Measure) -> str:
    b, h, n = m.half, m.height, m.neck
    line = 7.0 if is_front(tooth) else 4.0
    right = ("M", -n, 0.0, "Q", 0.0, -line, n, 0.0, "C", n + 2, h * 0.2, b, h * 0.4, b * 0.98, h * 0.64)
    left = ("C", -b, h * 0.4, -n - 2, h * 0.2, -n, 0.0, "Z")
    return _path(*right, *_edge(tooth, b, h), *left)


_Parts = tuple[str | float, ...]


def _is_molar(tooth: str) -> bool:
    return kind(tooth).endswith("_molar")


def _edge(tooth: str, b: float, h: float) -> _Parts:
    """The biting end: straight for incisors, one point for canines and premolars, two cusps for molars."""
    if _is_molar(tooth):
        return _cusps(b, h)
    return _point(b, h, 0.22 if kind(tooth) is ToothKind.CANINE else 0.42) if not _bites(tooth) else _straight(b, h)


def _bites(tooth: str) -> bool:
    return kind(tooth) in (ToothKind.CENTRAL_INCISOR, ToothKind.LATERAL_INCISOR)


def _straight(b: float, h: float) -> _Parts:
    near: _Parts = ("C", b * 0.96, h * 0.94, b * 0.9, h, b * 0.66, h, "L", -b * 0.72, h * 0.985)
    return (*near, "C", -b * 0.92, h * 0.98, -b * 0.97, h * 0.88, -b * 0.98, h * 0.64)


def _point(b: float, h: float, blunt: float) -> _Parts:
    near: _Parts = ("C", b * 0.94, h * 0.82, b * blunt, h, 0.0, h)
    return (*near, "C", -b * blunt, h, -b * 0.94, h * 0.82, -b * 0.98, h * 0.64)


def _cusps(b: float, h: float) -> _Parts:
    near: _Parts = ("C", b * 0.96, h * 0.98, b * 0.72, h, b * 0.5, h, "C", b * 0.26, h, b * 0.14, h * 0.84)
    far: _Parts = (0.0, h * 0.84, "C", -b * 0.14, h * 0.84, -b * 0.26, h * 0.97, -b * 0.5, h * 0.97)
    return (*near, *far, "C", -b * 0.72, h * 0.97, -b * 0.96, h * 0.96, -b * 0.98, h * 0.64)


_Rooted = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[float, float], ...]]


def _cone(n: float, length: float, x: float = 0.0) -> str:
    """One root whose tip leans away from the middle."""
    tip = x - 2.5
    down = ("M", x - n, 1.0, "C", x - n, -length * 0.45, tip - 3.5, -length * 0.97, tip, -length)
    return _path(*down, "C", tip + 3.5, -length, x + n, -length * 0.5, x + n, 1.0, "Q", x, -6.0, x - n, 1.0, "Z")


def _one_root(m: _Measure) -> _Rooted:
    canal = _path("M", 0.0, 9.0, "C", 0.5, -m.length * 0.3, -0.5, -m.length * 0.6, -2.2, -m.length * 0.92)
    return (_cone(m.neck, m.length),), (canal,), ((-2.5, -m.length),)


def _two_in_line(m: _Measure) -> _Rooted:
    """The upper first premolar: an outer root, and an inner one that shows beside it."""
    back = _cone(m.neck * 0.62, m.length * 0.94, m.neck * 0.36)
    front = _cone(m.neck * 0.74, m.length * 0.98, -m.neck * 0.24)
    length, x = m.length, m.neck * 0.3
    canals = tuple(
        _path(
            "M",
            0.0,
            9.0,
            "C",
            side * x,
            -length * 0.2,
            side * x * 1.2,
            -length * 0.6,
            side * x * 1.2 - 2,
            -length * 0.86,
        )
        for side in (-1, 1)
    )
    return (back, front), canals, ((-m.neck * 0.24 - 2.5, -length * 0.98), (m.neck * 0.36 - 2.5, -length * 0.94))


def _pair(m: _Measure, length: float) -> str:
    n, fork = m.neck, -length * 0.26
    away = ("M", -n, 1.0, "C", -n * 1.12, -length * 0.4, -n * 1.08, -length * 0.94, -n * 0.78, -length)
    inner = ("C", -n * 0.5, -length * 0.98, -n * 0.34, -length * 0.5, 0.0, fork)
    outer = ("C", n * 0.3, -length * 0.55, n * 0.36, -length, n * 0.6, -length)
    return _path(
        *away, *inner, *outer, "C", n * 0.92, -length, n * 1.08, -length * 0.4, n, 1.0, "Q", 0.0, -5.0, -n, 1.0, "Z"
    )


def _pair_canals(m: _Measure, length: float) -> tuple[str, ...]:
    n = m.neck
    away = _path("M", -n * 0.3, 9.0, "C", -n * 0.72, -length * 0.1, -n * 0.78, -length * 0.6, -n * 0.76, -length * 0.9)
    near = _path("M", n * 0.3, 9.0, "C", n * 0.66, -length * 0.1, n * 0.68, -length * 0.6, n * 0.6, -length * 0.9)
    return (away, near, _path("M", -n * 0.3, 9.0, "Q", 0.0, 11.0, n * 0.3, 9.0))


def _two_roots(m: _Measure) -> _Rooted:
    apices = ((-m.neck * 0.78, -m.length), (m.neck * 0.6, -m.length))
    return (_pair(m, m.length),), _pair_canals(m, m.length), apices


def _three_roots(m: _Measure) -> _Rooted:
    """The upper molars: two outer roots, and the inner one between and behind them."""
    length = m.length * 0.9
    inner = _cone(m.neck * 0.5, m.length * 1.06, 1.5)
    canals = _pair_canals(m, length)
    middle = _path("M", 0.0, 8.0, "L", -0.6, -m.length * 0.97)
    apices = ((-m.neck * 0.78, -length), (m.neck * 0.6, -length), (-1.0, -m.length * 1.06))
    return (inner, _pair(m, length)), (*canals, middle), apices


def _roots_of_premolar_or_molar(m: _Measure) -> _Rooted:
    widest_premolar = 15.0
    return _two_in_line(m) if m.neck < widest_premolar else _two_roots(m)


_ROOTED = {1: _one_root, 2: _roots_of_premolar_or_molar, 3: _three_roots}

SCREW = "M -7 2 L -7 -8 L -5.6 -44 Q -5 -54 0 -56 Q 5 -54 5.6 -44 L 7 -8 L 7 2 Z"
THREADS = "M -9 -8 L 9 -12 M -9 -16 L 9 -20 M -8.5 -24 L 8.5 -28 M -8 -32 L 8 -36 M -7 -40 L 7 -44 M -5.5 -47 L 5.5 -50"
ABUTMENT = "M -7 2 L -5 16 Q 0 19 5 16 L 7 2 Z"


@cache
def surface_paths(tooth: str) -> dict[Surface, str]:
    """The crown seen from its biting side, in a box 34 to 44 wide: four sides around the biting surface."""
    a, b = (16.5, 13.5) if is_front(tooth) else (19.0, 19.0) if _is_molar(tooth) else (16.0, 18.0)
    ia, ib = (a * 0.62, b * 0.2) if is_front(tooth) else (a * 0.5, b * 0.46)
    biting = Surface.INCISAL if is_front(tooth) else Surface.OCCLUSAL
    return {
        Surface.VESTIBULAR: _side((-a, -b), (a, -b), (-ia, -ib), (ia, -ib), (0.0, -b * 1.32)),
        Surface.LINGUAL: _side((a, b), (-a, b), (ia, ib), (-ia, ib), (0.0, b * 1.32)),
        Surface.MESIAL: _side((a, -b), (a, b), (ia, -ib), (ia, ib), (a * 1.3, 0.0)),
        Surface.DISTAL: _side((-a, b), (-a, -b), (-ia, ib), (-ia, -ib), (-a * 1.3, 0.0)),
        biting: _path(
            *("M", -ia, -ib, "Q", 0.0, -ib * 1.5, ia, -ib, "Q", ia * 1.25, 0.0, ia, ib),
            *("Q", 0.0, ib * 1.5, -ia, ib, "Q", -ia * 1.25, 0.0, -ia, -ib, "Z"),
        ),
    }


_Point = tuple[float, float]
_CORNER = 0.8


def _side(start: _Point, end: _Point, inner_start: _Point, inner_end: _Point, bulge: _Point) -> str:
    """One side: along the outer curve, in at the corner, back along the edge of the biting surface."""
    (x0, y0), (x1, y1) = ((x * _CORNER, y * _CORNER) for x, y in (start, end))
    middle = ((inner_start[0] + inner_end[0]) / 2, (inner_start[1] + inner_end[1]) / 2)
    bend = (middle[0] * (1.25 if middle[0] else 0.0), middle[1] * (1.5 if middle[1] else 0.0))
    return _path(
        *("M", x0, y0, "Q", bulge[0], bulge[1], x1, y1, "L", inner_end[0], inner_end[1]),
        *("Q", bend[0], bend[1], inner_start[0], inner_start[1], "Z"),
    )
