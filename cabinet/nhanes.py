"""What the dentists of NHANES saw, as findings: each code of their three assessments of a tooth position.

Source: National Health and Nutrition Examination Survey 2017-2018, Oral Health - Dentition (OHXDEN_J), CDC/NCHS:
tooth count (OHX..TC), coronal caries (OHX..CTC) and surface condition (OHX..CSC). A position is named by the
FDI code of its permanent tooth; codes of primary teeth speak of the tooth before it.
"""

from datetime import date
from enum import StrEnum

from cabinet.finding import Finding, FindingCode, Material
from cabinet.tooth import Surface, position, predecessor, quadrant, surfaces_of


class Assessment(StrEnum):
    TOOTH_COUNT = "tooth_count"
    CORONAL_CARIES = "coronal_caries"
    SURFACE_CONDITION = "surface_condition"


_C = FindingCode
_MEANS: dict[tuple[Assessment, str], tuple[FindingCode, ...]] = {
    (Assessment.TOOTH_COUNT, code): findings
    for code, findings in {
        "1": (_C.PRESENT,),
        "2": (_C.PRESENT,),
        "3": (_C.IMPLANT,),
        "4": (_C.MISSING,),
        "5": (_C.ROOT_REMNANT,),
        "9": (_C.NOT_ASSESSED,),
    }.items()
} | {
    (Assessment.CORONAL_CARIES, code): findings
    for code, findings in {
        "A": (_C.PRESENT, _C.RESTORED),
        "D": (_C.PRESENT, _C.SOUND),
        "E": (_C.MISSING_DISEASE,),
        "F": (_C.PRESENT, _C.RESTORED),
        "J": (_C.ROOT_REMNANT,),
        "K": (_C.PRESENT, _C.CARIES),
        "M": (_C.MISSING_OTHER,),
        "P": (_C.MISSING_DISEASE, _C.DENTURE),
        "Q": (_C.MISSING_OTHER, _C.DENTURE),
        "R": (_C.MISSING_DISEASE, _C.PONTIC),
        "S": (_C.PRESENT, _C.SOUND),
        "T": (_C.ROOT_REMNANT, _C.REPLACED),
        "U": (_C.UNERUPTED,),
        "X": (_C.MISSING_OTHER, _C.PONTIC),
        "Y": (_C.PRESENT, _C.NOT_ASSESSED),
        "Z": (_C.PRESENT, _C.CARIES),
    }.items()
}
_PRIMARY = {(Assessment.TOOTH_COUNT, "1"), *((Assessment.CORONAL_CARIES, code) for code in "ADK")}

_BITING = None
_V, _L, _M, _D = Surface.VESTIBULAR, Surface.LINGUAL, Surface.MESIAL, Surface.DISTAL
_ORDER = (_L, _BITING, _V, _M, _D)
_SURFACE_MEANS: dict[str, tuple[FindingCode, Surface | None, Material | None]] = {
    **{str(-4 - place): (_C.CARIES, surface, None) for place, surface in enumerate(_ORDER)},
    **{str(place): (_C.FILLING, surface, Material.AMALGAM) for place, surface in enumerate(_ORDER)},
    **{str(5 + place): (_C.FILLING, surface, Material.OTHER) for place, surface in enumerate(_ORDER)},
}
_CROWN = "-1"


def findings_of_nhanes(
    assessment: str, fdi: str, code: str, observed_on: date, *, primary: bool = False
) -> tuple[Finding, ...]:
    """The findings one code stands for. Raises ValueError for a code or position NHANES has not.

    Surface codes do not say which tooth stood there: pass `primary` where the tooth count said 1. No primary tooth
    belongs to the place of a permanent molar; one that is told of there (in 2017-2018 of nobody) can only be extra,
    behind the last one of its quadrant.
    """
    key = (Assessment(assessment), code)
    tooth = _primary(fdi) if primary or key in _PRIMARY else fdi
    if key[0] is Assessment.SURFACE_CONDITION:
        return (_on_surface(tooth, code, observed_on),)
    if key not in _MEANS:
        raise ValueError("no code of this assessment")
    return tuple(Finding(tooth, finding, observed_on) for finding in _MEANS[key])


def _primary(fdi: str) -> str:
    """The primary tooth at the place of a permanent one: 15 → 55, 16 → 55s1, 18 → 55s3."""
    return predecessor(fdi) or f"{quadrant(fdi) + 4}5s{position(fdi) - _LAST_PRIMARY}"


_LAST_PRIMARY = 5


def _on_surface(tooth: str, code: str, observed_on: date) -> Finding:
    if code == _CROWN:
        return Finding(tooth, _C.CROWN, observed_on)
    if code not in _SURFACE_MEANS:
        raise ValueError("no code of this assessment")
    finding, surface, material = _SURFACE_MEANS[code]
    biting = surfaces_of(tooth)[-1]  # "occlusal" of a front tooth is its edge
    return Finding(tooth, finding, observed_on, surfaces=(surface or biting,), material=material)
