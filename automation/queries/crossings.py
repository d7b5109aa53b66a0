"""Whose truth the clock alone may have changed between two moments, so that only these are asked about again.

Time moves a line over records: who has one that lies between where the line was and where it is now may have changed.
Everybody else has not, as long as none of their facts did.
"""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, false, literal, or_, select, union
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.criteria.meaning import (
    BY_DAY,
    Aged,
    Ago,
    Birthday,
    Elapsed,
    Fact,
    Has,
    Last,
    Line,
    Overdue,
    Registered,
    Some,
    Source,
    Trait,
    Where,
    facts_of,
)  # fmt: skip
from automation.criteria.said import Contact
from automation.queries.conditions import Place, condition, says, with_app
from automation.queries.days import AS_OF, BEGINS, DAY, ENDS, SINCE, Days, before, days_at
from automation.queries.records import records
from automation.segment import Criterion, meaning_of
from clinic.tables import Patient

_TURN = frozenset({Source.PLAN, Source.DOCUMENT})
"""Sources whose records come to say something else by themselves (`ends`)."""


def crossed_statement(criterion: Criterion) -> Select[Any]:
    """`(clinic_id, patient_id)` of everybody of whom the tree may have become true or untrue after `since` and until
    `as_of`, by the clock alone. Takes both. Some of them have not changed; nobody else has."""
    meaning = meaning_of(criterion)
    was, now = days_at(SINCE, [meaning], "day_before"), days_at(AS_OF, [meaning])
    touched = [part for fact in facts_of(meaning) for part in _CROSSED[type(fact)](fact, was, now)]
    nobody = select(*_key(Patient)).where(false())
    found = union(nobody, *touched).subquery()
    return select(found.c.clinic_id, found.c.patient_id)


def _key(patient: Any) -> list[Any]:
    return [col(patient.clinic_id), col(patient.id).label("patient_id")]


def _some(some: Some, was: Days, now: Days) -> list[Select[Any]]:
    if some.source is Source.TIER:
        return [_everybody(some.source, days) for days in (was, now)]
    asked = [(some.source, some.where, some.bounds), *((each.source, each.where, each.bounds) for each in some.without)]
    return [part for source, where, lines in asked for part in _over(source, was, now, lines, where)]


def _last(last: Last, was: Days, now: Days) -> list[Select[Any]]:
    return _over(last.source, was, now, last.bounds, last.where)


def _over(
    source: Source, was: Days, now: Days, lines: tuple[Line, ...], where: Where = (), at: str = "at"
) -> list[Select[Any]]:
    """Everybody with a record that a line moved over: lines of moments move always, those of days at midnights only."""
    moments = [line for line in lines if isinstance(line.bound, Elapsed)]
    days = [line for line in lines if isinstance(line.bound, Ago)]
    parts = [_of_records(source, was, now, moments, where, at)] if moments else []
    if days or source in _TURN:
        parts.append(_of_records(source, was, now, days, where, at).where(_new_day(was, now)))
    return parts


def _of_records(source: Source, was: Days, now: Days, lines: list[Line], where: Where, at: str) -> Select[Any]:
    rows, patient = records(source, now).subquery(), aliased(Patient)
    moved = [_moved_over(rows.c[at], source, line, was, now) for line in lines]
    if "ends" in rows.c:
        moved.append(and_(rows.c.ends >= was.table.c.today, rows.c.ends < now.table.c.today))
    return (
        select(rows.c.clinic_id, rows.c.patient_id)
        .join(patient, and_(col(patient.clinic_id) == rows.c.clinic_id, col(patient.id) == rows.c.patient_id))
        .join(was.table, was.home(patient))
        .join(now.table, now.home(patient))
        # What a record says that turns by itself, it may have said at one of the two moments only.
        .where(or_(false(), *moved), *([] if source in _TURN else says(where, rows)))
    )


def _new_day(was: Days, now: Days) -> ColumnElement[bool]:
    """A day began somewhere; PostgreSQL looks that up once and at no record while none did."""
    then, today = was.table.alias(), now.table.alias()
    same = and_(then.c.clinic_id == today.c.clinic_id, then.c.branch_id == today.c.branch_id)
    return exists(select(literal(1)).select_from(then).join(today, same).where(then.c.today != today.c.today))


def _moved_over(at: Any, source: Source, line: Line, was: Days, now: Days) -> ColumnElement[bool]:
    if isinstance(line.bound, Elapsed):
        return and_(at > before(was.moment, line.bound), at <= before(now.moment, line.bound))
    if source not in BY_DAY:
        what = BEGINS if line.since else ENDS
        return and_(at >= was.bound(what, line.bound), at < now.bound(what, line.bound))
    old, new = was.bound(DAY, line.bound), now.bound(DAY, line.bound)
    return and_(at >= old, at < new) if line.since else and_(at > old, at <= new)


def _everybody(source: Source, days: Days) -> Select[Any]:
    rows = records(source, days).subquery()
    return select(rows.c.clinic_id, rows.c.patient_id)


def _overdue(late: Overdue, was: Days, now: Days) -> list[Select[Any]]:
    return [
        *_over(Source.LEDGER, was, now, Some(Source.LEDGER).bounds),
        *_over(Source.LEDGER, was, now, (Line(late.line, since=True),), at="due"),
    ]


def _of_person(fact: Aged | Birthday | Registered, was: Days, now: Days) -> list[Select[Any]]:
    """What a person's own columns say is true at one of the two moments only."""
    patient = aliased(Patient)
    then, today = (condition(fact, Place(patient, days)) for days in (was, now))
    return [
        select(*_key(patient))
        .join(was.table, was.home(patient))
        .join(now.table, now.home(patient))
        .where(then.is_distinct_from(today), _new_day(was, now))
    ]


def _has(fact: Has, was: Days, _: Days) -> list[Select[Any]]:
    """Access to a record ends by itself; nothing else of it does."""
    return [with_app(was)] if fact.trait is Trait.CONTACT and fact.word == Contact.APP else []


_CROSSED: dict[type[Fact], Callable[..., list[Select[Any]]]] = {
    Some: _some,
    Last: _last,
    Overdue: _overdue,
    Has: _has,
    Aged: _of_person,
    Birthday: _of_person,
    Registered: _of_person,
}
