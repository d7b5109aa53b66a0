"""The history of teeth: what still stands on a date, out of all findings ever made, in whatever order they came."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from uuid import UUID

from cabinet.finding import (
    ABSENT,
    COVERING,
    CROWN_WORK,
    DAMAGE,
    IN_GAP,
    PRESENCE,
    PULP,
    REPLACING,
    RESTORING,
    Finding,
    FindingCode,
    FindingStatus,
    may_stand,
)

_C, _S = FindingCode, FindingStatus
_RANK = {code: rank for rank, code in enumerate(FindingCode)}
_PHASE = {_S.PLANNED: 0, _S.RESOLVED: 2}
_LOST = ABSENT | {_C.ROOT_REMNANT, _C.IMPLANT}
_UNSEEN = (None, _C.NOT_ASSESSED)


@dataclass(slots=True)
class ToothHistory:
    """One tooth: the last word on what is there (None: nobody said), when, and what still stands on it."""

    place: FindingCode | None = None
    seen_on: date | None = None
    standing: list[Finding] = field(default_factory=list)
    set_aside: list[Finding] = field(default_factory=list)
    """Cannot be: surface findings on a tooth that was not there."""


def histories(findings: Iterable[Finding], at: date) -> dict[str, ToothHistory]:
    """By tooth, from the findings that hold `at`. The same whatever the order of `findings`."""
    teeth: dict[str, ToothHistory] = defaultdict(ToothHistory)
    for finding in sorted(in_force(findings, at), key=_moment):
        _apply(teeth[finding.tooth], finding)
    return dict(teeth)


def in_force(findings: Iterable[Finding], at: date) -> list[Finding]:
    """Of each series the version that holds `at`; nothing of a series that ended as entered in error."""
    alone: list[Finding] = []
    series: dict[UUID, list[Finding]] = defaultdict(list)
    for finding in findings:
        (alone if finding.series is None else series[finding.series]).append(finding)
    chosen = [*alone, *(version for versions in series.values() for version in _holding(versions, at))]
    return [each for each in chosen if each.observed_on <= at and each.status is not _S.ENTERED_IN_ERROR]


def _holding(versions: list[Finding], at: date) -> list[Finding]:
    ordered = sorted(versions, key=lambda finding: (finding.version, _moment(finding)))
    if ordered[-1].status is _S.ENTERED_IN_ERROR:
        return []
    corrected = {version.status: version for version in ordered}  # the last of each status
    due = [version for version in ordered if corrected[version.status] is version and version.observed_on <= at]
    return due[-1:]


def _moment(finding: Finding) -> tuple[object, ...]:
    """A total order by content: date, then plans, then what was found and done that day, then what ended."""
    phase = _PHASE.get(finding.status, 1)
    details = (finding.status.value, finding.surfaces, finding.material or "", finding.tooth)
    return (finding.observed_on, phase, _RANK[finding.code], *details)


def _apply(tooth: ToothHistory, finding: Finding) -> None:
    if finding.status is _S.RESOLVED:
        _resolve(tooth, finding)
    elif not may_stand(finding, _place_for(tooth, finding)):
        tooth.set_aside.append(finding)
    elif finding.status is _S.PLANNED:
        _say_again(tooth, finding)
    elif finding.code in PRESENCE:
        _take_place(tooth, finding)
    else:
        _put_on(tooth, finding)


def _place_for(tooth: ToothHistory, finding: Finding) -> FindingCode:
    if tooth.place is not None and tooth.place is not _C.NOT_ASSESSED:
        return tooth.place
    return _C.MISSING if finding.code in REPLACING else _C.PRESENT


def _resolve(tooth: ToothHistory, finding: Finding) -> None:
    tooth.standing = [left for old in tooth.standing if (left := _less(old, finding, same=True)) is not None]
    if tooth.place is finding.code:
        tooth.place = None


def _say_again(tooth: ToothHistory, finding: Finding) -> None:
    """In the place of what said the same before: so a tooth holds finitely many, however often it is said."""
    planned = finding.status is _S.PLANNED
    left = (_less(old, finding, same=True) if (old.status is _S.PLANNED) is planned else old for old in tooth.standing)
    tooth.standing = [*(old for old in left if old is not None), finding]


def _take_place(tooth: ToothHistory, finding: Finding) -> None:
    """Another word on what is there: it ends what cannot be on it, and begins anew where a tooth came back."""
    if finding.code is _C.NOT_ASSESSED and tooth.place not in _UNSEEN:
        _say_again(tooth, finding)  # it is there, but could not be looked at
        return
    back = tooth.place in _LOST and finding.code not in _LOST
    kept = [] if back else [old for old in tooth.standing if _survives(old, finding)]
    tooth.place, tooth.seen_on, tooth.standing = finding.code, finding.observed_on, [*kept, finding]


def _survives(old: Finding, word: Finding) -> bool:
    if old.code in PRESENCE:
        done = old.code is word.code or (old.code is _C.EXTRACTED and word.code in ABSENT)
        return old.status is _S.PLANNED and not done
    return may_stand(old, word.code)


def _put_on(tooth: ToothHistory, finding: Finding) -> None:
    tooth.standing = [left for old in tooth.standing if (left := _less(old, finding)) is not None]
    tooth.standing.append(finding)
    if finding.code in IN_GAP:
        return
    if tooth.place in (*_UNSEEN, _C.UNERUPTED):
        tooth.place = _place_for(tooth, finding) if tooth.place in _UNSEEN else _C.PRESENT
        tooth.standing = [old for old in tooth.standing if old.code not in PRESENCE or old.status is _S.PLANNED]
    if finding.code not in REPLACING:
        tooth.seen_on = finding.observed_on


def _less(old: Finding, new: Finding, *, same: bool = False) -> Finding | None:
    """What is left of `old` once `new` came: all, its other surfaces, or nothing."""
    if not (old.code is new.code if same else _ends(old, new)):
        return old
    if _wholly(old, new):
        return None
    left = tuple(surface for surface in old.surfaces if surface not in new.surfaces)
    if left == old.surfaces:
        return old
    return replace(old, surfaces=left) if left else None


def _ends(old: Finding, new: Finding) -> bool:
    if old.code is new.code:
        return True
    if old.observed_on == new.observed_on and new.status is not _S.COMPLETED and old.code is not _C.RESTORED:
        return False  # found together: caries beside a filling of the same examination is still there
    if new.code in COVERING and old.code in CROWN_WORK:
        return True
    if new.code in RESTORING and old.status is not _S.PLANNED:
        return old.code in DAMAGE | RESTORING | {_C.SEALANT, _C.RESTORED}
    return (new.code is _C.ROOT_CANAL and old.code in PULP) or (new.code in REPLACING and old.code in REPLACING)


def _wholly(old: Finding, new: Finding) -> bool:
    """Not surface by surface: work that covers the crown, plans that were carried out, whole-tooth findings."""
    if new.code in COVERING or old.code is _C.RESTORED:
        return True
    if not new.surfaces:
        return not old.surfaces or (old.code is new.code and (old.status is _S.PLANNED or new.status is _S.RESOLVED))
    return old.code is new.code and not old.surfaces
