"""The history of teeth: what still stands on a date, out of all findings ever made, in whatever order they came."""

from collections import defaultdict
from collections.abc import Iterable, Set
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
    UNSOUND,
    Finding,
    FindingCode,
    FindingStatus,
    may_stand,
)
from cabinet.tooth import Surface

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
    changed_on: date | None = None
    """When the tooth that stood there was lost, or another came into its place."""
    standing: list[Finding] = field(default_factory=list)
    set_aside: list[Finding] = field(default_factory=list)
    """Cannot be: surface findings on a tooth that was not there."""


def histories(findings: Iterable[Finding], at: date) -> dict[str, ToothHistory]:
    """By tooth, from the findings that hold `at`. The same whatever the order of `findings`."""
    told = list(findings)
    teeth: dict[str, ToothHistory] = defaultdict(ToothHistory)
    for finding in sorted(in_force(told, at), key=_moment):
        if finding.status is _S.RESOLVED:
            _resolve(teeth[finding.tooth], finding, planned=_ends_a_plan(finding, told))
        else:
            _apply(teeth[finding.tooth], finding)
    return dict(teeth)


def _ends_a_plan(resolved: Finding, told: Iterable[Finding]) -> bool:
    """Whether what its series said before was only planned: then nothing that is there ends with it."""
    before = [
        each
        for each in told
        if each.series == resolved.series is not None
        and each.version < resolved.version
        and each.status not in (_S.RESOLVED, _S.ENTERED_IN_ERROR)
    ]
    latest = max(before, key=lambda finding: (finding.version, _moment(finding)), default=None)
    return latest is not None and latest.status is _S.PLANNED


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
    """A total order by content, which is the rule for ties: of one day first what was planned, then what was found
    and done, then what ended; among these by the order of `FindingCode`, so that an extraction ends the day and an
    implant follows it; among equals by their details, the later taking the place of the earlier. When a finding
    was sent or stored plays no part.
    """
    phase = _PHASE.get(finding.status, 1)
    more = (finding.group or "", finding.grade or 0, finding.canals or 0)
    details = (finding.status.value, finding.surfaces, finding.material or "", finding.tooth, *more)
    return (finding.observed_on, phase, _RANK[finding.code], *details)


def _apply(tooth: ToothHistory, finding: Finding) -> None:
    if not may_stand(finding, _place_for(tooth, finding)):
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


def _resolve(tooth: ToothHistory, finding: Finding, *, planned: bool) -> None:
    """End what is there, or what was `planned`: a plan given up takes no crown away, a lost crown no plan."""
    _leave_less(tooth, finding, planned=planned)
    if tooth.place is finding.code and not planned:
        tooth.changed_on = finding.observed_on if finding.code in _LOST else tooth.changed_on
        tooth.place = None


def _leave_less(tooth: ToothHistory, finding: Finding, *, planned: bool) -> None:
    """Of what said the same, `planned` or real, only what `finding` does not speak of."""
    left = (_less(old, finding, same=True) if (old.status is _S.PLANNED) is planned else old for old in tooth.standing)
    tooth.standing = [old for old in left if old is not None]


def _say_again(tooth: ToothHistory, finding: Finding) -> None:
    """In the place of what said the same before: so a tooth holds finitely many, however often it is said."""
    _leave_less(tooth, finding, planned=finding.status is _S.PLANNED)
    tooth.standing.append(finding)


def _take_place(tooth: ToothHistory, finding: Finding) -> None:
    """Another word on what is there: it ends what cannot be on it, and begins anew where a tooth came back."""
    if finding.code is _C.NOT_ASSESSED and tooth.place not in _UNSEEN:
        _say_again(tooth, finding)  # it is there, but could not be looked at
        return
    back = tooth.place in _LOST and finding.code not in _LOST
    if back or (finding.code in _LOST and finding.code is not tooth.place):
        tooth.changed_on = finding.observed_on
    kept = [] if back else [old for old in tooth.standing if _survives(old, finding, tooth)]
    tooth.place, tooth.seen_on, tooth.standing = finding.code, finding.observed_on, [*kept, finding]


def _survives(old: Finding, word: Finding, tooth: ToothHistory) -> bool:
    if old.code in PRESENCE:
        done = old.code is word.code or (old.code is _C.EXTRACTED and _was_taken_out(old, word, tooth.place))
        return old.status is _S.PLANNED and not done
    if old.status is _S.PLANNED and old.code in COVERING and word.code in ABSENT:
        # Planned for the tooth that is lost now, unless something is planned that could carry it.
        return old.observed_on == word.observed_on or any(_carries(each) for each in tooth.standing)
    return may_stand(old, word.code)


def _was_taken_out(plan: Finding, word: Finding, place: FindingCode | None) -> bool:
    """Whether a planned extraction is done: no tooth is there, or an implant stands where the tooth was.

    Of an implant that stood there before, or is found on the day of the plan, the plan is to take the implant out.
    """
    placed = word.code is _C.IMPLANT and place is not _C.IMPLANT and plan.observed_on < word.observed_on
    return word.code in ABSENT or placed


def _carries(finding: Finding) -> bool:
    return finding.status is _S.PLANNED and finding.code in REPLACING | {_C.IMPLANT}


def _put_on(tooth: ToothHistory, finding: Finding) -> None:
    treated = _treated(tooth.standing, finding)
    left = (_less(old, finding) for old in tooth.standing if old not in treated)
    tooth.standing = [*(old for old in left if old is not None), finding]
    if finding.code in IN_GAP:
        return
    if tooth.place in (*_UNSEEN, _C.UNERUPTED):
        tooth.place = _place_for(tooth, finding) if tooth.place in _UNSEEN else _C.PRESENT
        tooth.standing = [old for old in tooth.standing if old.code not in PRESENCE or old.status is _S.PLANNED]
    if finding.code not in REPLACING:
        tooth.seen_on = finding.observed_on


def _treated(standing: Iterable[Finding], done: Finding) -> list[Finding]:
    """The damage that done work is for where it names no surfaces: that of the only surface which has any.

    Of several nobody knows which, so all stays; and a veneer sits outside by its nature.
    """
    if done.status is not _S.COMPLETED or done.code not in RESTORING or done.surfaces:
        return []
    damage = [old for old in standing if old.code in DAMAGE and old.surfaces]
    where = {surface for old in damage for surface in old.surfaces}
    fits = where == {Surface.VESTIBULAR} if done.code is _C.VENEER else len(where) == 1
    return damage if fits else []


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
    if old.code is new.code or old.code is _C.SOUND:
        return old.code is new.code or new.code in UNSOUND
    if old.observed_on == new.observed_on and new.status is not _S.COMPLETED and old.code is not _C.RESTORED:
        return False  # found together: caries beside a filling of the same examination is still there
    return old.code in _ended_by(new, planned=old.status is _S.PLANNED)


def _ended_by(new: Finding, *, planned: bool) -> Set[FindingCode]:
    """What is over once `new` came; work that was only planned is not undone by other work on the surface."""
    if new.code in COVERING:
        return CROWN_WORK
    if new.code in RESTORING:
        return frozenset() if planned else DAMAGE | RESTORING | {_C.SEALANT, _C.RESTORED}
    return _ENDED_BY.get(new.code, frozenset())


_ENDED_BY = {_C.SOUND: DAMAGE, _C.ROOT_CANAL: PULP | {_C.ROOT_CANAL_STARTED}} | dict.fromkeys(REPLACING, REPLACING)


def _wholly(old: Finding, new: Finding) -> bool:
    """Not surface by surface: what is of the whole crown, plans that were carried out, whole-tooth findings."""
    if new.code in COVERING | {_C.SOUND} or old.code in (_C.RESTORED, _C.SOUND):
        return True
    if not new.surfaces:
        return not old.surfaces or (old.code is new.code and (old.status is _S.PLANNED or new.status is _S.RESOLVED))
    return old.code is new.code and not old.surfaces
