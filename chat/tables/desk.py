"""Rows of the desk: how it works, who is on its rota, what it often says, and how soon it answers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, ForeignKeyConstraint, Index, Integer, LargeBinary, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT, TSVECTOR
from sqlmodel import Field, SQLModel

from chat.tables.conversation import of_conversation
from clinic.keys import of_patient
from core.database import TenantRow

_NONE = text("'[]'")


def _list_of_values() -> Any:
    return Field(default=[], sa_column=Column(JSONB, nullable=False, server_default=_NONE))


class ChatDesk(SQLModel, table=True):
    """How a clinic's desk works. Without a row: by hand, without a bot, an away text or an escalation."""

    __tablename__ = "chat_desk"

    clinic_id: UUID = Field(primary_key=True)
    starters: list[dict[str, Any]] = _list_of_values()
    topics: list[dict[str, Any]] = _list_of_values()
    away: list[dict[str, Any]] = _list_of_values()
    labels: list[str] = Field(default=[], sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    weekdays: list[int] = Field(
        default=list(range(7)),
        sa_column=Column(ARRAY(Integer), nullable=False, server_default=text("'{0,1,2,3,4,5,6}'")),
    )
    assigning: str = Field(default="by_hand", sa_column_kwargs={"server_default": text("'by_hand'")})
    escalate_minutes: int | None = None
    escalate_to: UUID | None = None
    asks_score: bool = Field(default=True, sa_column_kwargs={"server_default": text("true")})
    bot: str = Field(default="none", sa_column_kwargs={"server_default": text("'none'")})
    bot_url: str | None = None
    bot_secret: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    # When somebody last said how soon to answer; who waits is planned anew.
    changed_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=text("now()"))
    )


class ChatRota(SQLModel, table=True):
    """Somebody among whom cases go round. Empty `branch_ids` or `topics` mean all."""

    __tablename__ = "chat_rota"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "staff_id"], ["staff.clinic_id", "staff.id"], name="chat_rota_staff"),
    )

    clinic_id: UUID = Field(primary_key=True)
    staff_id: UUID = Field(primary_key=True)
    branch_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid()), nullable=False, server_default=text("'{}'")))
    topics: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'")))
    paused: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    turn: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})


class CannedReply(TenantRow, table=True):
    """A text that the desk often sends, with variables."""

    __tablename__ = "canned_reply"
    __table_args__ = (Index("canned_reply_title", "clinic_id", "title"),)

    title: str
    body: str
    language: str
    changed_at: datetime


class ChatPace(SQLModel, table=True):
    """How soon a desk first answered, over the last weeks: the median in working minutes, and of how many answers."""

    __tablename__ = "chat_pace"

    clinic_id: UUID = Field(primary_key=True)
    minutes: int
    answers: int
    counted_at: datetime


class ChatWords(SQLModel, table=True):
    """A message as it can be found. Its clinic is one of its words, so that one index serves the search in each."""

    __tablename__ = "chat_words"
    __table_args__ = (
        of_conversation("chat_words"),
        Index("chat_words_words", "words", postgresql_using="gin"),
    )

    clinic_id: UUID = Field(primary_key=True)
    conversation_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    at: datetime
    words: Any = Field(sa_column=Column(TSVECTOR, nullable=False))


class ChatWordsMark(SQLModel, table=True):
    """How far the logs were read for the search: a transaction; all before it are over and done. One row."""

    __tablename__ = "chat_words_mark"

    id: int = Field(primary_key=True)
    xid: int = Field(sa_type=BigInteger)


class ChatAddress(SQLModel, table=True):
    """Whose an address of another channel is, as the clinic's own system said."""

    __tablename__ = "chat_address"
    __table_args__ = (of_patient("chat_address"), Index("chat_address_patient", "clinic_id", "patient_id"))

    clinic_id: UUID = Field(primary_key=True)
    via: str = Field(primary_key=True)
    address: str = Field(primary_key=True)
    patient_id: UUID
