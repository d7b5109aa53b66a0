"""How one thing is done in a conversation, and how a statement's refusal becomes ours."""

import logging
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chat.log import ConversationEvent, Thread
from chat.sending import done_together
from chat.speaker import Speaker, Target
from clinic.commands import AccessTooNarrow, NoRecordLinked
from core.connection_loss import CONNECTION_LOST
from core.database import Database
from core.errors import Conflict, Invalid, NotAllowed, NotFound, Refusal, Unavailable
from core.ids import new_id
from identity.commands import SessionEnded


class IdReused(Conflict):
    """The client's id already names something else; whatever is done needs an id of its own."""

    slug = "id-reused"


class MessageDeleted(Conflict):
    """The message was deleted meanwhile."""

    slug = "message-deleted"


class MessageSettled(Conflict):
    """It is too old to be changed, or of a kind that is never edited; another message can be written."""

    slug = "message-settled"


class MessageNotYours(NotAllowed):
    """Only who wrote it may change it."""

    slug = "message-not-yours"


class MediaUnknown(Invalid):
    """A picture that is not this patient's, not ready, or not the sender's to show."""

    slug = "media-unknown"


_REFUSALS: dict[str, type[Refusal]] = {
    kind.slug: kind
    for kind in (
        *(IdReused, MessageDeleted, MessageSettled, MessageNotYours, MediaUnknown, Invalid),
        *(SessionEnded, NoRecordLinked, AccessTooNarrow, NotAllowed, NotFound),
    )
}
# What PostgreSQL lost, full, read-only or too slow looks like on this path. Whether it was done is then unknown;
# the same client id may be sent again and again.
_OUT_OF_REACH = (asyncpg.PostgresError, *CONNECTION_LOST, PoolTimeout)
_LOG = logging.getLogger("enamel.chat")


@dataclass(frozen=True, slots=True)
class Sent:
    """What was said or done and is kept: its event, and whether it had been before (`dup`; then nobody is told anew).

    `seq` is the message it is about (0: none). `rev` and `srev` are where the shared log and the staff's stand after
    it: beyond the event's own where the message changed its case. Of what had been done before they are 0.
    """

    thread: Thread
    event: ConversationEvent
    seq: int
    dup: bool
    rev: int
    srev: int


class Answer(msgspec.Struct, frozen=True):
    """What the database answers to anything that is done."""

    refusal: str | None = None
    conversation_id: UUID = UUID(int=0)
    patient_id: UUID = UUID(int=0)
    person_id: UUID = UUID(int=0)
    name: str = ""
    seq: int = 0
    rev: int = 0
    at: datetime | None = None
    dup: bool = False
    last_rev: int = 0
    last_srev: int = 0
    delivered: int = 0
    read: int = 0
    pictures: list[dict[str, Any]] | None = None
    voices: list[dict[str, Any]] | None = None
    """Both of a message that is new."""


_ANSWER = msgspec.json.Decoder(Answer)


def answered(raw: str | bytes) -> Answer:
    """The answer, unless it is a refusal: that is raised."""
    answer = _ANSWER.decode(raw)
    if answer.refusal is not None:
        raise _REFUSALS[answer.refusal]
    return answer


async def act(database: Database, speaker: Speaker, target: Target, op: str, now: datetime, **members: Any) -> Answer:
    """Do one thing in a conversation; committed when this returns. Raises its refusal, or `Unavailable`."""
    item = {
        "op": op, "clinic": speaker.clinic_id, "side": speaker.side, "account": speaker.account_id,
        "session": speaker.session_id, "at": now, "conversation": target.conversation_id, "patient": target.patient_id,
        **members,
    }  # fmt: skip
    try:
        return answered(await done_together(database, item))
    except asyncpg.DataError:
        raise Invalid from None
    except _OUT_OF_REACH as error:
        _LOG.warning("nothing could be kept: %s", type(error).__name__)  # its message may quote a row
        raise Unavailable(retry_after_seconds=1) from None


def named(client_id: UUID, *asked: Any) -> dict[str, UUID]:
    """The members by which a thing is known for ever: its client's id, and a digest of what was asked."""
    return {"client": client_id, "digest": UUID(bytes=blake2b(written(asked), digest_size=16).digest())}


def written(value: Any) -> bytes:
    """As JSON. Raises `Invalid` for what is no text: half of a character."""
    try:
        return msgspec.json.encode(value)
    except UnicodeError:
        raise Invalid from None


def made() -> dict[str, UUID]:
    """Ids for the rows that may have to be made."""
    return {"fresh": new_id(), "event": new_id()}


def sent(answer: Answer, clinic_id: UUID, event: ConversationEvent) -> Sent:
    thread = Thread(clinic_id, answer.patient_id)
    return Sent(thread, event, answer.seq, answer.dup, answer.last_rev, answer.last_srev)
