"""Who leaves a journey, asked of many of its enrolments at once: the twins of `automation.journey.decide.exit_of`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, literal, not_, or_, select, true
from sqlmodel import col

from automation.criteria.said import EventKind
from automation.journey.document import Exit, Journey
from automation.journey.subjects import Thing, befalls, goes_on_about
from automation.journey.words import ExitKind, ExitReason, TriggerKind
from automation.library import MemberSource
from automation.queries.asked import Judging, Who
from automation.queries.entries import heard_by_journeys, same_segment
from automation.queries.places import Key
from automation.queries.segments import booked_since, standing_ahead
from automation.segment import Criterion
from automation.tables import Segment, SegmentMember
from clinic.appointment import STANDING
from clinic.tables import Appointment
from core.database import Reading
from core.events import Event

_KINDS = list(ExitKind)
_STANDS = [status.value for status in sorted(STANDING)]


@dataclass(frozen=True, slots=True)
class _Asked:
    """The enrolments, and the journey that they are on."""

    journey: Journey
    judging: Judging

    @property
    def rows(self) -> Any:
        return self.judging.rows


async def departures(reading: Reading, journey: Journey, who: Who, now: datetime) -> dict[Key, ExitReason]:
    """Who of these leaves: by the first exit that is true. One statement, and none where nobody leaves early."""
    if not journey.exits or not who:
        return {}
    judging = Judging(who, _trees(journey))
    of = _Asked(journey, judging)
    exits = sorted(journey.exits, key=lambda each: _KINDS.index(each.kind))
    questions = [(_LEAVES[each.kind](of, each), _KINDS.index(each.kind)) for each in exits]
    found = await reading.execute(judging.first(questions), {"as_of": now})
    return {(clinic_id, enrolment_id): ExitReason(_KINDS[number].value) for clinic_id, enrolment_id, number in found}


def _trees(journey: Journey) -> list[Criterion]:
    """Those that its exits ask for."""
    own = journey.trigger.criteria
    left = [own] if own is not None and any(each.kind is ExitKind.LEFT_SEGMENT for each in journey.exits) else []
    return [*left, *(each.criteria for each in journey.exits if each.criteria is not None)]


def _booked(of: _Asked, _: Exit) -> ColumnElement[bool]:
    rows = of.rows.c
    ahead = standing_ahead(rows.clinic_id, rows.id)
    return or_(ahead, booked_since(rows.clinic_id, rows.id, rows.entered_at))


def _visit_gone(of: _Asked, _: Exit) -> ColumnElement[bool]:
    return _visit(of, not_(col(Appointment.status).in_(_STANDS)))


def _visit(of: _Asked, so: ColumnElement[bool]) -> ColumnElement[bool]:
    """What it is about is a visit of which this is true."""
    same = and_(col(Appointment.clinic_id) == of.rows.c.clinic_id, col(Appointment.id) == of.rows.c.subject_id)
    # Said by name: inside another EXISTS it would be asked of all the enrolments at once.
    return exists().where(same, so).correlate(of.rows)


def _happened(of: _Asked, exit_: Exit) -> ColumnElement[bool]:
    assert exit_.event is not None
    rows = of.rows.c
    return exists().where(
        col(Event.clinic_id) == rows.clinic_id, col(Event.patient_id) == rows.id,
        col(Event.at) >= rows.entered_at, col(Event.kind) == exit_.event.value, heard_by_journeys(),
        _of_the_same(of, exit_.event),
    )  # fmt: skip


def _of_the_same(of: _Asked, event: EventKind) -> ColumnElement[bool]:
    """SQL: what befell the thing that the enrolment is about, where such an event befalls a thing of its kind."""
    thing, subject = befalls(event), of.rows.c.subject_id
    this = or_(subject.is_(None), col(Event.subject_id) == subject)
    if of.journey.trigger.kind is TriggerKind.MANUAL:
        stands = _visit(of, col(Appointment.status).in_(_STANDS))
        return or_(this, not_(stands)) if thing is Thing.VISIT else true()
    return this if thing is not None and thing is goes_on_about(of.journey.trigger) else true()


def _left(of: _Asked, _: Exit) -> ColumnElement[bool]:
    trigger = of.journey.trigger
    if trigger.segment is not None:
        return ~_belongs(of, trigger.segment)
    return not_(of.judging.matches(trigger.criteria)) if trigger.criteria is not None else false()


def _belongs(of: _Asked, key: str) -> ColumnElement[bool]:
    """They are in the segment of the library that let them in."""
    mine = and_(
        col(SegmentMember.clinic_id) == of.rows.c.clinic_id, col(SegmentMember.patient_id) == of.rows.c.id,
        col(SegmentMember.source) != MemberSource.BAN.value,
    )  # fmt: skip
    of_key = and_(same_segment(), col(Segment.key) == key, col(Segment.archived_at).is_(None))
    return exists(select(literal(1)).select_from(SegmentMember).join(Segment, of_key).where(mine))


def _matches(of: _Asked, exit_: Exit) -> ColumnElement[bool]:
    assert exit_.criteria is not None
    return of.judging.matches(exit_.criteria)


_LEAVES: dict[ExitKind, Callable[[_Asked, Exit], ColumnElement[bool]]] = {
    ExitKind.BOOKED: _booked,
    ExitKind.VISIT_GONE: _visit_gone,
    ExitKind.HAPPENED: _happened,
    ExitKind.LEFT_SEGMENT: _left,
    ExitKind.MATCHES: _matches,
}
