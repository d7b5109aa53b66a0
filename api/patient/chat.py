"""`/v1/me/conversation`, `/v1/patients/{patient_id}/conversation`: the chat without a socket, only slower.

The same commands, ids and refusals; a guardian needs `chat` among the scopes of the access.
"""

from math import inf
from typing import Annotated
from uuid import UUID

from fastapi import Request, Response

from api.caller import PatientClaims
from api.messages import (
    DEFAULT_EVENTS,
    LONGEST_WAIT,
    SENT_BEFORE,
    After,
    AskedEpoch,
    Before,
    ClientId,
    Cur,
    Marks,
    MessageKept,
    MessageToEdit,
    MessageToSend,
    Reaction,
    Seq,
    Wait,
    kept,
    say,
)
from api.paging import Limit
from api.patient.record import RecordRoutes
from api.polling import polled
from api.ports import PortsHere
from api.saying import Saying, hint_typing, speaker_of, tell
from api.transaction import PatientReads, RecordAsked, record_reads, record_to_open, scope_of
from chat.commands import Target, mark
from chat.cursor import Cursor
from chat.listener import Listener
from chat.log import ConversationState, EventPage, Thread
from chat.queries import LogHead, events_after, log_head, log_page, state_of
from clinic.household import AccessScope
from core.clock import now
from core.database import Reading
from core.epoch import present_epoch
from core.values import Value
from identity.tokens import Claims

routes = RecordRoutes("chat")

_NOT_BEGUN = UUID(int=0)
Talks = Annotated[PatientReads, record_reads(AccessScope.CHAT)]


class ConversationNews(Value):
    """Where the conversation stands, and its log past the cursor that was given; without one no events."""

    cur: str
    state: ConversationState
    page: EventPage


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
    return await say(ports, speaker_of(claims), Target(patient_id=asked), body, response)


@routes.patch("/conversation/messages/{seq}", summary="Change my message", operation_id="editMyMessage")
async def change(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, seq: Seq, body: MessageToEdit
) -> MessageKept:
    """Other words for one's own message of the last 24 hours; nobody is told again."""
    saying = Saying("edit", body.client_id, Target(patient_id=asked), body=body.body, seq=seq)
    return await kept(ports, speaker_of(claims), saying)


@routes.delete("/conversation/messages/{seq}", summary="Take my message back", operation_id="deleteMyMessage")
async def take_back(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, seq: Seq, client_id: ClientId
) -> MessageKept:
    """Take one's own message of the last 24 hours back: its words are gone, its number stays."""
    return await kept(ports, speaker_of(claims), Saying("del", client_id, Target(patient_id=asked), seq=seq))


@routes.put(
    "/conversation/messages/{seq}/reaction", summary="React to a message in my conversation",
    operation_id="reactInMyConversation",
)  # fmt: skip
async def react_to(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, seq: Seq, body: Reaction
) -> MessageKept:
    """One sign a person, in place of the one before."""
    saying = Saying("react", body.client_id, Target(patient_id=asked), seq=seq, emoji=body.emoji)
    return await kept(ports, speaker_of(claims), saying)


@routes.delete(
    "/conversation/messages/{seq}/reaction", summary="Take my reaction back", operation_id="takeMyReactionBack"
)
async def react_no_more(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, seq: Seq, client_id: ClientId
) -> MessageKept:
    """Without a reaction this changes nothing, and is kept all the same."""
    return await kept(ports, speaker_of(claims), Saying("react", client_id, Target(patient_id=asked), seq=seq))


@routes.get("/conversation/events", summary="What happened in my conversation", operation_id="listMyConversationEvents")
async def events(
    call: Talks, after: After = None, before: Before = None, limit: Limit = DEFAULT_EVENTS, epoch: AskedEpoch = None
) -> EventPage:
    """Everything past the `rev` held, oldest first; or, with `before`, earlier messages."""
    state = await state_of(call.reading, call.patient_id, call.claims.subject_id)
    head = await _head(call.reading, call.clinic_id, state)
    return await log_page(call.reading, head, after, before, limit, epoch=epoch)


async def _head(reading: Reading, clinic_id: UUID, state: ConversationState) -> LogHead:
    """Of a conversation that has not begun (or, after a restore, is to begin again) the head of an empty log."""
    if state.conversation_id is None:
        return LogHead(clinic_id, _NOT_BEGUN, state.patient_id, 0, epoch=await present_epoch(reading))
    head = await log_head(reading, clinic_id, state.conversation_id)
    assert head is not None
    return head


@routes.get("/conversation/sync", summary="News of my conversation", operation_id="syncMyConversation")
async def sync(
    request: Request,
    ports: PortsHere,
    claims: PatientClaims,
    asked: RecordAsked,
    cur: Cur = None,
    wait: Wait = LONGEST_WAIT,
    limit: Limit = DEFAULT_EVENTS,
) -> ConversationNews:
    """The events past `cur`, as soon as there are any, or none after `wait` seconds. Ask again with the new `cur`,
    which counts this one conversation: the socket's `cur` is another, of everything.

    More than five of an account wait on no node: one more is 429 `too-many-waiting` where there are no news.
    """

    async def look() -> tuple[float, ConversationNews]:
        async with ports.database.reading(scope_of(claims)) as reading:
            return await _news(reading, claims, patient_id, cur, limit)

    async with ports.database.reading(scope_of(claims)) as reading:
        patient_id = await record_to_open(reading, claims, asked, now(), AccessScope.CHAT)
    listener = Listener(speaker_of(claims), [patient_id], claims.expires_at)
    return await polled(request, ports.hub, listener, wait, look)


async def _news(
    reading: Reading, claims: Claims, patient_id: UUID, cur: str | None, limit: int
) -> tuple[float, ConversationNews]:
    await record_to_open(reading, claims, patient_id, now(), AccessScope.CHAT)
    state = await state_of(reading, patient_id, claims.subject_id)
    head = await _head(reading, claims.clinic_id, state)
    given = Cursor(head.epoch, state.rev) if cur is None else Cursor.read(cur)
    page = await events_after(reading, head, min(given.place, 2**31 - 1), limit, epoch=given.epoch)
    last = page.events[-1].rev if page.events else 0  # beyond `state.rev` where it was committed between the two
    told = last if page.more else max(state.rev, last)
    is_news = cur is None or page.events or page.reset is not None
    return 0.0 if is_news else inf, ConversationNews(cur=str(Cursor(head.epoch, told)), state=state, page=page)


@routes.put(
    "/conversation/marks", status_code=204, summary="Mark my conversation as read", operation_id="markMyConversation"
)
async def mark_read(ports: PortsHere, claims: PatientClaims, asked: RecordAsked, body: Marks) -> Response:
    """Move the marks forward; what lies behind them is no longer unread, on every device."""
    target = Target(patient_id=asked)
    tell(ports, await mark(ports.database, speaker_of(claims), target, body.delivered, body.read, now()))
    return Response(status_code=204)


@routes.post(
    "/conversation/typing", status_code=204, summary="Say that I am typing in my conversation",
    operation_id="typeInMyConversation",
)  # fmt: skip
async def types(ports: PortsHere, claims: PatientClaims, asked: RecordAsked) -> Response:
    """For whoever watches the conversation now. Nobody has to hear it; more than one in 3 s is passed over."""
    async with ports.database.reading(scope_of(claims)) as reading:
        patient_id = await record_to_open(reading, claims, asked, now(), AccessScope.CHAT)
        state = await state_of(reading, patient_id, claims.subject_id)
    if state.conversation_id is not None:
        hint_typing(ports, speaker_of(claims), Thread(claims.clinic_id, patient_id), state.conversation_id, "")
    return Response(status_code=204)
