"""What the gate must know of each claimed notice, read with it in one statement."""

from collections.abc import Sequence
from datetime import datetime, time
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import (
    FromClause,
    ScalarSelect,
    Text,
    and_,
    case,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.hours import Hours
from clinic.queries.reaching import reachable_people, visits_now
from push.caps import USUAL_CAPS, Cap
from push.channel import Way
from push.commands.heads import AnyNotice
from push.consent import ConsentChannel
from push.contact import USUAL_RULES, Case, Person, Rules
from push.ladder import LadderRule, Wishes
from push.notice import NoticeKind, Purpose
from push.outcome import OPEN, DeliveryState
from push.queries.addresses import may_hear
from push.quiet import QuietHours
from push.tables import (
    ConsentRow,
    ContactPolicyRow,
    ContactPreferenceRow,
    DeadAddress,
    DeliveryRow,
    MessengerLink,
    NoticeRow,
)
from push.visit import VisitNow

_PERSON = reachable_people()
_VISITS = visits_now()
_ARRIVED = (DeliveryState.ACCEPTED.value, DeliveryState.UNKNOWN.value)


def standing_columns(now: Any, notice: Any = NoticeRow) -> list[Any]:
    """SQL: beside a notice, what `cases` reads. Join with `joined_standing`."""
    visit = _visit(notice)
    return [
        *(_PERSON.c.phone, _PERSON.c.email, _PERSON.c.language, _PERSON.c.zone),
        *(ContactPreferenceRow, ContactPolicyRow, _words(notice).label("words"), _chats(notice, now).label("chats")),
        *(_dead(notice).label("dead"), reached(notice).label("accepted"), _arrived(notice).label("delivered")),
        *(_held_until(notice).label("held_until"), visit.c.status, visit.c.starts_at, visit.c.confirmed),
    ]


def joined_standing(statement: Any, notice: Any = NoticeRow) -> Any:
    """SQL: the notice's patient, home branch, wishes, clinic and visit, as far as there are any."""
    person = and_(_PERSON.c.clinic_id == notice.clinic_id, _PERSON.c.patient_id == notice.patient_id)
    wishes = and_(
        col(ContactPreferenceRow.clinic_id) == notice.clinic_id,
        col(ContactPreferenceRow.patient_id) == notice.patient_id,
    )
    policy = col(ContactPolicyRow.clinic_id) == notice.clinic_id
    joined = statement.outerjoin(_PERSON, person).outerjoin(_visit(notice), true())
    return joined.outerjoin(ContactPreferenceRow, wishes).outerjoin(ContactPolicyRow, policy)


@lru_cache(maxsize=16)
def _visit(notice: Any) -> FromClause:
    """SQL: the visit the notice is about. Limited: a join may be planned as a scan of all visits."""
    columns = (_VISITS.c.status, _VISITS.c.starts_at, _VISITS.c.confirmed)
    return select(*columns).where(of_visit(_VISITS, notice)).correlate(notice).limit(1).lateral("visit")


def of_visit(visits: Any, notice: Any = NoticeRow) -> Any:
    """SQL: whether one of `visits_now` is the visit that the notice is about."""
    named = func.coalesce(notice.visit_id, notice.cause_id)
    return and_(_of_patient(notice, visits.c), visits.c.visit_id == named)


def _of_patient(notice: Any, table: Any) -> Any:
    return and_(table.clinic_id == notice.clinic_id, table.patient_id == notice.patient_id)


def _words(notice: Any) -> ScalarSelect[Any]:
    """Every word on the notice's purpose, as `sms+` and `sms-`, those that count first."""
    said = col(ConsentRow.channel) + case((col(ConsentRow.granted), "+"), else_="-")
    latest = (col(ConsentRow.at).desc(), col(ConsentRow.granted), col(ConsentRow.id).desc())
    words = select(func.array_agg(aggregate_order_by(said, *latest)))
    return (
        words.where(_of_patient(notice, ConsentRow), col(ConsentRow.purpose) == notice.purpose)
        .correlate(notice)
        .scalar_subquery()
    )


def _chats(notice: Any, now: Any) -> ScalarSelect[Any]:
    """Of who may still hear of the patient: a guardian's chat ends with what they may."""
    live = (may_hear(now), col(MessengerLink.address).is_not(None), col(MessengerLink.ended_at).is_(None))
    named = aggregate_order_by(col(MessengerLink.address), col(MessengerLink.id))
    telegram = col(MessengerLink.way) == Way.TELEGRAM.value
    return (
        select(func.array_agg(named))
        .where(_of_patient(notice, MessengerLink), telegram, *live)
        .correlate(notice)
        .scalar_subquery()
    )


def _dead(notice: Any) -> ScalarSelect[Any]:
    named = col(DeadAddress.way) + literal(" ", Text()) + col(DeadAddress.address)
    return select(func.array_agg(named)).where(_of_patient(notice, DeadAddress)).correlate(notice).scalar_subquery()


def _some_delivery(notice: Any, condition: Any) -> Any:
    """SQL: whether one delivery of the notice is such. Aggregated: an EXISTS may be planned as a scan of all."""
    same = (col(DeliveryRow.clinic_id) == notice.clinic_id, col(DeliveryRow.notice_id) == notice.id)
    some = select(func.coalesce(func.bool_or(condition), false())).where(*same)
    return some.correlate(notice).scalar_subquery()


def reached(notice: Any = NoticeRow) -> Any:
    """SQL: some provider has the notice, or may have it."""
    return _some_delivery(notice, col(DeliveryRow.state).in_(_ARRIVED))


def maybe_arrived(notice: Any = NoticeRow) -> Any:
    """SQL: a message of it left, as far as anybody knows."""
    return _some_delivery(notice, col(DeliveryRow.maybe_arrived))


def still_tried(notice: Any = NoticeRow) -> Any:
    """SQL: a message of it waits, or is on its way."""
    return _some_delivery(notice, col(DeliveryRow.state).in_([literal_column(f"'{state.value}'") for state in OPEN]))


def _arrived(notice: Any) -> Any:
    return _some_delivery(notice, col(DeliveryRow.delivered_at).is_not(None))


OVERTAKEN = "overtaken"
"""The reason of a try that waited while the next way was begun."""


def overtaken() -> Any:
    """SQL: whether the notice of a `DeliveryRow` has gone another way since. Aggregated, as above."""
    later = aliased(DeliveryRow)
    went = or_(col(later.way) != "", col(later.channel) == ConsentChannel.CALL.value)
    since = and_(went, col(later.channel) != col(DeliveryRow.channel), col(later.created_at) > DeliveryRow.created_at)
    same = (col(later.clinic_id) == DeliveryRow.clinic_id, col(later.notice_id) == col(DeliveryRow.notice_id))
    some = select(func.coalesce(func.bool_or(since), false())).where(*same)
    return some.correlate(DeliveryRow).scalar_subquery()


def _held_until(notice: Any) -> Any:
    """SQL: until when a worker holds a message of it; null where none does."""
    same = (col(DeliveryRow.clinic_id) == notice.clinic_id, col(DeliveryRow.notice_id) == notice.id)
    held = col(DeliveryRow.state) == DeliveryState.LEASED.value
    return select(func.max(case((held, col(DeliveryRow.next_at))))).where(*same).correlate(notice).scalar_subquery()


def cases(rows: Sequence[Any]) -> list[Case]:
    """Of rows of (notice, *`standing_columns`); a clinic's rules are read once."""
    rules: dict[UUID, Rules] = {}
    made = []
    for notice, phone, email, language, zone, wishes, policy, words, chats, dead, accepted, delivered, *rest in rows:
        if notice.clinic_id not in rules:
            rules[notice.clinic_id] = rules_of(policy)
        clinics = rules[notice.clinic_id]
        person = _person(wishes, clinics, zone or "UTC", language or "en", phone, email, words, chats, dead)
        made.append(_case(notice, person, clinics, accepted, delivered, *rest))
    return made


def _case(
    notice: AnyNotice, person: Person, rules: Rules, accepted: bool, delivered: bool, held_until: datetime | None,
    status: str | None, starts_at: datetime | None, confirmed: bool | None,
) -> Case:  # fmt: skip
    visit = visit_now(status, starts_at, confirmed)
    return Case(
        notice.id, notice.clinic_id, NoticeKind(notice.kind), Purpose(notice.purpose), notice.not_before,
        notice.expires_at, hours_of(notice), notice.silent, notice.state != "due",
        frozenset(ConsentChannel(each) for each in notice.tried), accepted, delivered, notice.opened_at is not None,
        person, rules, held_until, visit, notice.visit_at,
    )  # fmt: skip


def visit_now(status: str | None, starts_at: datetime | None, confirmed: bool | None) -> VisitNow | None:
    """Of the columns of `visits_now`; None where there is no visit."""
    if status is None or starts_at is None:
        return None
    return VisitNow(AppointmentStatus(status), starts_at, bool(confirmed))


def hours_of(notice: AnyNotice) -> Hours | None:
    if notice.hours_zone is None or notice.hours_opens is None or notice.hours_closes is None:
        return None
    return Hours(
        notice.hours_zone, notice.hours_opens, notice.hours_closes, frozenset(notice.hours_weekdays or range(7))
    )


def rules_of(policy: ContactPolicyRow | None) -> Rules:
    if policy is None:
        return USUAL_RULES
    caps = USUAL_CAPS if policy.caps is None else tuple(Cap.model_validate(each) for each in policy.caps)
    ladders = tuple(LadderRule.model_validate(each) for each in policy.ladders)
    return Rules(caps, ladders, policy.calls, frozenset(policy.closed_on), _span(policy.quiet_from, policy.quiet_to))


def _span(starts: time | None, ends: time | None) -> tuple[time, time] | None:
    return None if starts is None or ends is None else (starts, ends)


def _person(
    wishes: ContactPreferenceRow | None, rules: Rules, zone: str, language: str, phone: str | None,
    email: str | None, words: list[str] | None, chats: list[str] | None, dead: list[str] | None,
) -> Person:  # fmt: skip
    own = _span(wishes.quiet_from, wishes.quiet_to) if wishes else None
    lives_in = wishes.zone if wishes and wishes.zone else zone
    span = own or rules.quiet
    last: dict[ConsentChannel, bool] = {}
    for word in words or ():
        last.setdefault(ConsentChannel(word[:-1]), word[-1] == "+")
    gone = (each.partition(" ") for each in dead or ())
    return Person(
        lives_in, language, phone, email, tuple(dict.fromkeys(chats or ())),
        frozenset((Way(way), address) for way, _, address in gone), last,
        QuietHours(lives_in, *span) if span else None, wishes.mute_until if wishes else None,
        _wishes(wishes) if wishes else Wishes(),
    )  # fmt: skip


def _wishes(row: ContactPreferenceRow) -> Wishes:
    named = (ConsentChannel(each) for each in row.channel_order)
    return Wishes(tuple(named), frozenset(ConsentChannel(each) for each in row.never))
