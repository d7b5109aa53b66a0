"""What is true at a step that forks, asked of many enrolments at once: the twins of `automation.journey.decide`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select, true
from sqlmodel import col

from automation.journey.document import Journey
from automation.journey.look import Fork, Visit
from automation.journey.lot import LOTS, way_of
from automation.journey.step import Step
from automation.journey.words import About, StepKind
from automation.queries.asked import Judging, Who, asked
from automation.queries.entries import heard_by_journeys
from automation.queries.lots import lot_of
from automation.queries.places import Key
from clinic.appointment import AppointmentStatus
from clinic.tables import Appointment
from core.database import Reading
from core.events import Event

Forks = dict[Key, Fork]


@dataclass(frozen=True, slots=True)
class _At:
    """A step of a journey, and who stands on it since when."""

    journey: Journey
    step: Step
    who: Who
    now: datetime


async def forks(reading: Reading, journey: Journey, step: Step, who: Who, now: datetime) -> Forks:
    """Of these, each with the moment since when it stands on the step, what is true of it.

    Who is not named is on ground without any (`NO_FORK`). One statement at most.
    """
    return await _ASKS[step.kind](reading, _At(journey, step, who, now)) if step.kind in _ASKS else {}


async def _visits(reading: Reading, at: _At) -> Forks:
    rows = asked(at.who)
    same = and_(col(Appointment.clinic_id) == rows.c.clinic_id, col(Appointment.id) == rows.c.subject_id)
    found = select(rows.c.clinic_id, rows.c.enrolment_id, col(Appointment.status), col(Appointment.starts_at))
    return {
        (clinic_id, enrolment_id): Fork(visit=Visit(AppointmentStatus(status), starts_at))
        for clinic_id, enrolment_id, status, starts_at in await reading.execute(
            found.join_from(rows, Appointment, same)
        )
    }


async def _happened(reading: Reading, at: _At) -> Forks:
    rows, step = asked(at.who), at.step
    ours = or_(col(Event.cause_id) == rows.c.enrolment_id, col(Event.subject_id) == rows.c.subject_id)
    outcome = func.coalesce(col(Event.facts)["outcome"].astext, "")
    counts = exists().where(
        col(Event.clinic_id) == rows.c.clinic_id, col(Event.patient_id) == rows.c.id,
        col(Event.at) >= rows.c.entered_at, col(Event.kind).in_([each.value for each in step.events or ()]),
        heard_by_journeys(),
        ours if step.about is About.THIS else col(Event.at) >= rows.c.step_since,
        outcome.in_([each.value for each in step.outcomes]) if step.outcomes else true(),
    )  # fmt: skip
    found = await reading.execute(select(rows.c.clinic_id, rows.c.enrolment_id).where(counts))
    return {(clinic_id, enrolment_id): Fork(happened=True) for clinic_id, enrolment_id in found}


async def _cases(reading: Reading, at: _At) -> Forks:
    """The first case that holds."""
    cases = at.step.cases or []
    judging = Judging(at.who, [each.when for each in cases])
    questions = [(judging.matches(each.when), place) for place, each in enumerate(cases)]
    ways = [Fork(way=each.to) for each in cases]
    return {
        (clinic_id, enrolment_id): ways[place]
        for clinic_id, enrolment_id, place in await reading.execute(judging.first(questions), {"as_of": at.now})
    }


async def _shares(reading: Reading, at: _At) -> Forks:
    """The share that the lot falls upon."""
    rows = asked(at.who)
    drawn = select(rows.c.clinic_id, rows.c.enrolment_id, lot_of(rows.c.id, at.journey.key, at.step.id))
    ways = [Fork(way=way_of(at.step.shares or [], number)) for number in range(LOTS)]
    return {(clinic_id, enrolment_id): ways[number] for clinic_id, enrolment_id, number in await reading.execute(drawn)}


_ASKS: dict[StepKind, Callable[[Reading, _At], Awaitable[Forks]]] = {
    StepKind.WAIT_VISIT: _visits,
    StepKind.WAIT_EVENT: _happened,
    StepKind.BRANCH: _cases,
    StepKind.SPLIT: _shares,
}
