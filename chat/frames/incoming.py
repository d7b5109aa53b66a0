"""What a client may say. These are read on the hot path, so they are structs: one pass makes and checks them."""

from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from chat.conversation import FRAME_BODY_PATTERN, LARGEST_PAGE, LONGEST_BODY, MOST_MEDIA
from chat.cursor import PATTERN

LONGEST_TOKEN = 2048
LONGEST_NAME = 64

Number = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Name = Annotated[str, Meta(max_length=LONGEST_NAME)]
Token = Annotated[str, Meta(max_length=LONGEST_TOKEN)]
# One that we never gave is as one of another history: see `chat.cursor`.
CursorText = Annotated[str, Meta(pattern=PATTERN)]
Held = Annotated[list[Number], Meta(min_length=1, max_length=2)]


class Frame(Struct, frozen=True, tag_field="t"):
    """Base of what a client sends."""


class Asking(Frame, frozen=True):
    """Something that may be refused; its `nak` carries the `id` the client gave it, if any."""

    id: UUID | None = None


class Hello(Frame, frozen=True, tag="hello"):
    """The first frame: the access token (unless the Authorization header bore it), which device this is, the
    cursor last given, and the revisions held of conversations (`at`).
    """

    tok: Token = ""
    dev: Name = ""
    app: Name = ""
    cur: CursorText | None = None
    at: Annotated[dict[UUID, Held], Meta(max_length=LARGEST_PAGE)] = {}


class Auth(Asking, frozen=True, kw_only=True, tag="auth"):
    """A new token for the living socket, of the same account."""

    tok: Token


class To(Struct, frozen=True):
    """Whom to write to before there is a conversation: `patient`; a patient writes to the clinic without it."""

    clinic: UUID | None = None
    patient: UUID | None = None


class Send(Frame, frozen=True, tag="send"):
    """Something to keep. `id` is made once per intent and kept for every repeat; `op` says which members count."""

    id: UUID
    op: Literal["msg", "edit", "del", "react", "form"]
    c: UUID | None = None
    to: To = To()
    seq: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    body: Annotated[str, Meta(max_length=LONGEST_BODY, pattern=FRAME_BODY_PATTERN)] = ""
    media: Annotated[list[UUID], Meta(max_length=MOST_MEDIA)] = []
    re: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    react: Annotated[str, Meta(max_length=16)] = ""
    form: dict[str, Any] | None = None


class Sync(Asking, frozen=True, kw_only=True, tag="sync"):
    """The log past `after` (0, if neither is given), or the messages before the number `before`."""

    c: UUID
    log: Literal["s", "p"] = "s"
    after: Number | None = None
    before: Number | None = None
    lim: Annotated[int, Meta(ge=1, le=LARGEST_PAGE)] = 50


class MarkUp(Asking, frozen=True, kw_only=True, tag="mark"):
    c: UUID
    dlv: Number = 0
    read: Number = 0


class Typing(Asking, frozen=True, kw_only=True, tag="typing"):
    c: UUID


class Focus(Asking, frozen=True, kw_only=True, tag="focus"):
    """Whether somebody looks at this device now."""

    on: bool
    c: UUID | None = None


class Watch(Asking, frozen=True, kw_only=True, tag="watch"):
    """Staff alone: hear this conversation's events and not only its line of the inbox."""

    c: UUID
    on: bool


class Ping(Frame, frozen=True, tag="ping"):
    pass


class Pong(Frame, frozen=True, tag="pong"):
    pass


_Any = Hello | Auth | Send | Sync | MarkUp | Typing | Focus | Watch | Ping | Pong
KINDS = frozenset({"hello", "auth", "send", "sync", "mark", "typing", "focus", "watch", "ping", "pong"})
_DECODER = msgspec.json.Decoder(_Any)


def decoded(text: str) -> Frame:
    """A frame of one of our kinds. Raises `msgspec.DecodeError` (or `RecursionError`) for everything else."""
    found: Frame = _DECODER.decode(text)
    return found


def understood(value: dict[str, Any]) -> Frame:
    """The same of JSON that is parsed already. Raises `msgspec.ValidationError`."""
    found: Frame = msgspec.convert(value, _Any)
    return found
