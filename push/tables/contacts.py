"""Rows of how a patient may be reached: the clinic's rules, their own wishes, the places taken, links and tasks."""

from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Date, DateTime, ForeignKeyConstraint, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow

_NO_WORDS = text("'{}'")
_NO_RULES = text("'[]'")


class ContactPolicyRow(SQLModel, table=True):
    """A clinic's rules of reaching people; without a row the usual ones hold. Null `caps`: the usual caps."""

    __tablename__ = "contact_policy"

    clinic_id: UUID = Field(primary_key=True)
    caps: list[dict[str, Any]] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    ladders: list[dict[str, Any]] = Field(
        default_factory=list, sa_column=Column(JSONB, nullable=False, server_default=_NO_RULES)
    )
    quiet_from: time | None = None
    quiet_to: time | None = None
    closed_on: list[date] = Field(
        default_factory=list, sa_column=Column(ARRAY(Date), nullable=False, server_default=_NO_WORDS)
    )
    calls: bool = False
    changed_at: datetime


class ContactPreferenceRow(SQLModel, table=True):
    """What a patient wishes. Without a zone the home branch's counts."""

    __tablename__ = "contact_preference"
    __table_args__ = (of_patient("contact_preference"),)

    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    zone: str | None = None
    quiet_from: time | None = None
    quiet_to: time | None = None
    mute_until: datetime | None = None
    channel_order: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(TEXT), nullable=False, server_default=_NO_WORDS)
    )
    never: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(TEXT), nullable=False, server_default=_NO_WORDS)
    )
    changed_at: datetime


class ContactRing(SQLModel, table=True):
    """The last instants at which a patient was reached for one purpose, newest first, on one way or on `any`.

    Its lock is the cap: who takes a place holds it until the commit.
    """

    __tablename__ = "contact_ring"
    __table_args__ = (of_patient("contact_ring"),)

    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    purpose: str = Field(primary_key=True)
    channel: str = Field(primary_key=True)
    sent_at: list[datetime] = Field(
        default_factory=list,
        sa_column=Column(ARRAY(DateTime(timezone=True)), nullable=False, server_default=_NO_WORDS),
    )


class MessengerLink(TenantRow, table=True):
    """A chat of a messenger that a patient has opened for the clinic, or the one-time start that will open it."""

    __tablename__ = "messenger_link"
    __table_args__ = (
        of_patient("messenger_link"),
        Index("messenger_link_start", "clinic_id", "token_hash", unique=True),
        Index("messenger_link_of_patient", "clinic_id", "patient_id"),
        Index("messenger_link_of_chat", "clinic_id", "way", "address", postgresql_where=text("address is not null")),
    )

    patient_id: UUID
    account_id: UUID = Field(foreign_key="account.id")
    way: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    expires_at: datetime
    address: str | None = None
    linked_at: datetime | None = None
    ended_at: datetime | None = None


class DeadAddress(TenantRow, table=True):
    """A provider says that nothing will ever arrive there; a new address in the record is written to again."""

    __tablename__ = "dead_address"
    __table_args__ = (
        of_patient("dead_address"),
        Index("dead_address_of_patient", "clinic_id", "patient_id", "way", "address", unique=True),
    )

    patient_id: UUID
    way: str
    address: str
    dead_at: datetime


class CallTask(TenantRow, table=True):
    """A person should call: nothing else has reached the patient. What staff sees and does of it is automation's.

    `handed_over`: automation has taken notice of this row as it stands.
    """

    __tablename__ = "call_task"
    __table_args__ = (
        of_patient("call_task"),
        ForeignKeyConstraint(["clinic_id", "notice_id"], ["notice.clinic_id", "notice.id"], name="call_task_notice"),
        Index("call_task_once", "clinic_id", "notice_id", unique=True),
        # The sweep crosses clinics: it asks for what it has not seen, wherever it is.
        Index("call_task_new", "made_at", postgresql_where=text("not handed_over")),
    )

    patient_id: UUID
    notice_id: UUID
    kind: str
    purpose: str
    cause_id: UUID | None = None
    state: str
    made_at: datetime
    due_until: datetime
    ended_at: datetime | None = None
    handed_over: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
