"""DMFT and dmft: how many teeth caries has reached, counted as the World Health Organization counts them.

Source: WHO, Oral Health Surveys: Basic Methods, 5th edition (2013), chapter 2 "Dentition status". Of 32 permanent
teeth, wisdom teeth among them, and of 20 primary ones: D counts codes 1 and 2, F code 3, M code 4 and, from 30 years
of age on, code 5 too; sealed teeth (6), abutments, veneers and implants (7) count nowhere. A missing primary tooth
counts only while it is too early for it to have fallen out by itself. Extra teeth count nowhere.

Three choices where the survey's examiner decides and a record cannot: caries is counted from ICDAS 3, the first break
of the enamel, where it has a grade; a crown is taken to be there because of caries (3) unless it holds a bridge (7);
a tooth missing for a reason nobody recorded is missing "for another reason" (5).
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from cabinet.eruption import erupts_at
from cabinet.finding import ABSENT, RESTORING, Finding, FindingCode, FindingStatus, Material
from cabinet.tooth import is_deciduous, is_supernumerary, successor
from core.values import Int32, Value

_C, _S = FindingCode, FindingStatus


class DentitionStatus(StrEnum):
    """The codes 0 to 9 of the survey, in their order; primary teeth have letters there and the same meanings."""

    SOUND = "sound"
    CARIES = "caries"
    FILLED_WITH_CARIES = "filled_with_caries"
    FILLED = "filled"
    MISSING_CARIES = "missing_caries"
    MISSING_OTHER = "missing_other"
    SEALED = "sealed"
    ABUTMENT_OR_CROWN = "abutment_or_crown"
    UNERUPTED = "unerupted"
    NOT_RECORDED = "not_recorded"


class CariesIndex(Value):
    """DMFT of permanent teeth, dmft of primary ones: teeth decayed, missing and filled because of caries."""

    decayed: Int32
    missing: Int32
    filled: Int32
    total: Int32


_W = DentitionStatus
_BECAUSE_OF_CARIES = frozenset({_C.MISSING_CARIES, _C.MISSING_DISEASE})
_PLACES = (
    dict.fromkeys(ABSENT, _W.MISSING_OTHER)
    | dict.fromkeys(_BECAUSE_OF_CARIES, _W.MISSING_CARIES)
    | {
        _C.EXFOLIATED: _W.UNERUPTED,  # the place waits for the permanent tooth
        _C.UNERUPTED: _W.UNERUPTED,
        _C.IMPACTED: _W.UNERUPTED,
        _C.ROOT_REMNANT: _W.CARIES,
        _C.IMPLANT: _W.ABUTMENT_OR_CROWN,
        _C.NOT_ASSESSED: _W.NOT_RECORDED,
    }
)
_BREAKS_ENAMEL = 3
_FILLS = (RESTORING - {_C.VENEER}) | {_C.RESTORED, _C.CROWN}
_SPECIAL = frozenset({_C.BRIDGE_ABUTMENT, _C.VENEER})
_ANY_REASON_FROM = 30


def dentition_status(place: FindingCode, standing: Iterable[Finding]) -> DentitionStatus:
    """The survey's code of one tooth, from the last word on its presence and what stands on it."""
    if place in _PLACES:
        return _PLACES[place]
    seen = [finding for finding in standing if finding.status is not _S.PLANNED]
    decayed, filled = any(map(_decays, seen)), any(map(_fills, seen))
    if decayed or filled:
        return _W.FILLED if not decayed else _W.FILLED_WITH_CARIES if filled else _W.CARIES
    codes = {finding.code for finding in seen}
    if codes & _SPECIAL:
        return _W.ABUTMENT_OR_CROWN
    if _C.SEALANT in codes:
        return _W.SEALED
    return _W.NOT_RECORDED if _C.NOT_ASSESSED in codes else _W.SOUND


def _decays(finding: Finding) -> bool:
    if finding.code in (_C.CARIES, _C.SECONDARY_CARIES):
        return finding.status is not _S.WATCH and (finding.grade is None or finding.grade >= _BREAKS_ENAMEL)
    return finding.code in _FILLS and finding.material is Material.TEMPORARY


def _fills(finding: Finding) -> bool:
    return finding.code in _FILLS and finding.material is not Material.TEMPORARY


def caries_index(statuses: Mapping[str, DentitionStatus], age: int, *, deciduous: bool) -> CariesIndex:
    """The index of one dentition, from the status of each tooth (FDI) and the age in whole years."""
    counted = {
        tooth: status
        for tooth, status in statuses.items()
        if is_deciduous(tooth) is deciduous and not is_supernumerary(tooth)
    }
    decayed = sum(status in (_W.CARIES, _W.FILLED_WITH_CARIES) for status in counted.values())
    filled = sum(status is _W.FILLED for status in counted.values())
    missing = sum(_counts_as_missing(tooth, status, age) for tooth, status in counted.items())
    return CariesIndex(decayed=decayed, missing=missing, filled=filled, total=decayed + missing + filled)


def _counts_as_missing(tooth: str, status: DentitionStatus, age: int) -> bool:
    follows = successor(tooth)
    if follows is not None:
        return status is _W.MISSING_CARIES and age < erupts_at(follows)
    return status is _W.MISSING_CARIES or (status is _W.MISSING_OTHER and age >= _ANY_REASON_FROM)
