"""What the chat's REST routes of both sides take and give: the frames of the socket in long words."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from api.ports import PortsHere
from api.saying import Op, Saying, keep, tell
from api.strict import PlainNumber
from chat.commands import Sent, Speaker, Target
from chat.conversation import MOST_MEDIA, Body, MaybeBody
from chat.cursor import PATTERN
from chat.log import FilledForm
from chat.reaction import Emoji
from core.moments import Moment
from core.values import Int32, Value

DEFAULT_EVENTS = 50
LONGEST_WAIT = 25

Seq = Annotated[int, PlainNumber, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int32"})]
_Number = Annotated[int, PlainNumber, Field(ge=0, le=2**31 - 1, json_schema_extra={"format": "int32"})]
After = Annotated[_Number | None, Query(description="`rev` held; 0, if neither is given.")]
Before = Annotated[_Number | None, Query(description="Instead of `after`: the messages before this `seq`.")]
Wait = Annotated[
    int,
    PlainNumber,
    Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for news.", json_schema_extra={"format": "int32"}),
]
Cur = Annotated[
    str | None,
    Query(
        pattern=PATTERN,
        description="`cur` of this operation's last answer; the socket's, or another conversation's, is no use here.",
    ),
]
AskedEpoch = Annotated[
    str | None,
    Query(pattern=PATTERN, description="`epoch` of the page that brought `after`; of another one it is a `reset`."),
]
ClientId = Annotated[UUID, Query(description="Made once for this by the device, and kept for every repeat.")]


class Named(Value):
    client_id: UUID = Field(description="Made once for this by the device, and kept for every repeat.")


class MessageToSend(Named):
    """Something to say: words, pictures, voice messages, or a starter's form, which comes alone."""

    body: MaybeBody = ""
    media: list[UUID] = Field(
        default=[], max_length=MOST_MEDIA, description="Pictures and voice messages of this patient."
    )
    re: Seq | None = Field(default=None, description="The `seq` this answers.")
    form: FilledForm | None = None

    def saying(self, target: Target) -> Saying:
        op: Op = "msg" if self.form is None else "form"
        return Saying(op, self.client_id, target, body=self.body, media=self.media, re=self.re, form=self.form)


class MessageToEdit(Named):
    body: MaybeBody


class NoteToKeep(Named):
    body: Body


class Reaction(Named):
    emoji: Emoji


class MessageKept(Value):
    """Where it stands in the log. `duplicate`: it had been sent before, and stands there once."""

    conversation_id: UUID
    client_id: UUID
    seq: Int32
    rev: Int32
    at: Moment
    duplicate: bool


SENT_BEFORE: dict[int | str, dict[str, Any]] = {
    200: {"model": MessageKept, "description": "It had been sent before: the same answer again."}
}


class Marks(Value):
    """Up to which message everything was delivered to this device, and displayed by it. Marks only move forward."""

    delivered: Annotated[Int32, Field(ge=0)] = 0
    read: Annotated[Int32, Field(ge=0)] = 0


async def kept(ports: PortsHere, speaker: Speaker, saying: Saying) -> MessageKept:
    """Have it kept, for either side."""
    sent = await keep(ports, speaker, saying)
    tell(ports, sent)
    return stands(sent, saying.client_id)


def stands(sent: Sent, client_id: UUID) -> MessageKept:
    event = sent.event
    return MessageKept(
        conversation_id=event.conversation_id, client_id=client_id, seq=sent.seq, rev=event.rev, at=event.at,
        duplicate=sent.dup,
    )  # fmt: skip


async def say(
    ports: PortsHere, speaker: Speaker, target: Target, message: MessageToSend, response: Response
) -> MessageKept:
    """A message of either side: 201, and 200 where it had been sent before."""
    return await made_once(ports, speaker, message.saying(target), response)


async def made_once(ports: PortsHere, speaker: Speaker, saying: Saying, response: Response) -> MessageKept:
    """The same of whatever is made by it."""
    answer = await kept(ports, speaker, saying)
    response.status_code = 200 if answer.duplicate else 201
    return answer
