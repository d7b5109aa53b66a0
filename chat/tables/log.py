"""Rows of the logs that devices follow."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chat.tables.conversation import of_conversation
from core.events import Xid8
from core.schema import APPEND_ONLY, ERASABLE


class ChatEvent(SQLModel, table=True):
    """Every change of a conversation by its `rev`, which has no holes.

    `log` tells the shared one (`s`) from the staff's own (`p`), each dense by itself. `data` points at a message by
    `seq` and never repeats it: the text lives once, where it can be changed and erased.

    Where somebody did it, `client_id` is the sender's own name for it, for ever: whatever it was (a message, a change,
    a note), asked for again it is the same. `digest` is of what was asked, to tell a repeat from another thing under
    the same name; an erasure takes it away, because a short text can be guessed from it, and `data` with it, which
    says what a case was about.
    """

    __tablename__ = "chat_event"
    __table_args__ = (
        of_conversation("chat_event"),
        UniqueConstraint("clinic_id", "sender_id", "client_id", name="chat_event_client_id"),
        # Nodes ask every second what committed since the last horizon, in all clinics.
        Index("chat_event_xid", "xid"),
        {"info": {APPEND_ONLY: True, ERASABLE: ("digest", "data")}},
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    log: str = Field(primary_key=True)
    rev: int = Field(primary_key=True)
    kind: str
    data: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime
    sender_id: UUID | None = None
    client_id: UUID | None = None
    digest: UUID | None = None
    xid: int = Field(
        default=None,
        sa_column=Column(Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    )
