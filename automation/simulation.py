"""A journey over the clinic's own past: whom it would have reached and when, and who came back without it.

Nothing is drawn by chance: the lots are those of the journey itself. Each patient is gone through day by day, with
what was known on that day. How patients would have answered nobody can know: what they really did is taken for it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from uuid import UUID

from automation.criteria.meaning import Meaning, Source
from automation.criteria.said import EventKind
from automation.criteria.truth import Question, holds
from automation.facts import PatientFacts, Record
from automation.journey.clock import local_moment
from automation.journey.decide import Heard, Standing, decide
from automation.journey.document import Journey
from automation.journey.lot import HOLDOUT, lot
from automation.journey.words import ExitKind, ExitReason, StepKind, Verdict, clock_time
from automation.segment import meaning_of
from automation.turning_days import days_after, turning_days
from clinic.appointment import STANDING, AppointmentStatus

MOST_LOOKS = 500
USUAL_LEAD = timedelta(days=14)
"""How long before it a visit was booked, where the events do not tell."""

_STATUSES = {f"appointment.{status.value}": status for status in AppointmentStatus}
_BOOKINGS = frozenset(EventKind(f"appointment.{status.value}") for status in STANDING)


@dataclass(frozen=True, slots=True)
class Life:
    """What happened to one patient. `facts` as they are known today; `heard` in order of time."""

    patient_id: UUID
    zone: str
    facts: PatientFacts
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the log that the journey would have written."""

    at: datetime
    step: str
    kind: StepKind
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """One patient's way through the journey. `came_back`: when they met the goal of themselves."""

    patient_id: UUID
    entered_at: datetime
    held_out: bool
    looks: tuple[Look, ...]
    came_back: datetime | None
    ended_at: datetime | None


@dataclass(slots=True)
class _Known:
    """A patient's facts as they were: visits nobody had booked yet are left out, states are those of the day."""

    life: Life
    turns: dict[UUID, list[tuple[datetime, AppointmentStatus]]] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)
    at: datetime | None = None
    facts: PatientFacts | None = None

    def __post_init__(self) -> None:
        for each in self.life.heard:
            status = _STATUSES.get(each.kind.value)
            if status is not None and each.subject_id is not None:
                self.turns.setdefault(each.subject_id, []).append((each.at, status))
        for record in self.life.facts.of(Source.VISIT):
            assert record.id is not None
            assert isinstance(record.at, datetime)
            turns = self.turns.setdefault(record.id, [])
            # A visit of which no event tells that it was booked before it began came from an older system.
            if not turns or turns[0][0] >= record.at:
                turns[:] = _guessed(record.at, AppointmentStatus(record.says["status"]))
        self.moments = sorted(at for turns in self.turns.values() for at, _ in turns)

    def known(self, now: datetime) -> PatientFacts:
        if self.facts is None or self.at is None or any(self.at < each <= now for each in self.moments):
            self.facts = replace(
                self.life.facts, records={**self.life.facts.records, Source.VISIT: tuple(self._visits(now))}
            )
        self.at = now
        return self.facts

    def _visits(self, now: datetime) -> Iterator[Record]:
        for record in self.life.facts.of(Source.VISIT):
            assert record.id is not None
            past = [status for at, status in self.turns[record.id] if at <= now]
            if past:
                yield replace(record, says={**record.says, "status": past[-1].value})


def _guessed(starts_at: datetime, status: AppointmentStatus) -> list[tuple[datetime, AppointmentStatus]]:
    booked = (starts_at - USUAL_LEAD, AppointmentStatus.BOOKED)
    return [booked] if status in STANDING else [booked, (starts_at, status)]


def simulated(
    journey: Journey, lives: Iterable[Life], since: date, days: int, done: Callable[[int], None] = lambda _: None
) -> Iterator[Way]:
    """Every way through the journey in the `days` from `since`, patient by patient. `done` hears of each patient.

    Of triggers only segments with criteria of their own can be asked of the past. Raises ValueError for another.
    """
    if journey.trigger.criteria is None:
        raise ValueError("only criteria can be asked of the past")
    meaning = meaning_of(journey.trigger.criteria)
    for count, life in enumerate(lives, 1):
        yield from _life(journey, meaning, life, since, days)
        done(count)


def _life(journey: Journey, meaning: Meaning, life: Life, since: date, days: int) -> Iterator[Way]:
    """Asked once a day, as the journey's hours open: who crosses the line within a day is taken in by its end."""
    known = _Known(life)
    again_at: datetime | None = None
    moments = _openings(since, days, journey.opens, life.zone)
    turning = turning_days(meaning, life.facts, since, days)
    asked = set(range(days)) if turning is None else {0, *turning, *days_after(known.moments, since, days)}
    true = False
    for offset in range(days):
        now = moments[offset]
        if offset in asked:
            true = holds(meaning, Question(known.known(now), now, life.zone))
        if not true or (again_at is not None and now < again_at):
            continue
        way = _way(journey, life, _Known(life), now, moments[days])
        yield way
        if journey.again_after_days is None:
            return
        again_at = max(way.ended_at or moments[days], now + timedelta(days=journey.again_after_days))


@lru_cache(maxsize=64)
def _openings(since: date, days: int, opens: str, zone: str) -> tuple[datetime, ...]:
    """When the journey opens on each of these days, and on the one after them."""
    return tuple(local_moment(since + timedelta(days=each), clock_time(opens), zone) for each in range(days + 1))


def _way(journey: Journey, life: Life, known: _Known, entered_at: datetime, ends: datetime) -> Way:
    came_back = _goal(journey, life, entered_at)
    if lot(life.patient_id, journey.key, HOLDOUT) < journey.holdout_percent:
        return Way(life.patient_id, entered_at, True, (), came_back, entered_at)
    standing = Standing(
        life.patient_id,
        life.patient_id,
        journey.steps[0].id,
        entered_at,
        entered_at,
        life.zone,
        known.known(entered_at),
    )
    looks: list[Look] = []
    now, ended = entered_at, None
    for _ in range(MOST_LOOKS):
        heard = tuple(each for each in life.heard if entered_at <= each.at <= now)
        booked = any(each.kind in _BOOKINGS for each in heard)
        standing = replace(standing, facts=known.known(now), heard=heard, booked=booked)
        move = decide(journey, standing, now)
        if move.verdict is not None:
            step = journey.step(standing.step)
            looks.append(Look(now, step.id, step.kind, move.verdict, move.reason))
        if move.to is None or move.due_at is None:
            ended = now
            break
        since = standing.step_since if move.to == standing.step else now
        standing = replace(standing, step=move.to, waiting=move.waiting, step_since=since)
        now = _woken(journey, life, now, move.due_at, move.waits_for)
        if now >= ends:
            break
    return Way(life.patient_id, entered_at, False, tuple(looks), came_back, ended)


def _woken(journey: Journey, life: Life, now: datetime, due_at: datetime, waits_for: Sequence[EventKind]) -> datetime:
    """When it is looked at again: as the timer rings, or an event comes that ends the wait or the journey."""
    ends = {each.event for each in journey.exits if each.kind is ExitKind.HAPPENED}
    if any(each.kind is ExitKind.BOOKED for each in journey.exits):
        ends |= _BOOKINGS
    wakes = ends | set(waits_for)
    return min((each.at for each in life.heard if now < each.at < due_at and each.kind in wakes), default=due_at)


def _goal(journey: Journey, life: Life, entered_at: datetime) -> datetime | None:
    if journey.goal is None:
        return None
    ends = entered_at + timedelta(days=journey.goal.within_days)
    return next(
        (each.at for each in life.heard if each.kind is journey.goal.event and entered_at < each.at <= ends), None
    )


@dataclass(slots=True)
class Month:
    """What would have been done in one month. `by_kind`: steps done, by their kind."""

    entered: int = 0
    held_out: int = 0
    messages: int = 0
    by_kind: dict[StepKind, int] = field(default_factory=dict)
    out: dict[ExitReason, int] = field(default_factory=dict)
    came_back: int = 0
    """Of who entered: met the goal of themselves, within its days."""


_DID = frozenset({Verdict.SENT, Verdict.DONE})


def months_of(ways: Iterable[Way]) -> dict[str, Month]:
    """By month, `YYYY-MM` in UTC, of the entry resp. of what was done."""
    months: dict[str, Month] = {}
    for way in ways:
        month = months.setdefault(_month(way.entered_at), Month())
        month.entered += 1
        month.held_out += way.held_out
        month.came_back += way.came_back is not None
        for look in way.looks:
            _count(months.setdefault(_month(look.at), Month()), look)
    return dict(sorted(months.items()))


def _count(month: Month, look: Look) -> None:
    if look.verdict is Verdict.EXITED:
        reason = ExitReason(look.reason)
        month.out[reason] = month.out.get(reason, 0) + 1
    elif look.verdict in _DID:
        month.by_kind[look.kind] = month.by_kind.get(look.kind, 0) + 1
        month.messages += look.verdict is Verdict.SENT


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"
