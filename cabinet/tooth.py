"""Teeth: their names in three notations, their neighbours in time, and the surfaces each one has.

Inside Enamel a tooth is its FDI code (ISO 3950) as text: `11` to `48` permanent, `51` to `85` deciduous,
an extra tooth beside one of them with a suffix (`11s`, `11s2`; HL7 v3 Dentition). 35 of the 52 FDI codes
are also legal Universal codes, so whoever names a tooth to us says in which notation. Universal and Palmer are
for reading in and for showing.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache

FDI_PATTERN = r"^([1-4][1-8]|[5-8][1-5])(s[1-9]?)?$"
_FDI = re.compile(FDI_PATTERN)
_UNIVERSAL = re.compile(r"^([1-9]|[1-7][0-9]|8[0-2]|[A-T]S?)$")
_PALMER = re.compile(r"^(UR|UL|LL|LR)([1-8A-E])(s[1-9]?)?$")


class Notation(StrEnum):
    FDI = "fdi"
    UNIVERSAL = "universal"
    """American: 1 to 32 and A to T, clockwise from the patient's upper right; extra teeth 51 to 82, AS to TS."""
    PALMER = "palmer"
    """British, as it is typed: the quadrant and the place from the middle, `UR6`, milk teeth `URE`, extra `UR1s`."""


class Surface(StrEnum):
    """The canonical letters. B and F (buccal, facial) are V; P (palatal) is L."""

    MESIAL = "M"
    DISTAL = "D"
    VESTIBULAR = "V"
    LINGUAL = "L"
    OCCLUSAL = "O"
    INCISAL = "I"


class ToothKind(StrEnum):
    CENTRAL_INCISOR = "central_incisor"
    LATERAL_INCISOR = "lateral_incisor"
    CANINE = "canine"
    FIRST_PREMOLAR = "first_premolar"
    SECOND_PREMOLAR = "second_premolar"
    FIRST_MOLAR = "first_molar"
    SECOND_MOLAR = "second_molar"
    THIRD_MOLAR = "third_molar"


_SYNONYMS = {"B": "V", "F": "V", "P": "L"}
_FRONT = 3
# What the ADA adds to a permanent tooth's number for an extra tooth beside it; deciduous letters get an S.
_EXTRA = 50
_DECIDUOUS_QUADRANTS = "5678"
_KINDS = tuple(ToothKind)
_DECIDUOUS_KINDS = (*_KINDS[:_FRONT], ToothKind.FIRST_MOLAR, ToothKind.SECOND_MOLAR)


def _around(upper_right: int, size: int) -> list[str]:
    """One jaw after the other as Universal counts: upper right to left, then lower left to right."""
    ends = range(size, 0, -1), range(1, size + 1)
    quadrants = (
        (upper_right, ends[0]),
        (upper_right + 1, ends[1]),
        (upper_right + 2, ends[0]),
        (upper_right + 3, ends[1]),
    )
    return [f"{quadrant}{position}" for quadrant, positions in quadrants for position in positions]


_CLOCKWISE = _around(1, 8)
_DECIDUOUS_CLOCKWISE = _around(5, 5)
_FDI_OF: dict[str, str] = {str(number): tooth for number, tooth in enumerate(_CLOCKWISE, 1)}
_FDI_OF |= {chr(ord("A") + index): tooth for index, tooth in enumerate(_DECIDUOUS_CLOCKWISE)}
_UNIVERSAL_OF = {tooth: code for code, tooth in _FDI_OF.items()}

# As a chart shows them: upper jaw, then lower, each from the patient's right to the left.
PERMANENT: tuple[str, ...] = (*_CLOCKWISE[:16], *reversed(_CLOCKWISE[16:]))
DECIDUOUS: tuple[str, ...] = (*_DECIDUOUS_CLOCKWISE[:10], *reversed(_DECIDUOUS_CLOCKWISE[10:]))


def is_tooth(code: str) -> bool:
    return _FDI.fullmatch(code) is not None


def quadrant(tooth: str) -> int:
    """1 to 4 permanent, 5 to 8 deciduous: upper right, upper left, lower left, lower right."""
    return int(tooth[0])


def position(tooth: str) -> int:
    """1 is next to the middle; 8 is the wisdom tooth."""
    return int(tooth[1])


def is_deciduous(tooth: str) -> bool:
    return tooth[0] in _DECIDUOUS_QUADRANTS


def is_upper(tooth: str) -> bool:
    return tooth[0] in "1256"


def is_right(tooth: str) -> bool:
    """On the patient's right, which is the viewer's left."""
    return tooth[0] in "1458"


def is_supernumerary(tooth: str) -> bool:
    return "s" in tooth


def is_front(tooth: str) -> bool:
    """Incisors and canines: they bite with an edge, not with a face."""
    return position(tooth) <= _FRONT


def kind(tooth: str) -> ToothKind:
    kinds = _DECIDUOUS_KINDS if is_deciduous(tooth) else _KINDS
    return kinds[position(tooth) - 1]


def successor(tooth: str) -> str | None:
    """The permanent tooth that takes a deciduous one's place (55 → 15)."""
    if not is_deciduous(tooth) or is_supernumerary(tooth):
        return None
    return f"{quadrant(tooth) - 4}{position(tooth)}"


def predecessor(tooth: str) -> str | None:
    """The deciduous tooth that stood there before (15 → 55); molars come without one."""
    if is_deciduous(tooth) or is_supernumerary(tooth) or position(tooth) > len(_DECIDUOUS_KINDS):
        return None
    return f"{quadrant(tooth) + 4}{position(tooth)}"


def surfaces_of(tooth: str) -> tuple[Surface, ...]:
    """The five surfaces this tooth has, in canonical order."""
    biting = Surface.INCISAL if is_front(tooth) else Surface.OCCLUSAL
    return (Surface.MESIAL, Surface.DISTAL, Surface.VESTIBULAR, Surface.LINGUAL, biting)


def canonical_surfaces(letters: Iterable[str], tooth: str) -> tuple[Surface, ...]:
    """`letters` (any of M D V B F L P O I) as surfaces of `tooth`, each once, in canonical order.

    Raises ValueError for a letter that names nothing or a surface this tooth has not.
    """
    wanted = {_SYNONYMS.get(letter, letter) for letter in letters}
    legal = surfaces_of(tooth)
    if not wanted <= {surface.value for surface in legal}:
        raise ValueError("surface not on this tooth")
    return tuple(surface for surface in legal if surface.value in wanted)


def fdi(code: str, notation: Notation) -> str:
    """The FDI code of a tooth named in `notation`. Raises ValueError for what names no tooth there."""
    if notation is Notation.PALMER:
        return _from_palmer(code)
    if notation is Notation.UNIVERSAL:
        return _from_universal(code)
    if not is_tooth(code):
        raise ValueError("unknown tooth")
    return code


@cache
def named(tooth: str, notation: Notation) -> str:
    """What a tooth (FDI) is called in `notation`.

    ADA has one name for an extra tooth beside each: `58` is `11s`. Enamel's `11s1` to `11s9` are shown as `58-1`
    to `58-9`, so that no two teeth are called the same; they cannot be read back.
    """
    if notation is Notation.FDI:
        return tooth
    if notation is Notation.PALMER:
        place = _PALMER_LETTERS[position(tooth) - 1] if is_deciduous(tooth) else tooth[1]
        return _PALMER_QUADRANTS[(quadrant(tooth) - 1) % 4] + place + tooth[2:]
    plain = _UNIVERSAL_OF[tooth[:2]]
    if not is_supernumerary(tooth):
        return plain
    extra = plain + "S" if is_deciduous(tooth) else str(int(plain) + _EXTRA)
    return "-".join(filter(None, (extra, tooth[3:])))


_PALMER_QUADRANTS = ("UR", "UL", "LL", "LR")
_PALMER_LETTERS = "ABCDE"


def _from_palmer(code: str) -> str:
    parts = _PALMER.fullmatch(code)
    if parts is None:
        raise ValueError("unknown tooth")
    corner, place, extra = _PALMER_QUADRANTS.index(parts[1]) + 1, parts[2], parts[3] or ""
    milk = place in _PALMER_LETTERS
    return f"{corner + 4}{_PALMER_LETTERS.index(place) + 1}{extra}" if milk else f"{corner}{place}{extra}"


def _from_universal(code: str) -> str:
    if _UNIVERSAL.fullmatch(code) is None:
        raise ValueError("unknown tooth")
    if code in _FDI_OF:
        return _FDI_OF[code]
    plain = code[:-1] if code.endswith("S") else str(int(code) - _EXTRA)
    if plain not in _FDI_OF:
        raise ValueError("unknown tooth")
    return _FDI_OF[plain] + "s"


def in_chart_order(teeth: Iterable[str]) -> list[str]:
    """Upper jaw first, right to left, an extra tooth after the one it stands by, permanent before deciduous."""
    return sorted(teeth, key=lambda tooth: (_PLACES[tooth[:2]], tooth))


_PLACES = {tooth: place for place, tooth in enumerate((*PERMANENT, *DECIDUOUS))}
