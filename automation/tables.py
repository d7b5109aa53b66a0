"""Rows of automation: journeys, who is in them, when to look again, and the log of what was done."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
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
    """One version of a journey of a clinic. Its definition never changes; only its state does."""

    __tablename__ = "journey"
    __table_args__ = (
        Index("journey_version", "clinic_id", "key", "version", unique=True),
        Index("journey_active", "clinic_id", "key", unique=True, postgresql_where=text("state = 'active'")),
    )

    key: str
    version: int
    definition: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    state: str
    started_at: datetime


class Enrolment(TenantRow, table=True):
    """One patient's way through one journey. `seq` numbers what was done, and is the next number to give."""

    __tablename__ = "enrolment"
    __table_args__ = (
        of_patient("enrolment"),
        ForeignKeyConstraint(
            ["clinic_id", "journey_id"], ["journey.clinic_id", "journey.id"], name="enrolment_journey"
        ),
        Index("enrolment_entry", "clinic_id", "journey_id", "patient_id", "entry_no", unique=True),
        Index(
            "enrolment_active", "clinic_id", "journey_id", "patient_id",
            unique=True, postgresql_where=text("state = 'active'"),
        ),
        Index("enrolment_of_patient", "clinic_id", "patient_id", "entered_at"),
    )  # fmt: skip

    journey_id: UUID
    patient_id: UUID
    entry_no: int
    state: str
    step: str
    seq: int
    entered_at: datetime
    exited_at: datetime | None = None
    exit_reason: str | None = None


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
    notice_id: UUID | None = None
    at: datetime
