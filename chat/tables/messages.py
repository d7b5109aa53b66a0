"""Rows of what was said: messages, what people think of them, and the notes that only staff sees."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from chat.tables.conversation import of_conversation


class Message(SQLModel, table=True):
    """What was said, as it reads now. Its client's id is kept from being used twice by `chat_event`.

    `sender_id` is an account (patients), a staff row, a bot or a journey; `notice_decided_at` says that somebody
    looked whether a push has to follow, and is never set for what a patient wrote. Of a deleted one `body` is empty
    and there is neither `media` (ids of pictures and voice messages) nor `card` nor `form`.
    """

    __tablename__ = "message"
    __table_args__ = (
        of_conversation("message"),
        # Only what is still to be decided is in it; the sweep crosses clinics.
        Index(
            "message_undecided",
            "at",
            postgresql_where=text("side <> 'patient' and notice_decided_at is null"),
        ),
        # What unread counts have to leave out: there is little of it.
        Index(
            "message_deleted", "clinic_id", "conversation_id", "seq", postgresql_where=text("deleted_at is not null")
        ),
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    rev: int
    ordinal: int
    side: str
    via: str
    sender_id: UUID
    sender_name: str
    client_id: UUID
    body: str
    media: list[str] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    card: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    form: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    re: int | None = None
    at: datetime
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    notice_decided_at: datetime | None = None
    # A phone was told of it (or of the newer one it came with).
    told: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class Reaction(SQLModel, table=True):
    """What one person thinks of one message: one sign, which may be changed and taken back."""

    __tablename__ = "reaction"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "conversation_id", "seq"],
            ["message.clinic_id", "message.conversation_id", "message.seq"],
            name="reaction_message",
        ),
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    side: str
    emoji: str


class ChatNote(SQLModel, table=True):
    """What staff noted for each other, by its `rev` in their log."""

    __tablename__ = "chat_note"
    __table_args__ = (of_conversation("chat_note"),)

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    rev: int = Field(primary_key=True)
    staff_id: UUID
    author: str
    body: str
    at: datetime
