"""`/v1/me/conversation`, `/v1/patients/{patient_id}/conversation`: the chat without a socket, only slower.

The same commands, ids and refusals; a guardian needs `chat` among the scopes of the access.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from api.caller import PatientClaims
from api.paging import Limit
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.strict import PlainNumber
from api.transaction import PatientReads, RecordAsked, record_reads
from chat.commands import Marked, Sent, Speaker, Target, mark, send
from chat.conversation import Body, Side
from chat.log import ConversationState, EventPage
from chat.queries import events_after, log_head, messages_before, state_of
from clinic.household import AccessScope
from core.clock import now
from core.errors import TooMany
from core.moments import Moment
from core.values import Int32, Value
from identity.tokens import Claims

routes = RecordRoutes("chat")

DEFAULT_EVENTS = 50


class MessageToSend(Value):
    client_id: UUID = Field(description="Made once per message by the device, and kept for every repeat.")
    body: Body


class MessageKept(Value):
    """Where the message stands. `duplicate`: it had been sent before, and stands there once."""

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


After = Annotated[
    int, PlainNumber, Query(ge=0, le=2**31 - 1, description="`rev` held.", json_schema_extra={"format": "int32"})
]
Seq = Annotated[int, PlainNumber, Field(ge=1, le=2**31 - 1, json_schema_extra={"format": "int32"})]
Before = Annotated[Seq | None, Query(description="Instead of `after`: the messages before this `seq`.")]


async def say(
    ports: PortsHere, speaker: Speaker, target: Target, message: MessageToSend, response: Response
) -> MessageKept:
    """Send a message of either side, at the pace it shares with the speaker's sockets."""
    at = now()
    if wait := ports.hub.pace.take(speaker.side, speaker.account_id, at):
        raise TooMany(retry_after_seconds=int(wait.total_seconds()) + 1)
    sent = await send(ports.database, speaker, target, message.client_id, message.body, at)
    tell(ports, sent)
    response.status_code = 200 if sent.dup else 201
    event = sent.event
    return MessageKept(
        conversation_id=event.conversation_id, client_id=message.client_id, seq=sent.seq, rev=event.rev, at=event.at,
        duplicate=sent.dup,
    )  # fmt: skip


def tell(ports: PortsHere, done: Sent | Marked) -> None:
    """Let the sockets know what was committed and is new."""
    if done.event is not None and not (isinstance(done, Sent) and done.dup):
        ports.hub.announce(done.thread, done.event)


Talks = Annotated[PatientReads, record_reads(AccessScope.CHAT)]


def _speaker(claims: Claims) -> Speaker:
    return Speaker(Side.PATIENT, claims.clinic_id, claims.subject_id, claims.session_id)


@routes.get("/conversation", summary="My conversation", operation_id="getMyConversation")
async def conversation(call: Talks) -> ConversationState:
    """The one conversation with the clinic: where it stands and how much is unread."""
    return await state_of(call.reading, call.patient_id, call.claims.subject_id)


@routes.post(
    "/conversation/messages",
    status_code=201,
    responses=SENT_BEFORE,
    summary="Send my message to the clinic",
    operation_id="sendMyMessage",
)
async def write(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, body: MessageToSend, response: Response
) -> MessageKept:
    """Send a message. After a lost answer send it again with the same `client_id`: it stands there once."""
    return await say(ports, _speaker(claims), Target(patient_id=asked), body, response)


@routes.get("/conversation/events", summary="What happened in my conversation", operation_id="listMyConversationEvents")
async def events(call: Talks, after: After = 0, before: Before = None, limit: Limit = DEFAULT_EVENTS) -> EventPage:
    """Everything past the `rev` held, oldest first; or, with `before`, earlier messages."""
    state = await state_of(call.reading, call.patient_id, call.claims.subject_id)
    if state.conversation_id is None:
        return EventPage(events=[], more=False, rev=0)
    head = await log_head(call.reading, call.clinic_id, state.conversation_id)
    assert head is not None
    if before is not None:
        return await messages_before(call.reading, head, before, limit)
    return await events_after(call.reading, head, after, limit)


@routes.put(
    "/conversation/marks", status_code=204, summary="Mark my conversation as read", operation_id="markMyConversation"
)
async def mark_read(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, body: Marks) -> Response:
    """Move the marks forward; what lies behind them is no longer unread, on every device."""
    tell(
        ports, await mark(ports.database, _speaker(claims), Target(patient_id=asked), body.delivered, body.read, now())
    )
    return Response(status_code=204)
