"""What a step of a journey does with whoever stands on the same ground: once for all of them, whoever they are."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from automation.criteria.said import EventKind
from automation.journey.clock import visit_moment, wait_ends
from automation.journey.document import Journey
from automation.journey.step import Step
from automation.journey.words import StepKind, Verdict
from clinic.appointment import AppointmentStatus


@dataclass(frozen=True, slots=True)
class Visit:
    """The visit that the enrolment is about."""

    status: AppointmentStatus
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Fork:
    """What is true of a patient at a step that asks for it: the visit that it is about, the way of a branch or split
    (None: on), whether what is waited for happened."""

    visit: Visit | None = None
    way: str | None = None
    happened: bool = False


NO_FORK = Fork()


@dataclass(frozen=True, slots=True)
class Ground:
    """All that a step goes by: whoever stands on the same ground does the same."""

    zone: str
    step_since: datetime
    waiting: bool = False
    fork: Fork = NO_FORK


@dataclass(frozen=True, slots=True)
class Move:
    """What comes of one look. `to` None: out of the journey. `due_at`: when to look again; `now` for at once.

    `waits_for`: the events that may wake it before. Without a verdict nothing is written into the log.
    """

    to: str | None
    due_at: datetime | None
    verdict: Verdict | None = None
    reason: str = ""
    waiting: bool = False
    waits_for: tuple[EventKind, ...] = field(default=())


def look(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    """What a step does with who does not leave, on ground that says what it asks for."""
    return _DOES.get(step.kind, _done)(journey, step, ground, now)


def _on(journey: Journey, step: Step, verdict: Verdict, now: datetime, reason: str = "") -> Move:
    following = journey.after(step)
    return Move(following or step.id, now, verdict, reason) if following else _end(step, verdict, reason)


def _end(step: Step, verdict: Verdict, reason: str) -> Move:
    """The last step's own line; that it was the last one shows in `to`."""
    return Move(None, None, verdict, reason or (step.outcome or ""))


def _done(journey: Journey, step: Step, _: Ground, now: datetime) -> Move:
    return _on(journey, step, Verdict.DONE, now)


def _said(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    """What reaches the patient goes out in the hours of the journey only."""
    opening = journey.hours(ground.zone).next_open(now)
    if opening > now:
        return Move(step.id, opening, Verdict.HELD)
    return _on(journey, step, Verdict.SENT if step.kind is StepKind.MESSAGE else Verdict.DONE, now)


def _wait(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    if ground.waiting:
        return _on(journey, step, Verdict.WAITED, now)
    return Move(step.id, wait_ends(step, ground.zone, now), waiting=True)


def _wait_visit(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    """A visit that was moved meanwhile is waited for anew."""
    if ground.fork.visit is None:
        return _on(journey, step, Verdict.SKIPPED, now, "no-visit")
    moment = visit_moment(step, ground.zone, ground.fork.visit.starts_at)
    if moment > now:
        return Move(step.id, moment, waiting=True)
    if ground.waiting:
        return _on(journey, step, Verdict.WAITED, now)
    return (
        Move(step.late, now, Verdict.SKIPPED, "late") if step.late else _on(journey, step, Verdict.SKIPPED, now, "late")
    )


def _wait_event(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    events = tuple(step.events or ())
    if ground.fork.happened:
        return Move(step.then, now, Verdict.HAPPENED)
    if not ground.waiting:
        return Move(step.id, wait_ends(step, ground.zone, now), waiting=True, waits_for=events)
    deadline = wait_ends(step, ground.zone, ground.step_since)
    if deadline > now:
        return Move(step.id, deadline, waiting=True, waits_for=events)
    return _on(journey, step, Verdict.TIMED_OUT, now)


def _turned(journey: Journey, step: Step, ground: Ground, now: datetime) -> Move:
    way = ground.fork.way
    return Move(way, now, Verdict.TURNED, way) if way is not None else _on(journey, step, Verdict.TURNED, now)


def _exit(_: Journey, step: Step, __: Ground, ___: datetime) -> Move:
    return _end(step, Verdict.COMPLETED, "")


# What is not here is done beside the patient, and the journey goes on.
_DOES: dict[StepKind, Callable[[Journey, Step, Ground, datetime], Move]] = {
    StepKind.MESSAGE: _said,
    StepKind.CHAT: _said,
    StepKind.SURVEY: _said,
    StepKind.WAIT: _wait,
    StepKind.WAIT_VISIT: _wait_visit,
    StepKind.WAIT_EVENT: _wait_event,
    StepKind.BRANCH: _turned,
    StepKind.SPLIT: _turned,
    StepKind.EXIT: _exit,
}
