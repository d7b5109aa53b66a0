"""The frames of `enamel.chat.v1`: what may come in, and how what goes out is written. See `openapi/chat.asyncapi.yaml`.

Names are short because each message carries them. A member or a kind of frame that we do not know is passed
over: a newer app may talk to an older clinic.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import IntEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from chat.conversation import LARGEST_FRAME, LARGEST_PAGE, LONGEST_BODY, Body, Resume
from chat.log import SHARED, ConversationEvent, ConversationState, EventKind, EventPage
from core.moments import rfc3339
from core.values import Int32

PROTOCOL = "enamel.chat.v1"
LONGEST_TOKEN = 2048


class Close(IntEnum):
    """Why a socket ends (RFC 6455 §7.4.2 leaves 4000 to 4999 to us)."""

    GONE = 1001
    TOO_BIG = 1009
    FAILED = 1011
    RESTART = 1012
    BAD_FRAME = 4400
    TOKEN_ENDED = 4401
    NO_RIGHT = 4403
    UNKNOWN_PROTOCOL = 4404
    SILENT = 4408
    ELSEWHERE = 4409
    TOO_FAST = 4429
    TOO_SLOW = 4490


# Whether the device should come back by itself, with a new token where the old one ended.
_AGAIN = {Close.FAILED, Close.RESTART, Close.TOKEN_ENDED, Close.SILENT, Close.TOO_FAST, Close.TOO_SLOW}

Number = Annotated[Int32, Field(ge=0)]


# One that we never gave, were it beyond the 64 bits of a horizon, is as none: `chat.conversation.cursor_to_resume`.
Cursor = Annotated[str, Field(pattern="^[0-9]{1,20}$")]


class Frame(BaseModel):
    """Base of what a client sends."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Hello(Frame):
    """The first frame: the access token (unless the Authorization header bore it) and the cursor last given."""

    tok: Annotated[str, Field(max_length=LONGEST_TOKEN)] = ""
    cur: Cursor | None = None


class To(Frame):
    """Whom to write to before there is a conversation: `patient`; a patient writes to the clinic without it."""

    clinic: UUID | None = None
    patient: UUID | None = None


class Send(Frame):
    """A message. `id` is made once per message and kept for every repeat."""

    id: UUID
    op: Literal["msg"]
    c: UUID | None = None
    to: To = To()
    body: Body


class Sync(Frame):
    """The log past `after`, or the messages before the number `before`."""

    c: UUID
    after: Number = 0
    before: Number | None = None
    lim: Annotated[Int32, Field(ge=1, le=LARGEST_PAGE)] = 50


class MarkUp(Frame):
    c: UUID
    dlv: Number = 0
    read: Number = 0


def welcome(now: datetime, ping: float, cur: str | None, changed: Sequence[ConversationState], *, whole: bool) -> str:
    """Where every conversation stands that changed; `cur` is for the desk, to be said in its next hello."""
    lines = [
        {"c": state.conversation_id, "patient": state.patient_id, "rev": state.rev, "seq": state.last_seq,
         "unread": state.unread}
        for state in changed
    ]  # fmt: skip
    limits = {"frame": LARGEST_FRAME, "body": LONGEST_BODY, "page": LARGEST_PAGE}
    cursor = {} if cur is None else {"cur": cur}
    seconds = max(round(ping), 1)
    return _frame("welcome", now=rfc3339(now), ping=seconds, whole=whole, changed=lines, lim=limits, **cursor)


def ack(client_id: UUID, event: ConversationEvent, seq: int, *, dup: bool) -> str:
    known = {"c": event.conversation_id, "seq": seq, "rev": event.rev, "at": rfc3339(event.at), "dup": dup}
    return _frame("ack", id=client_id, **known)


def nak(code: str, client_id: UUID | None, retry_after_seconds: int | None) -> str:
    """`code` is a refusal's slug, the same that REST answers with; `retry` says that the same may be sent again."""
    wait = {} if retry_after_seconds is None else {"after": retry_after_seconds * 1000}
    name = {} if client_id is None else {"id": client_id}
    return _frame("nak", code=code, retry=retry_after_seconds is not None, **wait, **name)


def ev(event: ConversationEvent) -> str:
    return _frame("ev", **_event(event))


def page(conversation_id: UUID, found: EventPage) -> str:
    return _frame("page", c=conversation_id, evs=[_event(event) for event in found.events], more=found.more)


def reset(conversation_id: UUID, rev: int, why: Resume) -> str:
    """What the device holds cannot be carried on: forget it, ask for the newest messages, follow from `rev`."""
    return _frame("reset", c=conversation_id, rev=rev, why=why.value)


def bye(code: Close) -> str:
    return _frame("bye", code=int(code), again=code in _AGAIN)


def _event(event: ConversationEvent) -> dict[str, Any]:
    common = {"c": event.conversation_id, "log": SHARED, "rev": event.rev, "k": event.kind, "at": rfc3339(event.at)}
    if event.kind is EventKind.MESSAGE and (said := event.message):
        by = {"side": said.side, "name": said.author}
        return {**common, "by": by, "d": {"seq": said.seq, "id": said.client_id, "body": said.body}}
    moved = event.mark
    assert moved is not None
    return {**common, "by": {"side": moved.side}, "d": {"dlv": moved.delivered, "read": moved.read}}


_ENCODER = msgspec.json.Encoder()


def _frame(kind: str, **members: Any) -> str:
    return _ENCODER.encode({"t": kind, **members}).decode()


PING = _frame("ping")
PONG = _frame("pong")
