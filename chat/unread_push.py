"""Decides, some seconds after each message of the clinic, whether the patient's phone has to be told.

A device that shows the chat says so by a mark within that time; an open socket alone proves nothing (it may be
half dead). All due messages of a conversation are decided together and once, in the transaction that enqueues
its notice.
"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Row, Select, and_, exists, func, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat.conversation import Side
from chat.tables import Conversation, Mark, Message
from core.database import Sweeping
from push.commands import enqueue_across
from push.notice import Notice, NoticeKind, Purpose

WAIT = timedelta(seconds=3)
# Older ones (the worker was away) are decided without a push: nobody wants yesterday's banner at night.
TOO_OLD = timedelta(days=1)
MOST_AT_ONCE = 500
LINK = "/chat"


async def notices_for_unread(sweeping: Sweeping, now: datetime) -> int:
    """Decide what is due, over all clinics; how many messages that were (0: nothing was due).

    One notice per conversation and round, named after its newest message: a burst is one banner.
    Any number of workers may run it at once.
    """
    rows = (await sweeping.execute(_decided(now))).all()
    untold = [(row.clinic_id, _notice(row, now)) for row in rows if row.seq is not None]
    await enqueue_across(sweeping, untold, now)
    return sum(row.messages for row in rows)


def _notice(row: Row[Any], now: datetime) -> Notice:
    conversation_id: UUID = row.id
    return Notice(
        patient_id=row.patient_id,
        kind=NoticeKind.CHAT,
        purpose=Purpose.CHAT,
        dedupe_key=f"chat:{conversation_id}:{row.seq}",
        not_before=now,
        expires_at=now + TOO_OLD,
        link=LINK,
        cause_id=conversation_id,
    )


def _decided(now: datetime) -> Select[*tuple[Any, ...]]:
    """Per conversation: how many messages are now decided, and the newest that nobody has seen (`seq`), if any."""
    message = _taken(now)
    untold = and_(message.c.at > now - TOO_OLD, ~_seen(message))
    same = and_(col(Conversation.clinic_id) == message.c.clinic_id, col(Conversation.id) == message.c.conversation_id)
    columns: list[Any] = [
        *(col(Conversation.clinic_id), col(Conversation.patient_id), col(Conversation.id)),
        func.count().label("messages"),
        func.max(message.c.seq).filter(untold).label("seq"),
    ]
    key = (col(Conversation.clinic_id), col(Conversation.id))
    return select(*columns).select_from(message).join(Conversation, same).group_by(*key)


def _taken(now: datetime) -> CTE:
    """The due messages of conversations that no other worker is deciding.

    The first due message stands for its conversation: who has locked it has them all. The conversation itself
    stays free, or whoever writes in it would wait for this round.
    """
    earlier = aliased(Message)
    before = (*_same_conversation(earlier, Message), col(earlier.seq) < col(Message.seq))
    free = (
        select(col(Message.clinic_id), col(Message.conversation_id))
        .where(_due(Message, now), ~exists().where(_due(earlier, now), *before))
        .order_by(col(Message.at))
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .cte("free")  # run once, and not anew for each message
    )
    taken = update(Message).where(_due(Message, now), *_same_conversation(Message, free.c))
    columns = (col(Message.clinic_id), col(Message.conversation_id), col(Message.seq), col(Message.at))
    return taken.values(notice_decided_at=now).returning(*columns).cte("message")


def _due(message: Any, now: datetime) -> ColumnElement[bool]:
    return and_(
        col(message.side) != Side.PATIENT.value,
        col(message.notice_decided_at).is_(None),
        col(message.at) <= now - WAIT,
    )


def _same_conversation(one: Any, other: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(one.clinic_id) == col(other.clinic_id), col(one.conversation_id) == col(other.conversation_id)


def _seen(message: CTE) -> ColumnElement[bool]:
    """SQL: somebody of the patient's side has it on a device."""
    return exists().where(
        col(Mark.clinic_id) == message.c.clinic_id,
        col(Mark.conversation_id) == message.c.conversation_id,
        col(Mark.side) == Side.PATIENT.value,
        func.greatest(col(Mark.delivered), col(Mark.read)) >= message.c.seq,
    )
