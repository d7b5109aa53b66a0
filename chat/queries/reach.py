"""Conversations that somebody of the desk reaches, as a condition of any query that has the table `conversation`."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, exists, literal_column, select, text
from sqlmodel import col

from chat.reach_sql import beyond_sql, lost_sql, reach_sql
from chat.tables import Conversation
from core.database import UUID_PARAMETER, Reading
from core.errors import NotFound

_HERE = ("conversation.clinic_id", "conversation.id")


def within_reach(staff_id: UUID, *, turned: bool = False) -> Any:
    """SQL: this person reaches the conversation; `turned`: does not."""
    written = _turned(reach_sql(*_HERE, "s.id = :reader"), turned=turned)
    return text(written).bindparams(bindparam("reader", staff_id, type_=UUID_PARAMETER))


async def check_reach(reading: Reading, patient_id: UUID, staff_id: UUID) -> None:
    """Raises `NotFound` where this patient's conversation has begun and is not in this person's reach."""
    out = exists().where(col(Conversation.patient_id) == patient_id, within_reach(staff_id, turned=True))
    if (await reading.execute(select(out))).scalar_one():
        raise NotFound


def within_reach_of_account(*, turned: bool = False) -> Any:
    """SQL: the same of whose account the parameter `account` is."""
    written = _turned(reach_sql(*_HERE, "s.account_id = :account"), turned=turned)
    return text(written).bindparams(bindparam("account", type_=UUID_PARAMETER))


def lost_by_account() -> Any:
    """SQL: whose account the parameter `account` is reached a conversation just before this row of `chat_event`."""
    written = lost_sql("chat_event", "s.account_id = :account")
    return text(written).bindparams(bindparam("account", type_=UUID_PARAMETER))


def _turned(condition: str, *, turned: bool) -> str:
    return f"not ({condition})" if turned else condition


def beyond(newest: str) -> ColumnElement[Any]:
    """SQL: who does not reach the conversation (`chat.reach_sql.beyond_sql`); `newest`: its newest case."""
    return literal_column(beyond_sql(newest))
