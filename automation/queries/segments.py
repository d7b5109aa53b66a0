"""Segments as SQL: one set-wise statement for any criteria tree, at a moment that is bound and never `now()`."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlmodel import col

from automation.criteria.meaning import settled
from automation.library import BY_HAND, tags_named
from automation.queries.conditions import members
from automation.queries.days import AS_OF, days_at
from automation.segment import Criterion, meaning_of
from automation.tables import Segment
from clinic.appointment import STANDING
from clinic.tables import Appointment
from core.database import Reading
from core.errors import Fault
from core.events import Event


def segment_statement(criterion: Criterion, *among: Callable[[Any], ColumnElement[bool]]) -> Select[UUID, UUID]:
    """`(clinic_id, patient_id)` of everybody who matches, of every clinic in reach. Takes `as_of`.

    `among`: conditions on the patient's row, for who wants to know it of some patients only.
    """
    meaning = settled(meaning_of(criterion))
    return members(meaning, days_at(AS_OF, [meaning]), *among)


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


async def tag_faults(
    reading: Reading, clinic_id: UUID, criterion: Criterion, pointer: str = "/criteria"
) -> list[Fault]:
    """Criteria ask for tags and lists of this clinic only: a segment of criteria would have to be known before."""
    named = list(tags_named(criterion, pointer))
    if not named:
        return []
    statement = select(col(Segment.id)).where(
        col(Segment.clinic_id) == clinic_id,
        col(Segment.id).in_([segment_id for _, segment_id in named]),
        col(Segment.kind).in_(sorted(kind.value for kind in BY_HAND)),
        col(Segment.archived_at).is_(None),
    )
    known = set((await reading.execute(statement)).scalars())
    return [Fault(place, "unknown-tag") for place, segment_id in named if segment_id not in known]


async def segment_preview(
    reading: Reading, criterion: Criterion, as_of: datetime, limit: int
) -> tuple[int, list[UUID]]:
    """How many match in the clinic of the scope, and the first `limit` of them by id."""
    found = segment_statement(criterion).cte("everybody").prefix_with("MATERIALIZED")
    first = select(found.c.patient_id).order_by(found.c.patient_id).limit(limit).scalar_subquery()
    total: Any = select(func.count()).select_from(found).scalar_subquery()
    row = (await reading.execute(select(total.label("total"), func.array(first).label("ids")), {"as_of": as_of})).one()
    return row.total, row.ids
