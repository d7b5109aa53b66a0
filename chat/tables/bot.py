"""Rows of the bot: which question it is at."""

from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from chat.tables.conversation import of_conversation


class BotTurn(SQLModel, table=True):
    """The question of a case (its last message) that a worker has taken to the bot, until its lease ends."""

    __tablename__ = "bot_turn"
    __table_args__ = (of_conversation("bot_turn"),)

    clinic_id: UUID = Field(primary_key=True)
    case_id: UUID = Field(primary_key=True)
    conversation_id: UUID
    seq: int
    tries: int
    leased_until: datetime
