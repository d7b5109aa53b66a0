"""Rows of what somebody of the clinic is to do, of each try that came to nothing yet, and of teams."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow

_LIVE = text("state in ('open', 'taken')")


class Team(TenantRow, table=True):
    """A named list of colleagues."""

    __tablename__ = "team"
    __table_args__ = (Index("team_name", "clinic_id", "name", unique=True),)

    name: str
    staff_ids: list[UUID] = Field(
        default_factory=list, sa_column=Column(ARRAY(Uuid()), nullable=False, server_default=text("'{}'"))
    )
    version: int = 1
    changed_at: datetime


class Task(TenantRow, table=True):
    """One thing to do, made once for each (origin, cause, seq).

    It is for one colleague (`assignee_id`), for whoever has the rights of a starting set (`preset`), for a `team`, or,
    all three empty, for everybody. `about`: of the same about there is one live task of this origin at a time.
    `said_by_call`: its end was seen by the telephones alone, and the colleague may still say what came of it.
    """

    __tablename__ = "task"
    __table_args__ = (
        of_patient("task"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="task_branch"),
        ForeignKeyConstraint(["clinic_id", "team_id"], ["team.clinic_id", "team.id"], name="task_team"),
        ForeignKeyConstraint(["clinic_id", "assignee_id"], ["staff.clinic_id", "staff.id"], name="task_assignee"),
        ForeignKeyConstraint(["clinic_id", "taken_by"], ["staff.clinic_id", "staff.id"], name="task_taker"),
        Index("task_once", "clinic_id", "origin", "cause_id", "seq", unique=True),
        Index("task_about", "clinic_id", "origin", "about", unique=True, postgresql_where=_LIVE),
        Index("task_live", "clinic_id", "due_at", "id", postgresql_where=_LIVE),
        Index("task_of_patient", "clinic_id", "patient_id", "due_at"),
        Index("task_ended", "clinic_id", "ended_at", postgresql_where=text("ended_at is not null")),
        # The sweeps cross clinics: they ask for what is due, wherever it is.
        Index("task_to_remind", "remind_at", postgresql_where=text("remind_at is not null and reminded_at is null")),
        Index("task_to_expire", "expires_at", postgresql_where=_LIVE),
    )

    kind: str
    title: str
    description: str = ""
    script: str = ""
    patient_id: UUID | None = None
    branch_id: UUID | None = None
    assignee_id: UUID | None = None
    preset: str | None = None
    team_id: UUID | None = None
    origin: str
    cause_id: UUID
    seq: int
    about: UUID | None = None
    due_at: datetime
    remind_at: datetime | None = None
    reminded_at: datetime | None = None
    expires_at: datetime | None = None
    state: str
    tries: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))
    calls_back: bool = False
    version: int = 1
    made_at: datetime
    made_by: UUID | None = None
    taken_by: UUID | None = None
    taken_at: datetime | None = None
    outcome: str | None = None
    note: str = ""
    said_by_call: bool = False
    ended_by: UUID | None = None
    ended_at: datetime | None = None


class TaskTry(TenantRow, table=True):
    """A try after which the same task is due again."""

    __tablename__ = "task_try"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "task_id"], ["task.clinic_id", "task.id"], name="task_try_task"),
        Index("task_try_number", "clinic_id", "task_id", "number", unique=True),
    )

    task_id: UUID
    number: int = Field(sa_column=Column(SmallInteger, nullable=False))
    outcome: str
    note: str = ""
    staff_id: UUID | None = None
    at: datetime
