"""Segments as SQL: one set-wise statement for any criteria tree, at a moment that is bound and never `now()`.

PostgreSQL turns the moment into each branch's calendar day. That is safe in this direction: a moment has
one local time in every zone, only the way back (local time to moment) is ambiguous, and that way is gone
by Python alone.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    DateTime,
    Select,
    and_,
    bindparam,
    cast,
    exists,
    func,
    not_,
    or_,
    select,
)
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.segment import Criterion, CriterionKind
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import STANDING
from clinic.tables import Appointment, Branch, Patient
from core.database import Reading
from core.events import Event

AS_OF = bindparam("as_of", type_=DateTime(timezone=True))
"""The moment a segment is asked about."""

LOCAL = select(
    col(Branch.clinic_id),
    col(Branch.id).label("branch_id"),
    col(Branch.zone),
    cast(func.timezone(col(Branch.zone), AS_OF), Date).label("today"),
).cte("local_day")
"""Every branch with its calendar day at `AS_OF`."""


def segment_statement(criterion: Criterion) -> Select[UUID, UUID]:
    """`(clinic_id, patient_id)` of everybody who matches, of every clinic in reach. Takes `as_of`."""
    return (
        select(col(Patient.clinic_id), col(Patient.id).label("patient_id"))
        .join(LOCAL, at_home())
        .where(_holds(criterion))
    )


def at_home() -> ColumnElement[bool]:
    """SQL join condition of a patient with the day of the home branch."""
    return and_(LOCAL.c.clinic_id == Patient.clinic_id, LOCAL.c.branch_id == Patient.branch_id)


def standing_ahead(clinic_id: Any, patient_id: Any) -> ColumnElement[bool]:
    """SQL twin of `PatientFacts.next_visit`: a visit that holds a place lies after `AS_OF`."""
    return exists().where(
        col(Appointment.clinic_id) == clinic_id,
        col(Appointment.patient_id) == patient_id,
        col(Appointment.starts_at) > AS_OF,
        col(Appointment.status).in_([status.value for status in sorted(STANDING)]),
    )


def booked_since(clinic_id: Any, patient_id: Any, moment: Any) -> ColumnElement[bool]:
    """SQL: since `moment` a visit was booked that then lay ahead, whatever became of it.

    A visit of the past that the clinic's system tells late is no booking.
    """
    booked = [f"appointment.{status.value}" for status in sorted(STANDING)]
    return exists().where(
        col(Event.clinic_id) == clinic_id,
        col(Event.patient_id) == patient_id,
        col(Event.kind).in_(booked),
        col(Event.at) >= moment,
        col(Appointment.clinic_id) == Event.clinic_id,
        col(Appointment.id) == Event.subject_id,
        col(Appointment.starts_at) > Event.at,
    )


async def segment_preview(
    reading: Reading, criterion: Criterion, as_of: datetime, limit: int
) -> tuple[int, list[UUID]]:
    """How many match in the clinic of the scope, and the first `limit` of them by id."""
    everybody = segment_statement(criterion).subquery()
    statement = select(everybody.c.patient_id, func.count().over().label("total")).order_by(everybody.c.patient_id)
    rows = (await reading.execute(statement.limit(limit), {"as_of": as_of})).all()
    return (rows[0].total if rows else 0), [row.patient_id for row in rows]


def _holds(criterion: Criterion) -> ColumnElement[bool]:
    return _CONDITION[criterion.kind](criterion)


def _done(leaf: Criterion, *when: Callable[[Any], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The procedure was done on a day that fits `when`."""
    assert leaf.procedure is not None
    done = aliased(ProcedureRow)
    return exists().where(
        col(done.clinic_id) == Patient.clinic_id,
        col(done.patient_id) == Patient.id,
        col(done.kind) == leaf.procedure.value,
        ~col(done.entered_in_error),
        *(fits(col(done.performed_on)) for fits in when),
    )


def _last_is_older(leaf: Criterion) -> ColumnElement[bool]:
    """Done before the line and not since: two joins that PostgreSQL can run set-wise, where max() cannot."""
    line = LOCAL.c.today - leaf.older_than_days
    return and_(
        _done(leaf, lambda day: day < line),
        not_(_done(leaf, lambda day: day >= line, lambda day: day <= LOCAL.c.today)),
    )


def _never(leaf: Criterion) -> ColumnElement[bool]:
    return not_(_done(leaf, lambda day: day <= LOCAL.c.today))


def _old_enough(leaf: Criterion) -> ColumnElement[bool]:
    # PostgreSQL's 29 February plus a year is the 28th, as in `PatientFacts.age`.
    return col(Patient.birth_date) + func.make_interval(leaf.years) <= LOCAL.c.today


_K = CriterionKind
_CONDITION: dict[CriterionKind, Callable[[Criterion], ColumnElement[bool]]] = {
    _K.ALL: lambda group: and_(*(_holds(item) for item in group.items)),
    _K.ANY: lambda group: or_(*(_holds(item) for item in group.items)),
    _K.NOT: lambda group: not_(_holds(group.items[0])),
    _K.PROCEDURE_LAST: _last_is_older,
    _K.PROCEDURE_NEVER: _never,
    _K.APPOINTMENT_AHEAD: lambda _: standing_ahead(Patient.clinic_id, Patient.id),
    _K.AGE_AT_LEAST: _old_enough,
    _K.LANGUAGE_IS: lambda leaf: col(Patient.language) == leaf.language,
}
