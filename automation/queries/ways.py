"""Who is on a journey, and where they stand."""

from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, or_, select
from sqlmodel import col

from automation.journey.words import EnrolmentState, ExitReason
from automation.tables import Enrolment, Timer
from clinic.tables import Patient
from core.database import Reading
from core.moments import Moment
from core.values import Value


class OnTheWay(Value):
    """One patient on a journey; `due_at`: when it looks at them again."""

    enrolment_id: UUID
    patient_id: UUID
    name: str = Field(max_length=200)
    state: EnrolmentState
    step: str = Field(max_length=64)
    entered_at: Moment
    step_since: Moment
    due_at: Moment | None
    exited_at: Moment | None
    exit_reason: ExitReason | None
    goal_at: Moment | None


async def on_the_way(
    reading: Reading,
    clinic_id: UUID,
    journey_id: UUID,
    *,
    step: str | None,
    state: EnrolmentState | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[OnTheWay]:
    """Who came in last first, past the key `after`; of one step or state, where they are given."""
    timed = and_(col(Timer.clinic_id) == Enrolment.clinic_id, col(Timer.enrolment_id) == col(Enrolment.id))
    who = and_(col(Patient.clinic_id) == Enrolment.clinic_id, col(Patient.id) == col(Enrolment.patient_id))
    statement = (
        select(Enrolment, col(Patient.given_name), col(Patient.family_name), col(Timer.due_at))
        .join_from(Enrolment, Patient, who)
        .outerjoin(Timer, timed)
        .where(col(Enrolment.clinic_id) == clinic_id, col(Enrolment.journey_id) == journey_id)
        .order_by(col(Enrolment.entered_at).desc(), col(Enrolment.id).desc())
        .limit(limit)
    )
    if step is not None:
        statement = statement.where(col(Enrolment.step) == step)
    if state is not None:
        statement = statement.where(col(Enrolment.state) == state.value)
    if after is not None:
        at, last = after
        earlier = and_(col(Enrolment.entered_at) == at, col(Enrolment.id) < last)
        statement = statement.where(or_(col(Enrolment.entered_at) < at, earlier))
    return [_on_the_way(*row) for row in await reading.execute(statement)]


def _on_the_way(row: Enrolment, given: str, family: str, due_at: datetime | None) -> OnTheWay:
    return OnTheWay(
        enrolment_id=row.id,
        patient_id=row.patient_id,
        name=f"{given} {family}".strip(),
        state=EnrolmentState(row.state),
        step=row.step,
        entered_at=row.entered_at,
        step_since=row.step_since,
        due_at=due_at,
        exited_at=row.exited_at,
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        goal_at=row.goal_at,
    )
