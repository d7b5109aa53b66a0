"""Writes down what was decided for a batch of enrolments: messages, what is done beside, log, state and timers."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, insert, update
from sqlmodel import col

from automation.commands.doings import DOES, Doing, Means
from automation.commands.taking_back import take_back
from automation.effect import Effect
from automation.journey.decide import Move, Standing, decide
from automation.journey.document import Journey
from automation.journey.words import PATHS, EnrolmentState, ExitReason, StepKind, Verdict
from automation.journey.words import Place as Screen
from automation.queries.standings import Place
from automation.tables import Enrolment, Timer, Touchpoint
from core.database import Sweeping
from core.ids import new_id
from push.commands import enqueue_across
from push.commands.batch import FLAGS, MOMENTS, NUMBERS, TEXTS, UNTRACKED, UUIDS, batch
from push.kinds import expiry
from push.notice import Notice, NoticeKind

MOST_LOOKS = 8
"""Steps of one patient in one transaction; whoever has more to do goes on in the next one."""


@dataclass(slots=True)
class Line:
    """A line of the log to be."""

    step: str
    verdict: Verdict
    reason: str
    notice_id: UUID | None = None
    thing_id: UUID | None = None


@dataclass(slots=True)
class Way:
    """What one enrolment whose timer rang goes through: every move that leaves a line, and the last one."""

    place: Place
    journey: Journey
    standing: Standing | None
    last: Move
    lines: list[Line] = field(default_factory=list)

    @property
    def seq(self) -> int:
        return self.place.seq + len(self.lines)


async def move(sweeping: Sweeping, means: Means, ways: Sequence[Way], now: datetime) -> None:
    """Decide for each, and write down all of it."""
    for way in ways:
        _walk(way, now)
    # First taken back, then given: push locks notices before all else.
    for reason in ExitReason:
        left = [way.place.key for way in ways if way.last.verdict is Verdict.EXITED and way.last.reason == reason.value]
        await take_back(sweeping, left, reason, now)
    await _say(sweeping, ways, now)
    await _do(sweeping, means, ways, now)
    await _write(sweeping, ways, now)


def _walk(way: Way, now: datetime) -> None:
    """Look again until something is waited for, until something is to be done beside, or for now often enough."""
    standing = way.standing
    if standing is None:  # erased: nothing of the person is left to judge
        way.last = Move(None, None, Verdict.EXITED, ExitReason.ERASED.value)
        way.lines.append(Line(way.place.step, way.last.verdict or Verdict.EXITED, way.last.reason))
        return
    for _ in range(MOST_LOOKS):
        step = way.journey.step(standing.step)
        look = way.last = decide(way.journey, standing, now)
        if look.verdict is not None:
            way.lines.append(Line(step.id, look.verdict, look.reason))
        begins = look.to is not None and (look.to != step.id or (look.waiting and not standing.waiting))
        standing = way.standing = replace(
            standing, step=look.to or step.id, waiting=look.waiting,
            step_since=now if begins else standing.step_since,
        )  # fmt: skip
        if look.due_at != now or (step.kind in DOES and look.verdict is Verdict.DONE):
            return


def _lines(ways: Sequence[Way]) -> Iterator[tuple[Way, int, Line]]:
    for way in ways:
        for offset, line in enumerate(way.lines):
            yield way, way.place.seq + offset, line


async def _say(sweeping: Sweeping, ways: Sequence[Way], now: datetime) -> None:
    said = [(way, seq, line) for way, seq, line in _lines(ways) if line.verdict is Verdict.SENT]
    notices = await enqueue_across(
        sweeping, [(way.place.clinic_id, _notice(way, seq, line, now)) for way, seq, line in said], now
    )
    for way, seq, line in said:
        line.notice_id = notices[way.place.clinic_id, dedupe_key(way.place.enrolment_id, seq)]


def dedupe_key(enrolment_id: UUID, seq: int) -> str:
    """Names a message: enrolment, number, rung."""
    return f"{enrolment_id}:{seq}:0"


def _notice(way: Way, seq: int, line: Line, now: datetime) -> Notice:
    step, standing = way.journey.step(line.step), way.standing
    assert step.notice is not None
    assert standing is not None
    lasts = timedelta(hours=step.lasts_hours) if step.lasts_hours else None
    about = standing.visit is not None and step.notice in _OF_VISITS
    return Notice(
        patient_id=way.place.patient_id,
        kind=step.notice,
        purpose=way.journey.purpose,
        wording=step.wording,
        dedupe_key=dedupe_key(way.place.enrolment_id, seq),
        not_before=now,
        expires_at=now + lasts if lasts else expiry(step.notice, now),
        hours=way.journey.hours(standing.zone),
        link=PATHS[step.place or Screen.BOOKING],
        cause_id=way.place.enrolment_id,
        visit_id=standing.subject_id if about else None,
        visit_at=standing.visit.starts_at if about and standing.visit else None,
    )


_OF_VISITS = frozenset({NoticeKind.CONFIRMING, NoticeKind.REMINDING, NoticeKind.VISIT})


async def _do(sweeping: Sweeping, means: Means, ways: Sequence[Way], now: datetime) -> None:
    """What is done beside, a command for each kind of step."""
    doings: dict[StepKind, list[tuple[Doing, Line]]] = defaultdict(list)
    for way, seq, line in _lines(ways):
        step = way.journey.step(line.step)
        if line.verdict is Verdict.DONE and step.kind in DOES:
            place = way.place
            effect = Effect(place.clinic_id, place.enrolment_id, seq, place.patient_id)
            doings[step.kind].append((Doing(effect, step, way.journey, place.subject_id, place.hops), line))
    for kind in DOES:
        if of_kind := doings.get(kind):
            came = await DOES[kind](sweeping, means, [doing for doing, _ in of_kind], now)
            for doing, line in of_kind:
                _note(line, came[doing.effect.key])


def _note(line: Line, came: UUID | str) -> None:
    if isinstance(came, UUID):
        line.thing_id = came
    else:
        line.verdict, line.reason = Verdict.SKIPPED, str(came)


async def _write(sweeping: Sweeping, ways: Sequence[Way], now: datetime) -> None:
    states = batch(_STATE, [_state(way, now) for way in ways])
    named = (col(Enrolment.clinic_id) == states.c.clinic_id, col(Enrolment.id) == states.c.id)
    news = {name: states.c[name] for name in _STATE if name not in ("clinic_id", "id")}
    await sweeping.execute(update(Enrolment).where(*named).values(failures=0, **news), execution_options=UNTRACKED)
    rows = [
        (
            way.place.clinic_id, new_id(), way.place.enrolment_id, seq, line.step, line.verdict.value, line.reason,
            line.notice_id, line.thing_id, now,
        )
        for way, seq, line in _lines(ways)
    ]  # fmt: skip
    if rows:
        lines = batch(_LINE, rows)
        await sweeping.execute(insert(Touchpoint).from_select(list(_LINE), lines.select(), include_defaults=False))
    await _rewind(sweeping, ways)


_STATE: dict[str, Any] = {
    "clinic_id": UUIDS, "id": UUIDS, "state": TEXTS, "step": TEXTS, "step_since": MOMENTS, "waiting": FLAGS,
    "seq": NUMBERS, "exited_at": MOMENTS, "exit_reason": TEXTS, "outcome": TEXTS,
}  # fmt: skip
_LINE: dict[str, Any] = {
    "clinic_id": UUIDS, "id": UUIDS, "enrolment_id": UUIDS, "seq": NUMBERS, "step": TEXTS, "verdict": TEXTS,
    "reason": TEXTS, "notice_id": UUIDS, "thing_id": UUIDS, "at": MOMENTS,
}  # fmt: skip


def _state(way: Way, now: datetime) -> tuple[Any, ...]:
    over, last = way.last.due_at is None, way.last
    exited = last.verdict is Verdict.EXITED
    state = EnrolmentState.EXITED if exited else EnrolmentState.COMPLETED if over else EnrolmentState.ACTIVE
    standing, place = way.standing, way.place
    at = standing.step if standing else place.step
    step = way.journey.step(at) if standing else None
    ended = over and not exited and step is not None and step.kind is StepKind.EXIT
    return (
        place.clinic_id, place.enrolment_id, state.value, at, standing.step_since if standing else place.step_since,
        standing.waiting if standing else False, way.seq, now if over else None, last.reason if exited else None,
        step.outcome if ended and step else None,
    )  # fmt: skip


async def _rewind(sweeping: Sweeping, ways: Sequence[Way]) -> None:
    """Set the timers that go on; take away those of who is out."""
    on = [(*way.place.key, way.last.due_at) for way in ways if way.last.due_at]
    if on:
        names = batch({"clinic_id": UUIDS, "id": UUIDS, "due_at": MOMENTS}, on)
        ahead = update(Timer).where(*_timer_of(names)).values(due_at=names.c.due_at)
        await sweeping.execute(ahead, execution_options=UNTRACKED)
    out = [way.place.key for way in ways if not way.last.due_at]
    if out:
        names = batch({"clinic_id": UUIDS, "id": UUIDS}, out)
        await sweeping.execute(delete(Timer).where(*_timer_of(names)), execution_options=UNTRACKED)


def _timer_of(names: Any) -> tuple[Any, Any]:
    return col(Timer.clinic_id) == names.c.clinic_id, col(Timer.enrolment_id) == names.c.id
