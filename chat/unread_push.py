"""Decides, some seconds after each message of the clinic, whether the patient's phone has to be told.

A device that shows the chat says so by a mark within that time; an open socket alone proves nothing (it may be
half dead). Each message is decided once, in the transaction that enqueues its notice.
"""

from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Row, Select, and_, exists, func, select, tuple_, update
from sqlmodel import col

from chat.conversation import Side
from chat.tables import Conversation, Mark, Message
from core.database import Sweeping
from push.commands import enqueue
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
    untold = sorted((row for row in rows if row.seq is not None), key=attrgetter("clinic_id"))
    for clinic_id, group in groupby(untold, key=attrgetter("clinic_id")):
        await enqueue(sweeping, clinic_id, [_notice(row, now) for row in group], now)
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
    """The due messages, taken so that no other worker decides them too."""
    key = (col(Message.clinic_id), col(Message.conversation_id), col(Message.seq))
    due = (
        select(*key)
        .where(
            col(Message.side) != Side.PATIENT.value,
            col(Message.notice_decided_at).is_(None),
            col(Message.at) <= now - WAIT,
        )
        .order_by(col(Message.at))
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    taken = update(Message).where(tuple_(*key).in_(due)).values(notice_decided_at=now)
    return taken.returning(*key, col(Message.at)).cte("message")


def _seen(message: CTE) -> ColumnElement[bool]:
    """SQL: somebody of the patient's side has it on a device."""
    return exists().where(
        col(Mark.clinic_id) == message.c.clinic_id,
        col(Mark.conversation_id) == message.c.conversation_id,
        col(Mark.side) == Side.PATIENT.value,
        func.greatest(col(Mark.delivered), col(Mark.read)) >= message.c.seq,
    )
