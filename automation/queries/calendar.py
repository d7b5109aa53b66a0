"""What is planned to be said in the next weeks, day by day: counts, and nobody's name."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Date, Select, and_, cast, func, literal, null, select, union_all
from sqlalchemy.types import Text
from sqlmodel import col

from automation.journey.words import EnrolmentState
from automation.results import Told, told
from automation.tables import Enrolment, JourneyRow, Timer
from clinic.tables import Branch, Patient
from core.database import MOMENT_PARAMETER, Reading
from core.moments import Day
from core.values import Value
from push.tables import NoticeRow

MOST_DAYS = 60
MOST_LINES = 2_000


class Planned(Value):
    """So many patients on one day, by the clock of their branch.

    With a `journey`: it looks at them then, on that step, and may say something or wait on. With a `kind`: a message of
    that kind stands ready for then. What is late is of today.
    """

    day: Day
    journey: str | None = Field(max_length=64)
    step: str | None = Field(max_length=64)
    kind: str | None = Field(max_length=60)
    count: Told


async def planned(reading: Reading, clinic_id: UUID, now: datetime, days: int, *, clinical: bool) -> list[Planned]:
    """Of the next `days`, in their order; one statement."""
    until = now + timedelta(days=days)
    whole = union_all(_looks(clinic_id, now, until), _notices(clinic_id, now, until)).subquery()
    ordered = (whole.c.day, whole.c.journey, whole.c.step, whole.c.kind)
    statement = select(whole).order_by(*ordered).limit(MOST_LINES)
    return [
        Planned(day=day, journey=journey, step=step, kind=kind, count=told(count, clinical=clinical))
        for day, journey, step, kind, count in await reading.execute(statement)
    ]


def _day(moment: Any, now: datetime) -> ColumnElement[Any]:
    due = func.greatest(moment, literal(now, MOMENT_PARAMETER))
    return cast(func.timezone(col(Branch.zone), due), Date).label("day")


def _at_home(patient_id: Any, clinic_id: Any) -> tuple[Any, Any]:
    who = and_(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
    return who, and_(col(Branch.clinic_id) == Patient.clinic_id, col(Branch.id) == col(Patient.branch_id))


def _looks(clinic_id: UUID, now: datetime, until: datetime) -> Select[Any]:
    of = and_(col(Enrolment.clinic_id) == Timer.clinic_id, col(Enrolment.id) == col(Timer.enrolment_id))
    who, home = _at_home(col(Enrolment.patient_id), col(Enrolment.clinic_id))
    mine = and_(col(JourneyRow.clinic_id) == Enrolment.clinic_id, col(JourneyRow.id) == col(Enrolment.journey_id))
    day = _day(col(Timer.due_at), now)
    return (
        select(
            day, col(JourneyRow.key).label("journey"), col(Enrolment.step).label("step"),
            cast(null(), Text).label("kind"), func.count().label("count"),
        )
        .join_from(Timer, Enrolment, of)
        .join(JourneyRow, mine)
        .join(Patient, who)
        .join(Branch, home)
        .where(
            col(Timer.clinic_id) == clinic_id,
            col(Timer.due_at) < until,
            col(Enrolment.state) == EnrolmentState.ACTIVE.value,
        )
        .group_by(day, col(JourneyRow.key), col(Enrolment.step))
    )  # fmt: skip


def _notices(clinic_id: UUID, now: datetime, until: datetime) -> Select[Any]:
    who, home = _at_home(col(NoticeRow.patient_id), col(NoticeRow.clinic_id))
    moment = func.greatest(col(NoticeRow.next_at), col(NoticeRow.not_before))
    day = _day(moment, now)
    return (
        select(
            day, cast(null(), Text).label("journey"), cast(null(), Text).label("step"),
            col(NoticeRow.kind).label("kind"), func.count().label("count"),
        )
        .join_from(NoticeRow, Patient, who)
        .join(Branch, home)
        .where(
            col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.state) == "due", ~col(NoticeRow.silent),
            col(NoticeRow.next_at).is_not(None), moment < until,
        )
        .group_by(day, col(NoticeRow.kind))
    )  # fmt: skip
