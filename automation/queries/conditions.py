"""Meanings as SQL conditions on a patient, such that PostgreSQL joins sets and never looks at one patient at a time.

Every question stands in an AND (`settled` has brought each `Never` next to a fact, and `any` is a union of sets), so
each EXISTS becomes a semi-join and each NOT EXISTS an anti-join. An EXISTS in an OR would be run for each patient.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)  # fmt: skip
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.criteria.meaning import (
    TODAY,
    Aged,
    All,
    Birthday,
    Counted,
    Either,
    Fact,
    Has,
    Last,
    Meaning,
    Never,
    Overdue,
    Registered,
    Some,
    Source,
    Trait,
    Where,
    Without,
)  # fmt: skip
from automation.criteria.said import Contact
from automation.queries.days import BIRTHDAY, BORN, DAY, MADE, Days, month_and_day
from automation.queries.records import records
from cabinet.account_balance import LedgerKind
from clinic.queries import openers
from clinic.tables import Patient
from push.tables import DeviceRow

_WHOLE_YEAR = 365


@dataclass(frozen=True, slots=True)
class Place:
    """Where a condition stands: its patient's row, and the calendar that is joined to it."""

    patient: Any
    days: Days

    def is_of(self, rows: Any) -> ColumnElement[bool]:
        """The rows are this patient's."""
        return and_(rows.c.clinic_id == self.patient.clinic_id, rows.c.patient_id == self.patient.id)


def members(meaning: Meaning, days: Days, *among: Callable[[Any], ColumnElement[bool]]) -> Select[Any]:
    """`(clinic_id, patient_id)` of everybody of whom a settled meaning is true, within `among` where given."""
    patient = aliased(Patient)
    columns: list[Any] = [col(patient.clinic_id), col(patient.id).label("patient_id")]
    return (
        select(*columns)
        .join(days.table, days.home(patient))
        .where(condition(meaning, Place(patient, days)), *(within(patient) for within in among))
    )


def condition(meaning: Meaning, at: Place) -> ColumnElement[bool]:
    """SQL that is true of the patient of `at`."""
    match meaning:
        case All(items):
            return and_(true(), *(condition(item, at) for item in items))
        case Either(items):
            return _any(items, at)
        case Never(item):
            return not_(condition(item, at))
        case _:
            return _FACTS[type(meaning)](meaning, at)


def _any(items: tuple[Meaning, ...], at: Place) -> ColumnElement[bool]:
    """Columns of the patient are compared where they stand; everything else is a set to be joined with."""
    plain = [item for item in items if _is_plain(item)]
    if len(plain) == len(items):
        return or_(false(), *(condition(item, at) for item in items))
    either = union_all(*(members(item, at.days) for item in items)).subquery()
    return exists(select(literal(1)).select_from(either).where(at.is_of(either)))


def _is_plain(meaning: Meaning) -> bool:
    match meaning:
        case All(items) | Either(items):
            return all(_is_plain(item) for item in items)
        case Never(item):
            return _is_plain(item)
        case Has(trait=trait, word=word):
            return trait is not Trait.CONTACT or word != Contact.APP
        case _:
            return isinstance(meaning, Aged | Birthday | Registered)


def _some(some: Some, at: Place) -> ColumnElement[bool]:
    if not some.is_plain:
        enough = _enough(some, at.days).subquery()
        return exists(select(literal(1)).select_from(enough).where(at.is_of(enough)))
    rows = records(some.source, at.days).subquery()
    return exists(select(literal(1)).select_from(rows).where(at.is_of(rows), *_counts(some, rows, at.days)))


def _enough(some: Some, days: Days) -> Select[Any]:
    """Everybody with so many such records, or so much in them."""
    rows, patient = records(some.source, days).subquery(), aliased(Patient)
    number = func.count() if some.counted is Counted.RECORDS else func.sum(rows.c.amount)
    return (
        select(rows.c.clinic_id, rows.c.patient_id)
        .join(patient, and_(col(patient.clinic_id) == rows.c.clinic_id, col(patient.id) == rows.c.patient_id))
        .join(days.table, days.home(patient))
        .where(*_counts(some, rows, days))
        .group_by(rows.c.clinic_id, rows.c.patient_id)
        .having(number >= some.at_least)
    )


def _last(last: Last, at: Place) -> ColumnElement[bool]:
    latest = _latest(last, at.days).subquery()
    today, line = at.days.bound(DAY, TODAY), at.days.bound(DAY, last.line)
    so_long_ago = and_(latest.c.before <= line, or_(latest.c.next.is_(None), latest.c.next > today))
    # Of a CASE PostgreSQL expects that it holds for every second one. Of the comparisons it would expect so few that it
    # looked the next question up for each of them.
    counts = case((so_long_ago, true()), else_=false())
    return exists(select(literal(1)).select_from(latest).where(at.is_of(latest), counts))


def _latest(last: Last, days: Days) -> Select[Any]:
    """Of everybody with such records the last until the latest of all branches' lines, and the first after it."""
    rows = records(last.source, days).subquery()
    day = days.table.alias()
    line = select(func.max(day.c[days.names[DAY, last.line]])).scalar_subquery()
    before, following = func.max(rows.c.at).filter(rows.c.at <= line), func.min(rows.c.at).filter(rows.c.at > line)
    return (
        select(rows.c.clinic_id, rows.c.patient_id, before.label("before"), following.label("next"))
        .where(*says(last.where, rows))
        .group_by(rows.c.clinic_id, rows.c.patient_id)
    )


def _counts(some: Some, rows: Any, days: Days) -> list[ColumnElement[bool]]:
    """The record says the words, lies where it must, and nothing follows it that must not."""
    return [
        *says(some.where, rows),
        *(days.beyond(rows.c.at, some.source, line) for line in some.bounds),
        *(not_(_followed(rows, without, days)) for without in some.without),
    ]


def says(where: Where, rows: Any) -> list[ColumnElement[bool]]:
    """SQL: the records say one of the words of each member."""
    return [
        rows.c[member] == next(iter(words)) if len(words) == 1 else rows.c[member].in_(sorted(words))
        for member, words in where
    ]


def _followed(first: Any, without: Without, days: Days) -> ColumnElement[bool]:
    then = records(without.source, days).subquery()
    ties = [then.c.at >= first.c.at if without.at_once else then.c.at > first.c.at]
    if without.within_days is not None:
        ties.append(then.c.at <= first.c.at + func.make_interval(0, 0, 0, 0, 24 * without.within_days))
    if without.same is not None:
        ties.append(then.c[without.same] == first.c[without.same])
    same = and_(then.c.clinic_id == first.c.clinic_id, then.c.patient_id == first.c.patient_id)
    lines = (days.beyond(then.c.at, without.source, line) for line in without.bounds)
    return exists(select(literal(1)).select_from(then).where(same, *says(without.where, then), *lines, *ties))


def _overdue(late: Overdue, at: Place) -> ColumnElement[bool]:
    owing = _late(late, at.days).subquery()
    return exists(select(literal(1)).select_from(owing).where(at.is_of(owing)))


def _late(late: Overdue, days: Days) -> Select[Any]:
    """The twin of `cabinet.account_balance.overdue`: by stage, capped by plan, capped by the whole."""
    books = Some(Source.LEDGER)
    rows, patient = records(books.source, days).subquery(), aliased(Patient)
    charge = rows.c.kind == LedgerKind.CHARGE.value
    due = func.coalesce(func.sum(rows.c.amount).filter(charge, rows.c.due < days.bound(DAY, late.line)), 0)
    others = func.coalesce(func.sum(rows.c.amount).filter(~charge), 0)
    whose = (rows.c.clinic_id, rows.c.patient_id, rows.c.currency)
    stage = (
        select(
            *whose, rows.c.plan, func.least(func.greatest(due + others, 0), due).label("late"),
            func.sum(rows.c.amount).label("owed"),
        )
        .join(patient, and_(col(patient.clinic_id) == rows.c.clinic_id, col(patient.id) == rows.c.patient_id))
        .join(days.table, days.home(patient))
        .where(*_counts(books, rows, days))
        .group_by(*whose, rows.c.plan, rows.c.stage)
        .subquery()
    )  # fmt: skip
    plan = _capped(stage, "plan").subquery()
    whole = _capped(plan)
    return whole.having(_least(plan) > 0)


def _least(of: Any) -> Any:
    return func.least(func.sum(of.c.late), func.greatest(func.sum(of.c.owed), 0))


def _capped(of: Any, *by: str) -> Select[Any]:
    whose = [of.c[name] for name in ("clinic_id", "patient_id", "currency", *by)]
    return select(*whose, _least(of).label("late"), func.sum(of.c.owed).label("owed")).group_by(*whose)


def _has(fact: Has, at: Place) -> ColumnElement[bool]:
    if fact.trait is Trait.LANGUAGE:
        return col(at.patient.language) == fact.word
    if fact.trait is Trait.BRANCH:
        return col(at.patient.branch_id) == fact.word
    if fact.word == Contact.APP:
        phones = with_app(at.days).subquery()
        return exists(select(literal(1)).select_from(phones).where(at.is_of(phones)))
    return col(at.patient.email if fact.word == Contact.EMAIL else at.patient.phone).is_not(None)


def with_app(days: Days) -> Select[Any]:
    """Everybody whose record somebody may open who is signed in on a phone that takes messages."""
    who, phone = openers(days.moment), aliased(DeviceRow)
    return (
        select(who.c.clinic_id, who.c.patient_id)
        .join(phone, and_(col(phone.clinic_id) == who.c.clinic_id, col(phone.account_id) == who.c.account_id))
        .where(col(phone.dead_at).is_(None), col(phone.token) != "", col(phone.registered_at) <= days.moment)
    )


def _birthday(fact: Birthday, at: Place) -> ColumnElement[bool]:
    if fact.within_days >= _WHOLE_YEAR:
        return true()
    born = month_and_day(col(at.patient.birth_date))
    first, last = month_and_day(at.days.table.c.today), at.days.bound(BIRTHDAY, fact.within_days)
    return or_(and_(first <= last, born.between(first, last)), and_(first > last, or_(born >= first, born <= last)))


_FACTS: dict[type[Fact], Callable[..., ColumnElement[bool]]] = {
    Some: _some,
    Last: _last,
    Overdue: _overdue,
    Has: _has,
    Aged: lambda aged, at: col(at.patient.birth_date) <= at.days.bound(BORN, aged.years),
    Birthday: _birthday,
    Registered: lambda fact, at: col(at.patient.id) >= at.days.bound(MADE, fact.since),
}
