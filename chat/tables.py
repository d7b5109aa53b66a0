"""Rows of the chat: one conversation per patient for ever, its messages, its log, and how far each has read."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow
from core.events import Xid8
from core.schema import APPEND_ONLY


def _of_conversation(table: str) -> ForeignKeyConstraint:
    target = ["conversation.clinic_id", "conversation.id"]
    return ForeignKeyConstraint(["clinic_id", "conversation_id"], target, name=f"{table}_conversation")


class Conversation(TenantRow, table=True):
    """The one thread of a patient and the clinic, and the lock under which its numbers are given.

    `last_seq` numbers messages, `last_rev` everything both sides see; both are dense and in commit order.
    No index but its keys and room in each page: its updates then touch no index (HOT).
    """

    __tablename__ = "conversation"
    __table_args__ = (
        of_patient("conversation"),
        UniqueConstraint("clinic_id", "patient_id", name="conversation_of_patient"),
        {"postgresql_with": {"fillfactor": 70}},
    )

    patient_id: UUID
    last_seq: int = 0
    last_rev: int = 0
    n_patient: int = 0
    n_clinic: int = 0
    last_at: datetime
    # Set when the patient was erased: the log still points here, nobody finds it any more.
    erased_at: datetime | None = None


class Message(SQLModel, table=True):
    """What was said. A client's id names it for ever: sent again it is the same message.

    `sender_id` is an account (patients), a staff row or a journey; `notice_decided_at` says that somebody
    looked whether a push has to follow, and is never set for what a patient wrote.
    """

    __tablename__ = "message"
    __table_args__ = (
        _of_conversation("message"),
        UniqueConstraint("clinic_id", "sender_id", "client_id", name="message_client_id"),
        # Only what is still to be decided is in it; the sweep crosses clinics.
        Index(
            "message_undecided",
            "at",
            postgresql_where=text("side <> 'patient' and notice_decided_at is null"),
        ),
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    rev: int
    ordinal: int
    side: str
    sender_id: UUID
    sender_name: str
    client_id: UUID
    body: str
    at: datetime
    notice_decided_at: datetime | None = None


class ChatEvent(SQLModel, table=True):
    """The log that devices follow: every change of a conversation by its `rev`, which has no holes.

    `log` tells the shared one (`s`) from logs only some may see, each dense on its own. `data` points at a
    message by `seq` and never repeats it: the text lives once, where it can be changed and erased.
    """

    __tablename__ = "chat_event"
    __table_args__ = (
        _of_conversation("chat_event"),
        # Nodes ask every second what committed since the last horizon, in all clinics.
        Index("chat_event_xid", "xid"),
        {"info": {APPEND_ONLY: True}},
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    log: str = Field(primary_key=True)
    rev: int = Field(primary_key=True)
    kind: str
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime
    xid: int = Field(
        default=None,
        sa_column=Column(Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    )


class Mark(SQLModel, table=True):
    """How far one person got: `delivered` to a device, `read` on its screen. It only moves forward."""

    __tablename__ = "mark"
    __table_args__ = (_of_conversation("mark"),)

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    side: str
    delivered: int = 0
    read: int = 0
