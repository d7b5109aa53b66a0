"""The verbs of the chat: say something, say how far one has read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import BaseModel, ConfigDict
from sqlalchemy import text
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat.conversation import Side
from chat.functions import MARK, POST, SEND
from chat.log import ConversationEvent, EventKind, MovedMark, PostedMessage, Thread
from clinic.commands import AccessTooNarrow, NoRecordLinked
from core.database import Database, Writing
from core.errors import Conflict, NotAllowed, NotFound, Refusal, Unavailable
from core.ids import new_id
from core.moments import Moment
from identity.commands import SessionEnded


class IdReused(Conflict):
    """The client's id already names another message; each message needs an id of its own."""

    slug = "id-reused"


_REFUSALS: dict[str, type[Refusal]] = {
    kind.slug: kind for kind in (IdReused, SessionEnded, NoRecordLinked, AccessTooNarrow, NotAllowed, NotFound)
}
# What a lost or refused connection looks like on this path. Whether the message was kept is then unknown;
# the same client id may be sent again and again.
_OUT_OF_REACH = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.OperatorInterventionError,
    asyncpg.LockNotAvailableError,
    OSError,
    PoolTimeout,
)


@dataclass(frozen=True, slots=True)
class Speaker:
    """A signed-in account on one side of the clinic's conversations. What it may do is asked with each statement."""

    side: Side
    clinic_id: UUID
    account_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Target:
    """Which conversation: by its id, by its patient (it need not have begun), or the account's own."""

    conversation_id: UUID | None = None
    patient_id: UUID | None = None


OWN = Target()


@dataclass(frozen=True, slots=True)
class Sent:
    """A kept message: its event, whose conversation it is in, and whether it had been sent before (`dup`)."""

    thread: Thread
    event: ConversationEvent
    seq: int
    dup: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A mark as it stands. `event` is None where it did not move."""

    thread: Thread
    conversation_id: UUID
    event: ConversationEvent | None


class _Post(BaseModel):
    """Answer of `chat_send` and `chat_post`."""

    model_config = ConfigDict(frozen=True)

    refusal: str | None = None
    conversation_id: UUID = UUID(int=0)
    patient_id: UUID = UUID(int=0)
    name: str = ""
    seq: int = 0
    rev: int = 0
    at: Moment | None = None
    dup: bool = False


class _Mark(BaseModel):
    """Answer of `chat_mark`."""

    model_config = ConfigDict(frozen=True)

    refusal: str | None = None
    conversation_id: UUID = UUID(int=0)
    patient_id: UUID = UUID(int=0)
    moved: bool = False
    rev: int = 0
    delivered: int = 0
    read: int = 0


async def send(database: Database, speaker: Speaker, target: Target, client_id: UUID, body: str, now: datetime) -> Sent:
    """Keep a message: one statement, committed when this returns. Sending it again gives the same answer.

    Raises `SessionEnded`, `NotAllowed`, `NotFound` (unknown and foreign alike), `NoRecordLinked`,
    `IdReused`, and `Unavailable` where the answer was lost: then send the same id again.
    """
    made = (client_id, body, new_id(), new_id())
    raw = await _trip(database, SEND, *_who(speaker, target), *made, now)
    return _sent(_Post.model_validate_json(raw), speaker.clinic_id, speaker.side, client_id, body)


async def mark(
    database: Database, speaker: Speaker, target: Target, delivered: int, read: int, now: datetime
) -> Marked:
    """Move the speaker's mark forward, never back: one statement. Past the last message it stops there.

    Raises as `send` does; `NotFound` also before the first message.
    """
    answer = _Mark.model_validate_json(
        await _trip(database, MARK, *_who(speaker, target), max(delivered, 0), max(read, 0), now)
    )
    _refuse(answer.refusal)
    thread = Thread(speaker.clinic_id, answer.patient_id)
    if not answer.moved:
        return Marked(thread, answer.conversation_id, None)
    moved = MovedMark(side=speaker.side, delivered=answer.delivered, read=answer.read)
    event = ConversationEvent(
        conversation_id=answer.conversation_id, rev=answer.rev, kind=EventKind.MARK, at=now, mark=moved
    )
    return Marked(thread, answer.conversation_id, event)


async def post_message(
    writing: Writing,
    thread: Thread,
    side: Side,
    sender_id: UUID,
    client_id: UUID,
    body: str,
    cause_id: UUID | None,
    now: datetime,
) -> Sent:
    """A message of the clinic's own machinery, in the caller's transaction; nodes find it within a second.

    `client_id` is the caller's name for it for ever (an enrolment's step): posted again it is the same message.
    Commit soon: the conversation stays locked until then. Raises `IdReused`.
    """
    values = {
        "clinic": thread.clinic_id, "patient": thread.patient_id, "side": side.value, "sender": sender_id, "name": "",
        "client": client_id, "body": body, "fresh": new_id(), "event": new_id(), "cause": cause_id, "at": now,
    }  # fmt: skip
    answer = _Post.model_validate((await writing.execute(text(POST), values)).scalar_one())
    return _sent(answer, thread.clinic_id, side, client_id, body)


def _who(speaker: Speaker, target: Target) -> tuple[Any, ...]:
    account = (speaker.clinic_id, speaker.side.value, speaker.account_id, speaker.session_id)
    return (*account, target.conversation_id, target.patient_id)


async def _trip(database: Database, sql: str, *arguments: Any) -> bytes:
    try:
        answer = await database.trip(sql, *arguments)
    except _OUT_OF_REACH:
        raise Unavailable(retry_after_seconds=1) from None
    assert answer is not None
    return answer


def _refuse(slug: str | None) -> None:
    if slug is not None:
        raise _REFUSALS[slug]


def _sent(answer: _Post, clinic_id: UUID, side: Side, client_id: UUID, body: str) -> Sent:
    _refuse(answer.refusal)
    assert answer.at is not None
    said = PostedMessage(seq=answer.seq, client_id=client_id, side=side, author=answer.name, body=body)
    event = ConversationEvent(
        conversation_id=answer.conversation_id, rev=answer.rev, kind=EventKind.MESSAGE, at=answer.at, message=said
    )
    return Sent(Thread(clinic_id, answer.patient_id), event, answer.seq, answer.dup)
