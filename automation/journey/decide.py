"""What a journey does next for one patient whose timer rings: pure, one step at a time, leaving before all else.

Here the facts of one patient answer; what a step then does is `look`. The engine has the database answer for thousands
at once (`queries.departures`, `queries.forks`), and a property test holds the answers together. Here it is also asked
what would happen, and why something did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from automation.criteria.said import EventKind
from automation.facts import PatientFacts
from automation.journey.document import Exit, Journey
from automation.journey.look import NO_FORK, Fork, Ground, Move, Visit, look
from automation.journey.lot import lot, way_of
from automation.journey.step import Step
from automation.journey.subjects import Thing, befalls, goes_on_about
from automation.journey.words import About, ExitKind, ExitReason, StepKind, TriggerKind, Verdict
from automation.segment import matches
from clinic.appointment import STANDING


@dataclass(frozen=True, slots=True)
class Heard:
    """An event of the patient since they came in."""

    kind: EventKind
    at: datetime
    subject_id: UUID | None = None
    cause_id: UUID | None = None
    outcome: str = ""


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


def decide(journey: Journey, standing: Standing, now: datetime) -> Move:
    """One look at a patient whose timer is due. Raises KeyError for a step that the journey does not have."""
    reason = exit_of(journey, standing, now)
    if reason is not None:
        return Move(None, None, Verdict.EXITED, reason.value)
    step = journey.step(standing.step)
    fork = _FORKS[step.kind](journey, step, standing, now) if step.kind in _FORKS else NO_FORK
    return look(journey, step, Ground(standing.zone, standing.step_since, standing.waiting, fork), now)


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


def _visit_of(_: Journey, __: Step, standing: Standing, ___: datetime) -> Fork:
    return Fork(visit=standing.visit)


def _happened_to(_: Journey, step: Step, standing: Standing, __: datetime) -> Fork:
    return Fork(happened=any(_counts(step, standing, each) for each in standing.heard))


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


def _case_of(_: Journey, step: Step, standing: Standing, now: datetime) -> Fork:
    holds = (case.to for case in step.cases or () if matches(case.when, standing.facts, now, standing.zone))
    return Fork(way=next(holds, None))


def _share_of(journey: Journey, step: Step, standing: Standing, _: datetime) -> Fork:
    return Fork(way=way_of(step.shares or (), lot(standing.patient_id, journey.key, step.id)))


_FORKS: dict[StepKind, Callable[[Journey, Step, Standing, datetime], Fork]] = {
    StepKind.WAIT_VISIT: _visit_of,
    StepKind.WAIT_EVENT: _happened_to,
    StepKind.BRANCH: _case_of,
    StepKind.SPLIT: _share_of,
}
