"""Decides whether the patient's phones have to be told of what the clinic wrote, and when they may forget it again.

Each message is decided once: three seconds after it was sent, or at once where nobody of the patient's side has a
socket open. Only a device that is being looked at keeps the phones of its own account quiet, by a mark that it sends
within that time; an open socket alone proves nothing (it may be half dead), nor does what somebody else looks at. All
due messages of a conversation are decided together, in the transaction that enqueues their notice. What is read on
one device is taken from the account's other phones.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Row, Select, and_, case, exists, func, or_, select, update
from sqlalchemy.orm import aliased
from sqlmodel import col

from chat.conversation import Side
from chat.log import Thread
from chat.queries.badges import badges_of_hearers
from chat.queries.presence import connected
from chat.tables import Conversation, Mark, Message
from clinic.queries import openers
from core.database import Sweeping
from push.commands import enqueue_across
from push.notice import Notice, NoticeKind, Purpose
from push.queries import has_other_phone

WAIT = timedelta(seconds=3)
# Older ones (the worker was away) are decided without a push: nobody wants yesterday's banner at night.
TOO_OLD = timedelta(days=1)
MOST_AT_ONCE = 500
LINK = "/chat"


async def notices_for_unread(sweeping: Sweeping, now: datetime) -> int:
    """Decide what is due, over all clinics; how many messages that were (0: nothing was due).

    One notice per conversation and round, named after its newest message: a burst is one banner. Where somebody has
    seen it and others have not, it is one for each of the others. Any number of workers may run it at once.
    """
    rows = (await sweeping.execute(_decided(now))).all()
    untold = [row for row in rows if row.seq is not None]
    badges = await badges_of_hearers(sweeping, _threads(untold), now)
    notices = [(row.clinic_id, notice) for row in untold for notice in _notices(row, badges.get(_thread(row), {}), now)]
    await enqueue_across(sweeping, notices, now)
    return sum(row.messages for row in rows)


async def clears_for_read(sweeping: Sweeping, now: datetime) -> int:
    """Tell the other phones of who has read what phones had been told of; how many marks that were."""
    rows = (await sweeping.execute(_read_elsewhere())).all()
    others = [row for row in rows if row.has_others]
    badges = await badges_of_hearers(sweeping, _threads(others), now)
    hearing = [row for row in others if row.person_id in badges.get(_thread(row), {})]
    await enqueue_across(sweeping, [(row.clinic_id, _clear(row, badges[_thread(row)], now)) for row in hearing], now)
    return len(rows)


def _thread(row: Row[Any]) -> Thread:
    return Thread(row.clinic_id, row.patient_id)


def _threads(rows: Sequence[Row[Any]]) -> set[Thread]:
    return {_thread(row) for row in rows}


def _notices(row: Row[Any], badges: dict[Any, int], now: datetime) -> list[Notice]:
    if not row.seers:
        return [_notice(row, badges, now)]
    return [_notice(row, {who: badges[who]}, now, only=who) for who in badges if who not in row.seers]


def _notice(row: Row[Any], badges: dict[Any, int], now: datetime, *, only: UUID | None = None) -> Notice:
    name = f"chat:{row.id}:{row.seq}"
    return Notice(
        patient_id=row.patient_id, kind=NoticeKind.CHAT, purpose=Purpose.CHAT,
        dedupe_key=name if only is None else f"{name}:{only}", not_before=now, expires_at=now + TOO_OLD, link=LINK,
        cause_id=row.id, seq=row.seq, badges=badges, account_id=only,
    )  # fmt: skip


def _clear(row: Row[Any], badges: dict[Any, int], now: datetime) -> Notice:
    person = row.person_id
    return Notice(
        patient_id=row.patient_id, kind=NoticeKind.CHAT, purpose=Purpose.CHAT,
        dedupe_key=f"read:{row.id}:{person}:{row.read}", not_before=now, expires_at=now + TOO_OLD, cause_id=row.id,
        seq=row.read, badges={person: badges[person]}, silent=True, account_id=person,
        spared_session_id=row.read_session_id,
    )  # fmt: skip


def _read_elsewhere() -> Select[*tuple[Any, ...]]:
    """Marks that moved past what a phone was told of, each given to one worker, and whether there are other phones."""
    names = ("clinic_id", "conversation_id", "person_id", "read", "read_session_id")
    due = (
        select(*(getattr(Mark, name) for name in names[:3]))
        .where(col(Mark.clear_due))
        .limit(MOST_AT_ONCE)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    same = [col(getattr(Mark, name)) == due.c[name] for name in names[:3]]
    taken = update(Mark).where(*same).values(clear_due=False).returning(*(getattr(Mark, name) for name in names))
    mark = taken.cte("mark_")
    thread = and_(col(Conversation.clinic_id) == mark.c.clinic_id, col(Conversation.id) == mark.c.conversation_id)
    others = has_other_phone(mark.c.clinic_id, mark.c.person_id, mark.c.read_session_id)
    columns: list[Any] = [
        *(mark.c.clinic_id, col(Conversation.patient_id), col(Conversation.id), mark.c.person_id, mark.c.read),
        *(mark.c.read_session_id, others.label("has_others")),
    ]
    return select(*columns).select_from(mark).join(Conversation, thread)


def _decided(now: datetime) -> Select[*tuple[Any, ...]]:
    """Per conversation: how many messages are now decided, the newest of them that somebody has not seen (`seq`), if
    any, and who has (`seers`).
    """
    message = _taken(now)
    same = and_(col(Conversation.clinic_id) == message.c.clinic_id, col(Conversation.id) == message.c.conversation_id)
    columns: list[Any] = [
        *(col(Conversation.clinic_id), col(Conversation.patient_id), col(Conversation.id)),
        func.count().label("messages"),
        func.max(message.c.seq).filter(message.c.told).label("seq"),
    ]
    key = (col(Conversation.clinic_id), col(Conversation.id))
    decided = select(*columns).select_from(message).join(Conversation, same).group_by(*key).subquery("decided")
    seers = select(func.array_agg(col(Mark.person_id))).where(
        *_looked_at(decided.c.clinic_id, decided.c.id, decided.c.seq)
    )
    return select(*decided.c, seers.correlate(decided).scalar_subquery().label("seers"))


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
    untold = and_(col(Message.at) > now - TOO_OLD, col(Message.deleted_at).is_(None), ~_seen_by_all(now))
    columns = (col(Message.clinic_id), col(Message.conversation_id), col(Message.seq), col(Message.told))
    return taken.values(notice_decided_at=now, told=untold).returning(*columns).cte("taken")


def _due(message: Any, now: datetime) -> ColumnElement[bool]:
    return and_(
        col(message.side) != Side.PATIENT.value,
        col(message.notice_decided_at).is_(None),
        or_(col(message.at) <= now - WAIT, ~_somebody_connected(message, now)),
    )


def _somebody_connected(message: Any, now: datetime) -> ColumnElement[bool]:
    thread = (col(Conversation.clinic_id) == message.clinic_id, col(Conversation.id) == message.conversation_id)
    return exists().where(*thread, connected(col(Conversation.clinic_id), col(Conversation.patient_id), now))


def _same_conversation(one: Any, other: Any) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(one.clinic_id) == col(other.clinic_id), col(one.conversation_id) == col(other.conversation_id)


def _seen_by_all(now: datetime) -> ColumnElement[bool]:
    """SQL: everybody who hears the thread, and at least one of them, has it on a device that is being looked at."""
    of_message = (col(Message.clinic_id), col(Message.conversation_id), col(Message.seq))
    hearer = openers(now)
    seen = exists().where(*_looked_at(*of_message), col(Mark.person_id) == hearer.c.account_id)
    thread = and_(
        col(Conversation.clinic_id) == hearer.c.clinic_id, col(Conversation.patient_id) == hearer.c.patient_id
    )
    unseen = (
        select(hearer.c.account_id)
        .join(Conversation, thread)
        .where(col(Conversation.clinic_id) == of_message[0], col(Conversation.id) == of_message[1])
        .where(hearer.c.hears, ~seen)
    )
    # In this order: mostly nobody looks, and then nobody needs to know who hears it.
    return case((~exists().where(*_looked_at(*of_message)), False), else_=~unseen.exists())


def _looked_at(clinic_id: Any, conversation_id: Any, seq: Any) -> tuple[ColumnElement[bool], ...]:
    """SQL: the marks of those of the patient's side who have this message on a device that is being looked at."""
    return (
        col(Mark.clinic_id) == clinic_id,
        col(Mark.conversation_id) == conversation_id,
        col(Mark.side) == Side.PATIENT.value,
        col(Mark.front) >= seq,
    )
