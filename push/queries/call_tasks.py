"""Whom the desk should call, what must be said soonest first."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from clinic.queries.reaching import reachable_people
from core.database import Reading
from core.moments import Moment
from core.values import Value
from push.notice import NoticeKind, Purpose
from push.tables import CallTask


class CallTaskView(Value):
    """Somebody to call. What it is about is read at the patient, or at `cause_id`."""

    task_id: UUID
    patient_id: UUID
    name: str
    phone: str | None
    kind: NoticeKind
    purpose: Purpose
    cause_id: UUID | None
    state: Literal["open", "taken", "done", "cancelled"]
    made_at: Moment
    due_until: Moment
    taken_by: UUID | None
    outcome: str | None


async def call_tasks(
    reading: Reading, clinic_id: UUID, now: datetime, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[CallTaskView]:
    """Those that are open or taken and still worth a call."""
    waiting = _tasks(clinic_id).where(col(CallTask.state).in_(["open", "taken"]), col(CallTask.due_until) > now)
    if after is not None:
        waiting = waiting.where(func.row(col(CallTask.due_until), col(CallTask.id)) > func.row(*after))
    rows = await reading.execute(waiting.order_by(col(CallTask.due_until), col(CallTask.id)).limit(limit))
    return [_view(*row) for row in rows]


async def call_task(reading: Reading, clinic_id: UUID, task_id: UUID) -> CallTaskView | None:
    row = (await reading.execute(_tasks(clinic_id).where(col(CallTask.id) == task_id))).one_or_none()
    return None if row is None else _view(*row)


def _tasks(clinic_id: UUID) -> Select[*tuple[Any, ...]]:
    person = reachable_people()
    whose = and_(person.c.clinic_id == CallTask.clinic_id, person.c.patient_id == CallTask.patient_id)
    columns: list[Any] = [CallTask, person.c.given_name, person.c.family_name, person.c.phone]
    return select(*columns).join(person, whose).where(col(CallTask.clinic_id) == clinic_id)


def _view(task: CallTask, given: str, family: str, phone: str | None) -> CallTaskView:
    return CallTaskView(
        task_id=task.id, patient_id=task.patient_id, name=f"{given} {family}", phone=phone,
        kind=NoticeKind(task.kind), purpose=Purpose(task.purpose), cause_id=task.cause_id,
        state=task.state,
        made_at=task.made_at, due_until=task.due_until, taken_by=task.taken_by, outcome=task.outcome,
    )  # fmt: skip
