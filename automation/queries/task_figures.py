"""How many tasks each colleague has done, missed and left over in a period: one statement."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, case, func, literal, or_, select, union_all
from sqlmodel import col

from automation.queries.tasks import LIVE, within_reach
from automation.tables import Task, TaskTry
from automation.task import TaskKind, TaskState, completion_rate
from clinic.tables import Staff
from core.database import Reading
from core.values import Int32, Int64, Value

MOST_PEOPLE = 1_000


class TaskFigures(Value):
    """Of one colleague, or, without one, of what nobody had."""

    staff_id: UUID | None
    name: str
    done: Int64 = Field(description="Ended by them in the period.")
    late: Int64 = Field(description="Of these, after they were due.")
    calls: Int64 = Field(description="Calls done, and tries after which a call was due again.")
    missed: Int64 = Field(description="Theirs, and over in the period without anybody having done it.")
    overdue: Int64 = Field(description="Theirs, due in the period, late and still to be done.")
    not_called_back: Int64 = Field(description="Of missed and overdue, those to whom a call was owed.")
    completion_bp: Int32 | None = Field(
        description="Done of done, missed and overdue, in basis points; none where there was nothing.", examples=[8750]
    )


async def task_figures(
    reading: Reading, clinic_id: UUID, staff_id: UUID, since: datetime, until: datetime, now: datetime
) -> list[TaskFigures]:
    """Of tasks within the reach of who asks (`staff_id`), by name; `since` to before `until`.

    A task is of whoever ended it, else has taken it, else it is for. What was called off counts for nobody.
    """
    whole = union_all(
        _ended(clinic_id, staff_id, since, until, now), _tried(clinic_id, staff_id, since, until)
    ).subquery()
    sums: list[Any] = [func.coalesce(func.sum(whole.c[name]), 0) for name in _COUNTED]
    who = and_(col(Staff.clinic_id) == clinic_id, col(Staff.id) == whole.c.staff_id)
    statement = (
        select(whole.c.staff_id, func.coalesce(col(Staff.name), ""), *sums)
        .select_from(whole)
        .outerjoin(Staff, who)
        .group_by(whole.c.staff_id, col(Staff.name))
        .order_by(col(Staff.name).nulls_last(), whole.c.staff_id)
        .limit(MOST_PEOPLE)
    )
    return [_figures(row[0], row[1], *row[2:]) for row in await reading.execute(statement)]


_COUNTED = ("done", "late", "calls", "missed", "overdue", "not_called_back")


def _ended(clinic_id: UUID, staff_id: UUID, since: datetime, until: datetime, now: datetime) -> Any:
    ended = and_(col(Task.ended_at) >= since, col(Task.ended_at) < until)
    done = and_(col(Task.state) == TaskState.DONE.value, ended)
    missed = and_(col(Task.state) == TaskState.MISSED.value, ended)
    due = and_(col(Task.due_at) >= since, col(Task.due_at) < until)
    overdue = and_(col(Task.state).in_(LIVE), due, col(Task.due_at) < now)
    whose = func.coalesce(
        case((col(Task.state) == TaskState.DONE.value, col(Task.ended_by))), col(Task.taken_by), col(Task.assignee_id)
    )
    flags = {
        "done": done, "late": and_(done, col(Task.ended_at) > col(Task.due_at)),
        "calls": and_(done, col(Task.kind) == TaskKind.CALL.value), "missed": missed, "overdue": overdue,
        "not_called_back": and_(col(Task.calls_back), or_(missed, overdue)),
    }  # fmt: skip
    counts = [case((flags[name], 1), else_=0).label(name) for name in _COUNTED]
    counted = (col(Task.clinic_id) == clinic_id, or_(done, missed, overdue), within_reach(staff_id))
    return select(whose.label("staff_id"), *counts).where(*counted)


def _tried(clinic_id: UUID, staff_id: UUID, since: datetime, until: datetime) -> Any:
    of_task = and_(col(Task.clinic_id) == TaskTry.clinic_id, col(Task.id) == col(TaskTry.task_id))
    counts = [literal(1 if name == "calls" else 0).label(name) for name in _COUNTED]
    tried = (col(TaskTry.at) >= since, col(TaskTry.at) < until)
    return (
        select(col(TaskTry.staff_id), *counts)
        .select_from(TaskTry)
        .join(Task, of_task)
        .where(col(TaskTry.clinic_id) == clinic_id, *tried, within_reach(staff_id))
    )


def _figures(staff_id: UUID | None, name: str, *counted: int) -> TaskFigures:
    said = dict(zip(_COUNTED, (int(each) for each in counted), strict=True))
    rate = completion_rate(said["done"], said["missed"] + said["overdue"])
    return TaskFigures(staff_id=staff_id, name=name, **said, completion_bp=rate)
