"""Whom a trigger lets in: (clinic_id, journey_id, patient_id, subject_id, hops) in every clinic with the journey."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    false,
    func,
    literal,
    null,
    or_,
)
from sqlalchemy import select as _select
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.criteria.said import EventKind
from automation.journey.document import Journey
from automation.journey.words import DateFact, EnrolmentState, JourneyState, TriggerKind
from automation.library import MemberSource
from automation.queries.days import AS_OF, month_and_day
from automation.queries.segments import segment_statement
from automation.tables import Enrolment, JourneyRow, Segment, SegmentMember
from cabinet.coupon import CouponState
from cabinet.tables.coupon import Coupon
from cabinet.tables.prepaid import PrepaidCard
from clinic.appointment import STANDING, AppointmentStatus
from clinic.tables import Appointment, Branch, Patient
from core.events import ActorKind, Event, Xid8
from push.commands.batch import MOMENTS, NUMBERS, TEXTS, UUIDS, batch_of

Candidates = Select[Any]

JOURNEYS = bindparam("journeys", type_=ARRAY(Uuid()))
LOW, HIGH = (bindparam(name, type_=BigInteger()) for name in ("low", "high"))
"""Transactions: events from `low` on and before `high`."""

DUE: dict[str, Any] = {
    "clinic_id": UUIDS, "journey_id": UUIDS, "zone": TEXTS, "day": Date(), "birthday": NUMBERS, "begins": MOMENTS,
    "ends": MOMENTS,
}  # fmt: skip
"""A day that fired in a zone of a clinic: the date counted, as a birthday, and from when to when it lasts there."""

NAMED: dict[str, Any] = {
    "clinic_id": UUIDS,
    "journey_id": UUIDS,
    "patient_id": UUIDS,
    "subject_id": UUIDS,
    "hops": NUMBERS,
}
"""Somebody put in by hand, or handed over."""


def candidates(journey: Journey, *, left: timedelta | None = None) -> Candidates:
    """`left`: instead of news those of whom events told so long ago at most, and who were too many.

    Takes `as_of` and `journeys`; of an event `low` and `high`, of dates and periods the arrays of `DUE`.
    """
    trigger = journey.trigger
    match trigger.kind:
        case TriggerKind.SEGMENT:
            if trigger.segment is not None:
                return _of_library(trigger.segment)
            assert trigger.criteria is not None
            member = segment_statement(trigger.criteria).subquery("member")
            whose = col(JourneyRow.clinic_id) == member.c.clinic_id
            found = _columns(member.c.clinic_id, col(JourneyRow.id), member.c.patient_id).join(JourneyRow, whose)
            return found.where(col(JourneyRow.id) == func.any(JOURNEYS))
        case TriggerKind.EVENT:
            assert trigger.event is not None
            if left is not None and journey.per_day is not None:
                return _matching(journey, left_over(trigger.event, journey.key, journey.per_day, left))
            return _matching(journey, _by_event(trigger.event))
        case TriggerKind.DATE | TriggerKind.PERIOD:
            return _matching(journey, _by_day(trigger.fact))
        case TriggerKind.MANUAL:
            return _matching(journey, _named())


def _of_library(key: str) -> Candidates:
    """Who belongs to the segment of that key; who is kept out of it does not."""
    return (
        _columns(col(SegmentMember.clinic_id), col(JourneyRow.id), col(SegmentMember.patient_id))
        .join(Segment, same_segment())
        .join(JourneyRow, col(JourneyRow.clinic_id) == Segment.clinic_id)
        .where(
            col(JourneyRow.id) == func.any(JOURNEYS), col(Segment.key) == key, col(Segment.archived_at).is_(None),
            col(SegmentMember.source) != MemberSource.BAN.value,
        )
    )  # fmt: skip


def same_segment() -> Any:
    """SQL join condition of a member with the segment."""
    return and_(col(SegmentMember.clinic_id) == Segment.clinic_id, col(SegmentMember.segment_id) == Segment.id)


def left_over(kind: EventKind, journey_key: str, per_day: int, waits: timedelta) -> Candidates:
    """Of whom such an event of an earlier day told, and who came in by it not yet: that day, or the one on which it was
    heard, had as many as it takes. Takes `as_of` and `journeys`."""
    came, mine = aliased(Enrolment), aliased(Enrolment)
    zone = zone_of(Event.clinic_id)
    day, today = _day(Event.at, zone), _day(AS_OF, zone)
    same_day = _day(came.entered_at, zone)
    full = (
        _select(literal(1))
        .where(
            col(came.clinic_id) == Event.clinic_id, col(came.journey_key) == journey_key,
            col(came.entered_at) > AS_OF - waits - timedelta(days=2), same_day >= day, same_day <= day + 1,
        )
        .group_by(same_day)
        .having(func.count() >= per_day)
    )  # fmt: skip
    met = _select(literal(1)).where(
        col(mine.clinic_id) == Event.clinic_id, col(mine.patient_id) == Event.patient_id,
        col(mine.journey_key) == journey_key, col(mine.subject_id).is_not_distinct_from(Event.subject_id),
        or_(col(mine.exited_at).is_(None), col(mine.exited_at) >= Event.at),
    )  # fmt: skip
    told = _told(kind).where(col(Event.at) > AS_OF - waits, day < today)
    return told.where(full.exists(), ~met.exists()).distinct()


def _day(at: Any, zone: Any) -> Any:
    return cast(func.timezone(zone, at), Date)


def _columns(clinic_id: Any, journey_id: Any, patient_id: Any, subject_id: Any = None, hops: Any = None) -> Candidates:
    return _select(
        clinic_id.label("clinic_id"), journey_id.label("journey_id"), patient_id.label("patient_id"),
        (cast(null(), Uuid) if subject_id is None else subject_id).label("subject_id"),
        (literal(0) if hops is None else hops).label("hops"),
    )  # fmt: skip


def _matching(journey: Journey, found: Candidates) -> Candidates:
    """Of these who matches the criteria beside the trigger."""
    if journey.trigger.criteria is None:
        return found
    some = found.subquery("some")
    member = segment_statement(journey.trigger.criteria).subquery("member")
    same = and_(member.c.clinic_id == some.c.clinic_id, member.c.patient_id == some.c.patient_id)
    return _select(*some.c).join(member, same)


def xid(number: Any) -> Any:
    """SQL: a number as PostgreSQL's transaction id, which only text becomes."""
    said = literal(str(number), Text()) if isinstance(number, int) else cast(number, Text)
    return cast(said, Xid8())


def _by_event(kind: EventKind) -> Candidates:
    return _told(kind).where(col(Event.xid) >= xid(LOW), col(Event.xid) < xid(HIGH)).distinct()


def _told(kind: EventKind) -> Candidates:
    return (
        _columns(col(Event.clinic_id), col(JourneyRow.id), col(Event.patient_id), col(Event.subject_id))
        .join(JourneyRow, col(JourneyRow.clinic_id) == Event.clinic_id)
        .where(
            col(JourneyRow.id) == func.any(JOURNEYS),
            col(JourneyRow.state) == JourneyState.ACTIVE.value,
            col(Event.kind) == kind.value,
            heard_by_journeys(),
            col(Event.patient_id).is_not(None),
            col(Event.at) >= JourneyRow.started_at,
        )
    )


def heard_by_journeys() -> Any:
    """SQL: of what is said in the chat the patient's words alone: our own are no answer. Every other event as it is."""
    other = col(Event.kind) != EventKind.MESSAGE_POSTED.value
    return or_(other, col(Event.actor_kind) == ActorKind.PATIENT.value)


def _by_day(fact: DateFact | None) -> Candidates:
    due = batch_of(DUE)
    subject, joined = _SUBJECTS[fact](due) if fact in _SUBJECTS else (None, ())
    found = (
        _columns(due.c.clinic_id, due.c.journey_id, col(Patient.id), subject)
        .join_from(due, Branch, and_(col(Branch.clinic_id) == due.c.clinic_id, col(Branch.zone) == due.c.zone))
        .join(Patient, and_(col(Patient.clinic_id) == Branch.clinic_id, col(Patient.branch_id) == Branch.id))
    )
    if joined:
        found = found.join(*joined)
    if fact is DateFact.BIRTHDAY:
        found = found.where(month_and_day(col(Patient.birth_date)) == due.c.birthday)
    return found.distinct()


def _visits(*statuses: AppointmentStatus) -> Callable[[Any], tuple[Any, Any]]:
    def of(due: Any) -> tuple[Any, Any]:
        mine = and_(col(Appointment.clinic_id) == Patient.clinic_id, col(Appointment.patient_id) == Patient.id)
        so = col(Appointment.status).in_(sorted(status.value for status in statuses))
        begins = col(Appointment.starts_at)
        return col(Appointment.id), (Appointment, and_(mine, so, begins >= due.c.begins, begins < due.c.ends))

    return of


def _coupons(due: Any) -> tuple[Any, Any]:
    mine = and_(col(Coupon.clinic_id) == Patient.clinic_id, col(Coupon.patient_id) == Patient.id)
    ends = col(Coupon.expires_at)
    picked = col(Coupon.state) == CouponState.PICKED.value
    return col(Coupon.id), (Coupon, and_(mine, picked, ends >= due.c.begins, ends < due.c.ends))


def _cards(due: Any) -> tuple[Any, Any]:
    mine = and_(col(PrepaidCard.clinic_id) == Patient.clinic_id, col(PrepaidCard.patient_id) == Patient.id)
    left = col(PrepaidCard.used) < col(PrepaidCard.sessions)
    return col(PrepaidCard.id), (PrepaidCard, and_(mine, left, col(PrepaidCard.expires_on) == due.c.day))


_SUBJECTS: dict[DateFact | None, Callable[[Any], tuple[Any, Any]]] = {
    DateFact.VISIT: _visits(*STANDING),
    DateFact.VISIT_DONE: _visits(AppointmentStatus.COMPLETED),
    DateFact.COUPON_ENDS: _coupons,
    DateFact.CARD_ENDS: _cards,
}


def _named() -> Candidates:
    named = batch_of(NAMED)
    whose = and_(col(Patient.clinic_id) == named.c.clinic_id, col(Patient.id) == named.c.patient_id)
    found = _columns(named.c.clinic_id, named.c.journey_id, col(Patient.id), named.c.subject_id, named.c.hops)
    return found.join_from(named, Patient, whose).distinct()


def kept_out(journey: Journey, some: Any) -> ColumnElement[bool]:
    """SQL: the patient of a row is on another journey of the group that is not to be taken over."""
    if journey.group is None:
        return false()
    other, of = aliased(Enrolment), aliased(JourneyRow)
    found = _select(literal(1)).select_from(other)
    if journey.takes_over:
        of_other = and_(col(of.clinic_id) == other.clinic_id, col(of.id) == other.journey_id)
        found = found.join(of, of_other).where(rank_of(of) <= journey.rank)
    return found.where(
        col(other.clinic_id) == some.c.clinic_id, col(other.patient_id) == some.c.patient_id,
        col(other.exclusive_group) == journey.group, col(other.state) == EnrolmentState.ACTIVE.value,
    ).exists()  # fmt: skip


def rank_of(of: Any) -> Any:
    """SQL: the number of a journey's row; the lower one is asked first."""
    return cast(col(of.definition)["rank"].astext, Integer)


def zone_of(clinic_id: Any) -> Any:
    """SQL: the zone that the days of a clinic are counted in: that of its first branch."""
    branch = aliased(Branch)
    first = _select(col(branch.zone)).where(col(branch.clinic_id) == clinic_id).order_by(col(branch.id))
    return first.limit(1).scalar_subquery()


def zones_since(journeys: list[UUID], now: datetime) -> Any:
    """SQL: (clinic_id, journey_id, zone, since) of these journeys, by the dates of which was looked until `since`."""
    since = func.coalesce(col(JourneyRow.counted_at), col(JourneyRow.started_at), now)
    zones = _select(col(JourneyRow.clinic_id), col(JourneyRow.id), col(Branch.zone), since.label("since"))
    here = zones.join(Branch, col(Branch.clinic_id) == JourneyRow.clinic_id)
    found: Any = here.where(col(JourneyRow.id) == func.any(journeys)).distinct()
    return found


def full_today(journeys: list[UUID], key: str, per_day: int, now: datetime) -> Any:
    """SQL: the ids of those of these journeys whose clinic has let in today as many as it may."""
    zone = zone_of(JourneyRow.clinic_id)
    begins = func.timezone(zone, cast(_day(now, zone), DateTime(timezone=False)))
    came = (
        _select(func.count())
        .where(
            col(Enrolment.clinic_id) == JourneyRow.clinic_id, col(Enrolment.journey_key) == key,
            col(Enrolment.entered_at) >= begins,
        )
        .scalar_subquery()
    )  # fmt: skip
    return _select(col(JourneyRow.id)).where(col(JourneyRow.id) == func.any(journeys), came >= per_day)
