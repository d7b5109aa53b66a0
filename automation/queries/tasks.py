"""What is to be done, by whom, and what has been done: as far as somebody's branches reach."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ARRAY, Boolean, ColumnElement, Select, Text, and_, func, literal, literal_column, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.tables import PhoneCall, Task, TaskTry, Team
from automation.task import TaskKind, TaskOrigin, TaskOutcome, TaskState
from automation.task_words import title_of
from chat.reach_sql import stands_sql
from clinic.tables import Branch, Patient, Staff
from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value

LIVE = ("open", "taken")


class TaskPart(StrEnum):
    """Which tasks: `mine` I have or should do, `team` anybody of us may take, `all` those that I may see."""

    MINE = "mine"
    TEAM = "team"
    ALL = "all"


class TaskDue(StrEnum):
    ANY = "any"
    OVERDUE = "overdue"
    TODAY = "today"
    """Until the end of the day at the task's branch; what is late too."""


@dataclass(frozen=True, slots=True)
class Doer:
    """Who looks or acts, and whose work of the starting sets they can do."""

    staff_id: UUID
    presets: list[str]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list is narrowed to."""

    part: TaskPart = TaskPart.ALL
    due: TaskDue = TaskDue.ANY
    kind: TaskKind | None = None
    patient_id: UUID | None = None


class TaskView(Value):
    """One task as lists show it: what colleagues wrote about the patient stands in the whole of it alone."""

    task_id: UUID
    kind: TaskKind
    title: str = Field(examples=["Call back: a missed call"])
    patient_id: UUID | None
    name: str = Field(description="Of the patient; empty where it is about nobody known.", examples=["Anna Rossi"])
    phone: str | None
    branch_id: UUID | None
    assignee_id: UUID | None
    preset: str | None = Field(description="For whoever has the rights of this starting set.", examples=["reception"])
    team_id: UUID | None
    origin: TaskOrigin
    cause_id: UUID = Field(description="The notice, enrolment, call or invitation it was made for.")
    due_at: Moment
    remind_at: Moment | None
    expires_at: Moment | None
    state: TaskState
    tries: Int32
    version: Int32
    made_at: Moment
    taken_by: UUID | None
    outcome: TaskOutcome | None
    said_by_call: bool = Field(description="The telephones saw its end; who called may still say what came of it.")
    ended_by: UUID | None
    ended_at: Moment | None


class TaskTexts(Value):
    description: str
    script: str = Field(description="What to say, in the clinic's words.")
    note: str = Field(description="What was written down at its end.")


class TaskTryView(Value):
    number: Int32
    outcome: TaskOutcome
    note: str
    staff_id: UUID | None
    at: Moment


def within_reach(staff_id: UUID) -> ColumnElement[bool]:
    """SQL: somebody sees the row of `task`: as for conversations, by the branches they are tied to."""
    standing = literal_column(
        stands_sql("task.branch_id", "coalesce(task.taken_by, task.assignee_id)", "staff"), Boolean()
    )
    return select(col(Staff.id)).where(
        col(Staff.clinic_id) == Task.clinic_id, col(Staff.id) == staff_id, standing
    ).correlate(Task).exists()  # fmt: skip


def for_everybody_of(doer: Doer) -> ColumnElement[bool]:
    """SQL: the row of `task` is for nobody by name, and for this doer among others."""
    team = select(col(Team.id)).where(
        col(Team.clinic_id) == Task.clinic_id, col(Team.id) == col(Task.team_id),
        literal(doer.staff_id) == func.any(col(Team.staff_ids)),
    ).correlate(Task).exists()  # fmt: skip
    preset = col(Task.preset) == func.any(literal(doer.presets, ARRAY(Text())))
    nobodys = and_(col(Task.preset).is_(None), col(Task.team_id).is_(None))
    return and_(col(Task.assignee_id).is_(None), or_(nobodys, preset, team))


def gone(staff_id: Any) -> ColumnElement[bool]:
    """SQL: whom the row of `task` names works here no longer."""
    return select(col(Staff.id)).where(
        col(Staff.clinic_id) == Task.clinic_id, col(Staff.id) == staff_id, col(Staff.left_at).is_not(None)
    ).correlate(Task).exists()  # fmt: skip


async def tasks(
    reading: Reading, clinic_id: UUID, doer: Doer, wanted: Wanted, language: str, now: datetime,
    *, after: tuple[datetime, UUID] | None, limit: int,
) -> list[TaskView]:  # fmt: skip
    """Those that are open or taken, what is due soonest first."""
    statement = _tasks(clinic_id, doer.staff_id).where(col(Task.state).in_(LIVE), *_narrowed(doer, wanted, now))
    if after is not None:
        statement = statement.where(func.row(col(Task.due_at), col(Task.id)) > func.row(*after))
    rows = await reading.execute(statement.order_by(col(Task.due_at), col(Task.id)).limit(limit))
    return [_view(language, *row) for row in rows]


def _narrowed(doer: Doer, wanted: Wanted, now: datetime) -> list[ColumnElement[bool]]:
    mine = or_(
        col(Task.taken_by) == doer.staff_id,
        and_(col(Task.taken_by).is_(None), col(Task.assignee_id) == doer.staff_id),
    )
    parts = {TaskPart.MINE: mine, TaskPart.TEAM: and_(col(Task.state) == "open", for_everybody_of(doer))}
    found = [parts[wanted.part]] if wanted.part in parts else []
    if wanted.due is TaskDue.OVERDUE:
        found.append(col(Task.due_at) < now)
    if wanted.due is TaskDue.TODAY:
        found.append(col(Task.due_at) < _end_of_day(now))
    if wanted.kind is not None:
        found.append(col(Task.kind) == wanted.kind.value)
    if wanted.patient_id is not None:
        found.append(col(Task.patient_id) == wanted.patient_id)
    return found


def _end_of_day(now: datetime) -> ColumnElement[datetime]:
    """SQL: the next midnight at the task's branch; of what belongs to none, at the clinic's first."""
    first = aliased(Branch)
    of_clinic = select(col(first.zone)).where(col(first.clinic_id) == Task.clinic_id).order_by(col(first.id)).limit(1)
    zone = func.coalesce(col(Branch.zone), of_clinic.correlate(Task).scalar_subquery(), "UTC")
    tomorrow = func.date_trunc("day", func.timezone(zone, literal(now))) + literal_column("interval '1 day'")
    midnight: ColumnElement[datetime] = func.timezone(zone, tomorrow)
    return midnight


async def task(reading: Reading, clinic_id: UUID, staff_id: UUID, task_id: UUID, language: str) -> TaskView | None:
    row = (await reading.execute(_tasks(clinic_id, staff_id).where(col(Task.id) == task_id))).one_or_none()
    return None if row is None else _view(language, *row)


async def task_texts(reading: Reading, clinic_id: UUID, task_id: UUID) -> TaskTexts:
    mine = (col(Task.clinic_id) == clinic_id, col(Task.id) == task_id)
    columns = (col(Task.description), col(Task.script), col(Task.note))
    description, script, note = (await reading.execute(select(*columns).where(*mine))).one()
    return TaskTexts(description=description, script=script, note=note)


async def task_tries(reading: Reading, clinic_id: UUID, task_id: UUID) -> list[TaskTryView]:
    mine = (col(TaskTry.clinic_id) == clinic_id, col(TaskTry.task_id) == task_id)
    rows = (await reading.execute(select(TaskTry).where(*mine).order_by(col(TaskTry.number)))).scalars()
    return [
        TaskTryView(
            number=row.number, outcome=TaskOutcome(row.outcome), note=row.note, staff_id=row.staff_id, at=row.at
        )
        for row in rows
    ]


def _tasks(clinic_id: UUID, staff_id: UUID) -> Select[*tuple[Any, ...]]:
    person = and_(col(Patient.clinic_id) == Task.clinic_id, col(Patient.id) == col(Task.patient_id))
    branch = and_(col(Branch.clinic_id) == Task.clinic_id, col(Branch.id) == col(Task.branch_id))
    call = and_(col(PhoneCall.clinic_id) == Task.clinic_id, col(PhoneCall.id) == col(Task.cause_id))
    phone = func.coalesce(col(Patient.phone), col(PhoneCall.number))
    columns: list[Any] = [Task, col(Patient.given_name), col(Patient.family_name), phone]
    return (
        select(*columns)
        .outerjoin(Patient, person)
        .outerjoin(Branch, branch)
        .outerjoin(PhoneCall, call)
        .where(col(Task.clinic_id) == clinic_id, within_reach(staff_id))
        .execution_options(populate_existing=True)  # what a statement has changed since is not what was read before
    )


def _view(language: str, row: Task, given: str | None, family: str | None, phone: str | None) -> TaskView:
    origin = TaskOrigin(row.origin)
    return TaskView(
        task_id=row.id, kind=TaskKind(row.kind), title=title_of(origin, row.title, language),
 patient_id=row.patient_id,
        name=f"{given} {family}" if given is not None else "", phone=phone, branch_id=row.branch_id,
        assignee_id=row.assignee_id, preset=row.preset, team_id=row.team_id, origin=origin, cause_id=row.cause_id,
        due_at=row.due_at, remind_at=row.remind_at, expires_at=row.expires_at, state=TaskState(row.state),
        tries=row.tries, version=row.version, made_at=row.made_at, taken_by=row.taken_by,
        outcome=TaskOutcome(row.outcome) if row.outcome else None, said_by_call=row.said_by_call,
        ended_by=row.ended_by, ended_at=row.ended_at,
    )  # fmt: skip
