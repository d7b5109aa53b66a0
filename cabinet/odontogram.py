"""The odontogram: every tooth of a mouth on a date, each with its state, surfaces and work, folded from findings.

Which teeth are there follows from findings about presence; where nobody has looked, from age
(`cabinet.eruption`). A milk tooth seen before its time to fall out is not expected after it.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from functools import lru_cache

from cabinet.chart_spans import spans
from cabinet.chart_words import in_language
from cabinet.dmft import caries_index, dentition_status
from cabinet.eruption import ADULT, erupts_at, expected_until, shed_by
from cabinet.finding import (
    ABSENT,
    COVERING,
    DAMAGE,
    IN_GAP,
    PRESENCE,
    REPLACING,
    RESTORING,
    Finding,
    FindingCode,
    FindingStatus,
)
from cabinet.perio import GumState, PerioExam, gums, last_exam, summary
from cabinet.tooth import (
    DECIDUOUS,
    PERMANENT,
    Notation,
    Surface,
    in_chart_order,
    is_deciduous,
    is_supernumerary,
    named,
    position,
    predecessor,
    successor,
    surfaces_of,
)
from cabinet.tooth_history import ToothHistory, histories
from cabinet.tooth_state import (
    Dentition,
    Odontogram,
    Presence,
    Replacement,
    StandingFinding,
    SurfaceCondition,
    SurfaceState,
    ToothState,
)
from core.dates import whole_years

__all__ = ["Odontogram", "odontogram"]

_C, _S = FindingCode, FindingStatus
_WISDOM = 8


def odontogram(
    findings: Iterable[Finding], birth_date: date, at: date, exams: Iterable[PerioExam] = (), language: str = "en"
) -> Odontogram:
    """The mouth as it was `at`, in words of `language`.

    Findings may come in any order and in several versions (see `Finding`), `exams` of the gums in any order.
    """
    exams = list(exams)
    known, age = histories(findings, at), whole_years(birth_date, at)
    said = {tooth: _said(tooth, history, birth_date, age) for tooth, history in known.items()}
    places = {tooth: said.get(tooth) or _expected(tooth, age, said) for tooth in {*PERMANENT, *DECIDUOUS, *known}}
    dentition = _dentition(places, age)
    bare = [_tooth(tooth, places[tooth], known.get(tooth)) for tooth in _shown(dentition, places, known)]
    exam = last_exam(exams, at)
    teeth = _with_gums(bare, gums(exams, at), known)
    statuses = {tooth.tooth: tooth.dentition_status for tooth in teeth}
    here = [tooth for tooth in teeth if tooth.presence in (Presence.PRESENT, Presence.ERUPTING)]
    standing = [finding for tooth in teeth for finding in _standing(places[tooth.tooth], known.get(tooth.tooth))]
    dates = [finding.observed_on for history in known.values() for finding in (*history.standing, *history.set_aside)]
    chart = Odontogram(
        dentition=dentition,
        last_finding_on=max(dates, default=None),
        teeth=teeth,
        milk_teeth=sum(tooth.deciduous for tooth in here),
        permanent_teeth=sum(not tooth.deciduous for tooth in here),
        dmft=caries_index(statuses, age, deciduous=False),
        milk_dmft=caries_index(statuses, age, deciduous=True),
        spans=spans(standing),
        perio=None if exam is None else summary(exam),
        contradictions=sum(len(history.set_aside) for history in known.values()),
    )
    return in_language(chart, language)


def _with_gums(
    teeth: list[ToothState], probed: Mapping[str, GumState], known: Mapping[str, ToothHistory]
) -> list[ToothState]:
    """Each tooth with what was probed around it, unless it was lost since or another stands in its place."""
    return [
        tooth.model_copy(update={"gum": probed[tooth.tooth]})
        if tooth.tooth in probed
        and tooth.presence in _PROBED
        and _was_there(known.get(tooth.tooth), probed[tooth.tooth])
        else tooth
        for tooth in teeth
    ]


def _was_there(history: ToothHistory | None, gum: GumState) -> bool:
    return history is None or history.changed_on is None or history.changed_on <= gum.examined_on


_PROBED = frozenset({Presence.PRESENT, Presence.ERUPTING, Presence.IMPLANT, Presence.UNKNOWN})


Places = Mapping[str, FindingCode]
_IN_MOUTH = frozenset({_C.PRESENT, _C.ERUPTING, _C.ROOT_REMNANT, _C.IMPLANT})


def _said(tooth: str, history: ToothHistory, birth_date: date, age: int) -> FindingCode | None:
    """What findings say is there; None where they say nothing, or spoke of a time that is over."""
    place, seen_on = history.place, history.seen_on
    if is_supernumerary(tooth):
        return place
    milk = is_deciduous(tooth) and place in (None, _C.PRESENT)
    if milk and age < ADULT and any(map(_is_for_a_tooth, history.standing)):
        return _C.PRESENT
    if place is None or seen_on is None:
        return place
    seen_at = whole_years(birth_date, seen_on)
    if milk:
        return None if seen_at < shed_by(tooth) and expected_until(tooth, seen_at) <= age else place
    passing = place in (_C.UNERUPTED, _C.ERUPTING)
    return None if passing and seen_at < erupts_at(tooth) <= age else place


def _is_for_a_tooth(finding: Finding) -> bool:
    """Planned work that nobody plans for a gap: who planned it takes the tooth to be there."""
    planned = finding.status is _S.PLANNED
    return planned and (finding.code is _C.EXTRACTED or finding.code not in PRESENCE | REPLACING | IN_GAP)


def _expected(tooth: str, age: int, said: Mapping[str, FindingCode | None]) -> FindingCode:
    """What is there by age, and by what is known of the tooth that comes after it or was before it."""
    if is_supernumerary(tooth):
        return _C.PRESENT
    follows, before = successor(tooth), predecessor(tooth)
    if age < erupts_at(tooth):
        return _C.UNERUPTED
    if follows is not None:
        gone = age >= erupts_at(follows) or said.get(follows) in _IN_MOUTH - {_C.ERUPTING}
        return _C.EXFOLIATED if gone else _C.PRESENT
    if before is not None and said.get(before) is _C.PRESENT:
        return _C.UNERUPTED
    return _C.NOT_ASSESSED if position(tooth) == _WISDOM else _C.PRESENT


def _dentition(places: Places, age: int) -> Dentition:
    here = {is_deciduous(tooth) for tooth, place in places.items() if place in _IN_MOUTH}
    if age >= ADULT:
        return Dentition.PERMANENT  # a milk tooth kept by an adult is shown beside the permanent ones
    if here == {True, False}:
        return Dentition.MIXED
    return Dentition.DECIDUOUS if here == {True} or age < erupts_at("16") else Dentition.PERMANENT


_POSITIONS = {
    Dentition.PERMANENT: PERMANENT,
    Dentition.DECIDUOUS: DECIDUOUS,
    Dentition.MIXED: (*PERMANENT, *DECIDUOUS),
}


def _shown(dentition: Dentition, places: Places, known: Mapping[str, ToothHistory]) -> list[str]:
    """Every position of the dentition, and beyond it what is known to be there."""
    positions = _POSITIONS[dentition]
    beyond = {
        tooth for tooth in known if places[tooth] in _IN_MOUTH or (known[tooth].standing and not is_deciduous(tooth))
    }
    return in_chart_order({*positions, *beyond})


def _standing(place: FindingCode, history: ToothHistory | None) -> tuple[Finding, ...]:
    """What stands on a tooth; nothing where it fell out in the meantime, with all that was on it."""
    if history is None or (place in ABSENT and history.place not in ABSENT and history.place is not None):
        return ()
    return tuple(history.standing)


def _tooth(tooth: str, place: FindingCode, history: ToothHistory | None) -> ToothState:
    standing = _standing(place, history)
    assumed = history is None or history.place is not place
    return _state(tooth, place, standing, assumed=assumed) if standing else _bare(tooth, place, assumed)


@lru_cache(maxsize=2048)
def _bare(tooth: str, place: FindingCode, assumed: bool) -> ToothState:
    """Most teeth of most mouths: the same value again and again."""
    return _state(tooth, place, (), assumed=assumed)


_PRESENCE = {_C.NOT_ASSESSED: Presence.UNKNOWN} | dict.fromkeys(ABSENT, Presence.MISSING)


def _state(tooth: str, place: FindingCode, standing: tuple[Finding, ...], *, assumed: bool) -> ToothState:
    real = [finding for finding in standing if finding.status is not _S.PLANNED]
    codes = {finding.code for finding in real}
    presence = _PRESENCE.get(place) or Presence(place.value)
    return ToothState(
        tooth=tooth,
        universal=named(tooth, Notation.UNIVERSAL),
        palmer=named(tooth, Notation.PALMER),
        deciduous=is_deciduous(tooth),
        presence=presence,
        assumed=assumed,
        crowned=bool(codes & COVERING),
        root_canal=_C.ROOT_CANAL in codes,
        replacement=_replacement(codes),
        planned=len(real) < len(standing),
        dentition_status=dentition_status(place, standing),
        gum=None,
        surfaces=[_surface(surface, presence, standing) for surface in surfaces_of(tooth)],
        findings=[_line(finding) for finding in standing],
        text="",
    )


def _surface(surface: Surface, presence: Presence, standing: tuple[Finding, ...]) -> SurfaceState:
    here = [finding for finding in standing if surface in _shown_on(finding)]
    real = {finding.code for finding in here if finding.status is not _S.PLANNED}
    covered = any(finding.code in COVERING and finding.status is not _S.PLANNED for finding in standing)
    return SurfaceState(
        surface=surface,
        condition=_worst(real) or (SurfaceCondition.COVERED if covered else _untouched(presence, standing)),
        planned=any(finding.status is _S.PLANNED for finding in here),
    )


_OUTER = frozenset({Surface.VESTIBULAR})
_BITING = frozenset({Surface.OCCLUSAL, Surface.INCISAL})
_UNNAMED = {_C.VENEER: _OUTER} | dict.fromkeys((RESTORING | {_C.RESTORED, _C.SEALANT}) - {_C.VENEER}, _BITING)


def _shown_on(finding: Finding) -> Collection[Surface]:
    """The surfaces that show a finding: those it names, else for work on the crown where it mostly sits.

    A veneer is outside by its nature. Of fillings, inlays, onlays and sealants the biting side is a guess, but a
    tooth that looks untouched would be false for certain. `StandingFinding.surfaces` stays as it was told.
    """
    return finding.surfaces or _UNNAMED.get(finding.code, ())


def _worst(codes: set[FindingCode]) -> SurfaceCondition | None:
    """What a patient should see first of a surface."""
    if codes & {_C.CARIES, _C.SECONDARY_CARIES, _C.ROOT_CARIES}:
        return SurfaceCondition.CARIES
    if codes & DAMAGE:
        return SurfaceCondition.DAMAGED
    if codes & (RESTORING | {_C.RESTORED}):
        return SurfaceCondition.FILLED
    return SurfaceCondition.SEALED if _C.SEALANT in codes else None


_UNTOUCHED = {
    Presence.PRESENT: SurfaceCondition.SOUND,
    Presence.ERUPTING: SurfaceCondition.SOUND,
    Presence.MISSING: SurfaceCondition.ABSENT,
    Presence.ROOT_REMNANT: SurfaceCondition.ABSENT,
    Presence.IMPLANT: SurfaceCondition.ABSENT,
}


def _untouched(presence: Presence, standing: tuple[Finding, ...]) -> SurfaceCondition:
    if any(finding.code is _C.NOT_ASSESSED for finding in standing):
        return SurfaceCondition.UNKNOWN
    return _UNTOUCHED.get(presence, SurfaceCondition.UNKNOWN)


def _replacement(codes: set[FindingCode]) -> Replacement | None:
    if _C.PONTIC in codes:
        return Replacement.BRIDGE
    if _C.DENTURE in codes:
        return Replacement.DENTURE
    return Replacement.OTHER if _C.REPLACED in codes else None


def _line(finding: Finding) -> StandingFinding:
    return StandingFinding(
        finding_id=finding.series,
        code=finding.code,
        status=finding.status,
        surfaces=list(finding.surfaces),
        material=finding.material,
        group=finding.group,
        grade=finding.grade,
        canals=finding.canals,
        observed_on=finding.observed_on,
        text="",
    )
