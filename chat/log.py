"""The values of a conversation's log: what changed, in the one shape that REST and sockets both speak from."""

from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from pydantic import Field

from chat.conversation import LARGEST_PAGE, Resume, Side
from core.moments import Moment
from core.values import Int32, Value

SHARED = "s"
"""The log that patients and the clinic both see."""


class Thread(NamedTuple):
    """A conversation by whose it is: there is one for each patient of a clinic, also before it has an id."""

    clinic_id: UUID
    patient_id: UUID


class EventKind(StrEnum):
    MESSAGE = "msg"
    MARK = "mark"


class PostedMessage(Value):
    """A message. `client_id` is the id its sender's device gave it; `author` is empty for patients."""

    seq: Int32
    client_id: UUID
    side: Side
    author: str
    body: str


class MovedMark(Value):
    """How far somebody of one side got: delivered to a device, read on a screen."""

    side: Side
    delivered: Int32
    read: Int32


class ConversationEvent(Value):
    """One change of a conversation. `rev` counts without holes; `kind` says which member is filled."""

    conversation_id: UUID
    rev: Int32
    kind: EventKind
    at: Moment
    message: PostedMessage | None = None
    mark: MovedMark | None = None


class ConversationState(Value):
    """A conversation as one reader finds it. Before the first message it has no id and all zeros."""

    conversation_id: UUID | None
    patient_id: UUID
    rev: Int32 = 0
    last_seq: Int32 = 0
    unread: Int32 = Field(default=0, description="Messages of the other side past the reader's mark.")
    last_at: Moment | None = None


class EventPage(Value):
    """Events in the order of `rev`, and whether there are more in the direction asked for.

    Where `reset` is set there are none: the reader starts over from the newest messages and follows from `rev`.
    """

    events: list[ConversationEvent] = Field(max_length=LARGEST_PAGE)
    more: bool
    rev: Int32 = Field(description="Where the log stands.")
    reset: Resume | None = None
