"""What a journey does next for one patient whose timer rings: pure, one step at a time, leaving before all else.

The engine does the same for thousands of patients with one statement for each step; a property test holds the two
together. Here it is also asked what would happen, and why something did.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from automation.criteria.said import EventKind
from automation.facts import PatientFacts
from automation.journey.clock import visit_moment, wait_ends
from automation.journey.document import Exit, Journey
from automation.journey.lot import lot, way_of
from automation.journey.step import Step
from automation.journey.subjects import Thing, befalls, goes_on_about
from automation.journey.words import About, ExitKind, ExitReason, StepKind, TriggerKind, Verdict
from automation.segment import matches
from clinic.appointment import STANDING, AppointmentStatus


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the patient since they came in."""

    kind: EventKind
    at: datetime
    subject_id: UUID | None = None
    cause_id: UUID | None = None
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Visit:
    """The visit that the enrolment is about."""

    status: AppointmentStatus
    starts_at: datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a patient stands, and what is known of them. `waiting`: the wait of this step has begun.

    `heard`: since `entered_at`. `belongs`: whether they are in the segment of the library that let them in.
    `booked`: a visit that lay ahead was booked since they came in.
    """

    enrolment_id: UUID
    patient_id: UUID
    step: str
    entered_at: datetime
    step_since: datetime
    zone: str
    facts: PatientFacts
    waiting: bool = False
    subject_id: UUID | None = None
    visit: Visit | None = None
    heard: tuple[Heard, ...] = ()
    belongs: bool = True
    booked: bool = False


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


def decide(journey: Journey, standing: Standing, now: datetime) -> Move:
    """One look at a patient whose timer is due. Raises KeyError for a step that the journey does not have."""
    reason = exit_of(journey, standing, now)
    if reason is not None:
        return Move(None, None, Verdict.EXITED, reason.value)
    step = journey.step(standing.step)
    return _DOES.get(step.kind, _done)(journey, step, standing, now)


def exit_of(journey: Journey, standing: Standing, now: datetime) -> ExitReason | None:
    """The first of the journey's exits that is true."""
    kinds = list(ExitKind)
    for exit_ in sorted(journey.exits, key=lambda each: kinds.index(each.kind)):
        if _LEAVES[exit_.kind](journey, exit_, standing, now):
            return ExitReason(exit_.kind.value)
    return None


def _booked(_: Journey, __: Exit, standing: Standing, now: datetime) -> bool:
    return standing.booked or standing.facts.next_visit(now) is not None


def _happened(journey: Journey, exit_: Exit, standing: Standing, _: datetime) -> bool:
    """What befalls a visit, plan or paper counts where it is the one that the enrolment is about."""
    assert exit_.event is not None
    thing = befalls(exit_.event)
    bound = standing.subject_id is not None and thing is not None and thing is _about(journey, standing)
    return any(
        each.kind is exit_.event and (not bound or each.subject_id == standing.subject_id) for each in standing.heard
    )


def _about(journey: Journey, standing: Standing) -> Thing | None:
    """Who was handed over brings a visit along that the trigger does not tell of."""
    if journey.trigger.kind is TriggerKind.MANUAL:
        return Thing.VISIT if standing.visit is not None and standing.visit.status in STANDING else None
    return goes_on_about(journey.trigger)


def _left(journey: Journey, _: Exit, standing: Standing, now: datetime) -> bool:
    criteria = journey.trigger.criteria
    return not standing.belongs or (criteria is not None and not matches(criteria, standing.facts, now, standing.zone))


def _matches(_: Journey, exit_: Exit, standing: Standing, now: datetime) -> bool:
    return exit_.criteria is not None and matches(exit_.criteria, standing.facts, now, standing.zone)


def _visit_gone(_: Journey, __: Exit, standing: Standing, ___: datetime) -> bool:
    return standing.visit is not None and standing.visit.status not in STANDING


_LEAVES: dict[ExitKind, Callable[[Journey, Exit, Standing, datetime], bool]] = {
    ExitKind.BOOKED: _booked,
    ExitKind.VISIT_GONE: _visit_gone,
    ExitKind.HAPPENED: _happened,
    ExitKind.LEFT_SEGMENT: _left,
    ExitKind.MATCHES: _matches,
}


def _on(journey: Journey, step: Step, verdict: Verdict, now: datetime, reason: str = "") -> Move:
    following = journey.after(step)
    return Move(following or step.id, now, verdict, reason) if following else _end(step, verdict, reason)


def _end(step: Step, verdict: Verdict, reason: str) -> Move:
    """The last step's own line; that it was the last one shows in `to`."""
    return Move(None, None, verdict, reason or (step.outcome or ""))


def _done(journey: Journey, step: Step, _: Standing, now: datetime) -> Move:
    return _on(journey, step, Verdict.DONE, now)


def _said(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    """What reaches the patient goes out in the hours of the journey only."""
    opening = journey.hours(standing.zone).next_open(now)
    if opening > now:
        return Move(step.id, opening, Verdict.HELD)
    return _on(journey, step, Verdict.SENT if step.kind is StepKind.MESSAGE else Verdict.DONE, now)


def _wait(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    if standing.waiting:
        return _on(journey, step, Verdict.WAITED, now)
    return Move(step.id, wait_ends(step, standing.zone, now), waiting=True)


def _wait_visit(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    """A visit that was moved meanwhile is waited for anew."""
    if standing.visit is None:
        return _on(journey, step, Verdict.SKIPPED, now, "no-visit")
    moment = visit_moment(step, standing.zone, standing.visit.starts_at)
    if moment > now:
        return Move(step.id, moment, waiting=True)
    if standing.waiting:
        return _on(journey, step, Verdict.WAITED, now)
    return (
        Move(step.late, now, Verdict.SKIPPED, "late") if step.late else _on(journey, step, Verdict.SKIPPED, now, "late")
    )


def _wait_event(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    events = tuple(step.events or ())
    if any(_counts(step, standing, each) for each in standing.heard):
        return Move(step.then, now, Verdict.HAPPENED)
    if not standing.waiting:
        return Move(step.id, wait_ends(step, standing.zone, now), waiting=True, waits_for=events)
    deadline = wait_ends(step, standing.zone, standing.step_since)
    if deadline > now:
        return Move(step.id, deadline, waiting=True, waits_for=events)
    return _on(journey, step, Verdict.TIMED_OUT, now)


def _counts(step: Step, standing: Standing, heard: Heard) -> bool:
    """Whether this is what was waited for. What `this` enrolment caused counts from its entry on: a message may be
    opened before the wait for it begins."""
    ours = standing.enrolment_id == heard.cause_id or (
        standing.subject_id is not None and standing.subject_id == heard.subject_id
    )
    this = step.about is About.THIS
    return (
        heard.kind in (step.events or ())
        and (ours or not this)
        and (this or heard.at >= standing.step_since)
        and (not step.outcomes or heard.outcome in {each.value for each in step.outcomes})
    )


def _branch(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    for case in step.cases or ():
        if matches(case.when, standing.facts, now, standing.zone):
            return Move(case.to, now, Verdict.TURNED, case.to)
    return _on(journey, step, Verdict.TURNED, now)


def _split(journey: Journey, step: Step, standing: Standing, now: datetime) -> Move:
    way = way_of(step.shares or (), lot(standing.patient_id, journey.key, step.id))
    return Move(way, now, Verdict.TURNED, way)


def _exit(_: Journey, step: Step, __: Standing, ___: datetime) -> Move:
    return _end(step, Verdict.COMPLETED, "")


# What is not here is done beside the patient, and the journey goes on.
_DOES: dict[StepKind, Callable[[Journey, Step, Standing, datetime], Move]] = {
    StepKind.MESSAGE: _said,
    StepKind.CHAT: _said,
    StepKind.SURVEY: _said,
    StepKind.WAIT: _wait,
    StepKind.WAIT_VISIT: _wait_visit,
    StepKind.WAIT_EVENT: _wait_event,
    StepKind.BRANCH: _branch,
    StepKind.SPLIT: _split,
    StepKind.EXIT: _exit,
}
