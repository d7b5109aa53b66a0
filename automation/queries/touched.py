"""Whose facts may have changed since a transaction, so that only these are asked about again.

Three traces lead to them. Events name nearly everybody: what is written is told. Marks of changes name also whose
thing it was before, when a record moves to another patient. Changes of tags name who got or lost one. A phone that
signs in or goes dead belongs to an account and leaves no trace at a patient: it is found by its moment, looked at a
while back because a moment is written before its commit.

What leaves no trace at all (the zone of a branch, a phone that goes from hand to hand) is found by the nightly look at
everybody.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Interval,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    cast,
    func,
    literal,
    or_,
    select,
    union,
)  # fmt: skip
from sqlmodel import col

from automation.criteria.meaning import Has, Meaning, Some, Source, Trait, facts_of
from automation.criteria.said import Contact
from automation.queries.days import AS_OF, SINCE
from automation.tables import SegmentChange
from clinic.queries import openers
from clinic.tables import Patient
from core.changes import EVERYBODY, Change
from core.events import Event, Xid8
from push.tables import DeviceRow

CLINICS = bindparam("clinics", type_=ARRAY(Uuid()))
HORIZON = cast(bindparam("horizon", type_=Text()), Xid8())
"""The oldest transaction that was still running when it was last looked."""

# Longer than a transaction may live: statements end after 15 s, idle ones after 30.
_WRITTEN_LATE = literal(timedelta(minutes=5), Interval)
_PROGRAMME = "points"


def touched(meaning: Meaning) -> Select[Any]:
    """`(clinic_id, patient_id)` of everybody in `clinics` whose facts changed in `horizon` or later.

    Takes `clinics`, `horizon`, and where phones are asked for `since` and `as_of`.
    """
    parts = [_traced(Event, ~col(Event.kind).like("%.read")), _traced(Change, col(Change.patient_id) != EVERYBODY)]
    facts = list(facts_of(meaning))
    sources = {fact.source for fact in facts if isinstance(fact, Some)}
    if Source.TAG in sources:
        parts.append(_traced(SegmentChange))
    if Source.TIER in sources:
        parts.append(_of_everybody())
    if any(isinstance(fact, Has) and fact.trait is Trait.CONTACT and fact.word == Contact.APP for fact in facts):
        parts.append(_phones())
    found = union(*parts).subquery("touched")
    return select(found.c.clinic_id, found.c.patient_id)


def _traced(table: Any, *which: ColumnElement[bool]) -> Select[Any]:
    return select(col(table.clinic_id), col(table.patient_id)).where(
        col(table.xid) >= HORIZON,
        col(table.clinic_id) == func.any(CLINICS),
        col(table.patient_id).is_not(None),
        *which,
    )


def _of_everybody() -> Select[Any]:
    """All patients of a clinic whose programme of points changed."""
    whose: list[Any] = [col(Patient.clinic_id), col(Patient.id).label("patient_id")]
    same = and_(col(Change.clinic_id) == Patient.clinic_id, col(Change.patient_id) == EVERYBODY)
    return (
        select(*whose)
        .join(Change, same)
        .where(col(Change.xid) >= HORIZON, col(Change.kind) == _PROGRAMME, col(Patient.clinic_id) == func.any(CLINICS))
    )


def _phones() -> Select[Any]:
    """Whose record somebody may open whose phone signed in or went dead lately."""
    lately = SINCE - _WRITTEN_LATE
    who = openers(AS_OF)
    found: list[Any] = [who.c.clinic_id, who.c.patient_id]
    return (
        select(*found)
        .join(
            DeviceRow, and_(col(DeviceRow.clinic_id) == who.c.clinic_id, col(DeviceRow.account_id) == who.c.account_id)
        )
        .where(
            or_(col(DeviceRow.registered_at) >= lately, col(DeviceRow.dead_at) >= lately),
            who.c.clinic_id == func.any(CLINICS),
        )
    )


def horizon_now() -> ColumnElement[Any]:
    """SQL: the oldest transaction that runs still."""
    return func.pg_snapshot_xmin(func.pg_current_snapshot(), type_=Xid8())
