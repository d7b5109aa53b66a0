"""Rows of automation: journeys, who is in them, when to look again, and the log of what was done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow
from core.schema import APPEND_ONLY, add_function

# RFC 9562 §5.7 for rows that INSERT … SELECT makes: the milliseconds of `at`, then random bits; setting bits
# 52 and 53 turns version 4 into 7. PostgreSQL has its own `uuidv7()` only from version 18 on.
add_function(
    SQLModel.metadata,
    """
    create function id_made_at(at timestamptz) returns uuid language sql volatile as $$
        select encode(set_bit(set_bit(
            overlay(
                uuid_send(gen_random_uuid())
                placing substring(int8send(floor(extract(epoch from at) * 1000)::bigint) from 3) from 1 for 6
            ), 52, 1), 53, 1), 'hex')::uuid
    $$
    """,
)


class JourneyRow(TenantRow, table=True):
    """One version of a journey of a clinic. Once published its definition never changes; only its state does.

    `counted_at`: of a period or date, up to which moment everybody was let in.
    """

    __tablename__ = "journey"
    __table_args__ = (
        Index("journey_version", "clinic_id", "key", "version", unique=True),
        Index(
            "journey_active", "clinic_id", "key", unique=True, postgresql_where=text("state in ('active', 'paused')")
        ),
        Index("journey_running", "state", postgresql_where=text("state in ('active', 'paused', 'draining')")),
    )

    key: str
    version: int
    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    made_at: datetime
    made_by: UUID | None = None
    changed_at: datetime
    counted_at: datetime | None = None
    carries: str | None = None
    """What becomes of who is on this version, once another one is published or all are stopped."""


class Enrolment(TenantRow, table=True):
    """One patient's way through one journey. `seq` numbers what was done, and is the next number to give.

    `journey_key`: the same for every version. `subject_id`: the visit, plan, coupon or document that it is about; a
    patient is on a journey once for each. `hops`: how many journeys handed over in a row before this one.
    `step_since`: since when they stand on their step; `waiting`: its wait has begun.
    """

    __tablename__ = "enrolment"
    __table_args__ = (
        of_patient("enrolment"),
        ForeignKeyConstraint(
            ["clinic_id", "journey_id"], ["journey.clinic_id", "journey.id"], name="enrolment_journey"
        ),
        Index(
            "enrolment_entry", "clinic_id", "journey_key", "patient_id", "subject_id", "entry_no",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        Index(
            "enrolment_active", "clinic_id", "journey_key", "patient_id", "subject_id",
            unique=True, postgresql_nulls_not_distinct=True, postgresql_where=text("state = 'active'"),
        ),
        # Of the journeys of a group a patient is on one at a time: the lock that two of them meet at.
        Index(
            "enrolment_group", "clinic_id", "patient_id", "exclusive_group",
            unique=True, postgresql_where=text("state = 'active' and exclusive_group is not null"),
        ),
        Index("enrolment_of_patient", "clinic_id", "patient_id", "entered_at"),
        Index("enrolment_of_journey", "clinic_id", "journey_id", "entered_at"),
        Index("enrolment_about", "clinic_id", "subject_id", postgresql_where=text("subject_id is not null")),
    )  # fmt: skip

    journey_id: UUID
    journey_key: str
    patient_id: UUID
    subject_id: UUID | None = None
    entry_no: int
    state: str
    exclusive_group: str | None = None
    step: str
    step_since: datetime
    waiting: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    seq: int
    hops: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))
    entered_at: datetime
    exited_at: datetime | None = None
    exit_reason: str | None = None
    outcome: str | None = None
    """The word of the `exit` step that they came to."""
    goal_at: datetime | None = None
    goal_event_id: UUID | None = None
    failures: int = Field(default=0, sa_column=Column(SmallInteger, nullable=False, server_default=text("0")))


class JourneyMark(SQLModel, table=True):
    """How far the events were listened to, by transaction: what lies before it needs no look any more. One row."""

    __tablename__ = "journey_mark"

    name: str = Field(primary_key=True)
    xid: int = Field(sa_column=Column(BigInteger, nullable=False))


class Timer(SQLModel, table=True):
    """When to look at an active enrolment again. Apart and narrow, so that the wide row stays out of the index.

    With the due time inside `enrolment`, every step rewrote all indexes of the row: 27 000 against 40 000
    steps a second, measured.
    """

    __tablename__ = "timer"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "enrolment_id"], ["enrolment.clinic_id", "enrolment.id"], name="timer_enrolment"
        ),
        Index("timer_due", "due_at"),
    )

    clinic_id: UUID = Field(primary_key=True)
    enrolment_id: UUID = Field(primary_key=True)
    due_at: datetime


class Touchpoint(TenantRow, table=True):
    """What was done, or held back, or ended, for one enrolment; `notice_id` names the message given to push."""

    __tablename__ = "touchpoint"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "enrolment_id"], ["enrolment.clinic_id", "enrolment.id"], name="touchpoint_enrolment"
        ),
        Index("touchpoint_seq", "clinic_id", "enrolment_id", "seq", unique=True),
        {"info": {APPEND_ONLY: True}},
    )

    enrolment_id: UUID
    seq: int
    step: str
    verdict: str
    reason: str = ""
    """A stable code: why skipped, failed or out."""
    notice_id: UUID | None = None
    thing_id: UUID | None = None
    """The task, coupon, invitation, chat message or call that came of it."""
    at: datetime
