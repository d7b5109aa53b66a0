"""`/v1/staff/conversations/{conversation_id}`: what the desk answers, without a socket."""

from math import inf
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from api.caller import StaffClaims
from api.looks import note_look_at_chat
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
    NoteToKeep,
    Reaction,
    Seq,
    Wait,
    kept,
    made_once,
    say,
)
from api.paging import Limit
from api.polling import polled
from api.ports import PortsHere
from api.saying import Saying, hint_typing, speaker_of, tell
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from chat.commands import Target, mark
from chat.conversation import LARGEST_PAGE
from chat.cursor import Cursor, horizon_to_resume, is_of_another_history
from chat.listener import Listener
from chat.log import ConversationState, EventPage, Log, Thread
from chat.queries import cursor_now, head_for_staff, log_page
from chat.queries.greeting import standing_of_desk
from core.clock import now
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["inbox"], route_class=StrictRoute)

Replies = Annotated[StaffReads, staff_reads(Permission.REPLY)]
Looks = Annotated[StaffWrites, staff_writes(Permission.REPLY)]
AskedLog = Annotated[Log, Query(description="`s`: what both sides see; `p`: what staff alone sees.")]
UNMOVED_SECONDS = 1.0


class DeskNews(Value):
    """Conversations that changed since the cursor that was given; `whole`: these are all of them.

    `void`: the cursor is of another history (a backup was restored): everything held is to be forgotten.
    """

    cur: str
    whole: bool
    void: bool = False
    changed: list[ConversationState] = Field(max_length=LARGEST_PAGE)


@router.get("/conversations/sync", summary="News of the inbox", operation_id="syncConversations")
async def sync(
    request: Request, ports: PortsHere, claims: StaffClaims, cur: Cur = None, wait: Wait = LONGEST_WAIT
) -> DeskNews:
    """Conversations that changed since `cur`, as soon as there are any, or none after `wait` seconds.

    One may come again while others are being written. More than ten of an account wait on no node: one more is 429
    `too-many-waiting` where there are no news.
    """

    async def look() -> tuple[float, DeskNews]:
        async with ports.database.reading(scope_of(claims)) as reading:
            staff = await standing_staff(reading, claims, Permission.REPLY)
            cursor = await cursor_now(reading)
        given = None if cur is None else Cursor.read(cur)
        resumed = horizon_to_resume(given, cursor, staff.tied_xid)
        void = given is not None and is_of_another_history(given, cursor)
        changed, whole = await standing_of_desk(ports.database, claims.clinic_id, claims.subject_id, resumed)
        found = DeskNews(cur=str(cursor), whole=whole, void=void, changed=changed)
        is_news = bool(changed) or not whole
        if resumed is None or (is_news and str(cursor) != cur):
            return 0.0, found
        return UNMOVED_SECONDS if is_news else inf, found

    async with ports.database.reading(scope_of(claims)) as reading:
        tied = (await standing_staff(reading, claims, Permission.REPLY)).tied_xid
    # Whoever is tied to other branches while it waits is told at once.
    listener = Listener(speaker_of(claims), (), claims.expires_at, tied=tied)
    return await polled(request, ports.hub, listener, wait, look)


@router.get(
    "/conversations/{conversation_id}/events",
    summary="What happened in a conversation",
    operation_id="listConversationEvents",
)
async def events_of(
    call: Looks,
    conversation_id: UUID,
    after: After = None,
    before: Before = None,
    limit: Limit = DEFAULT_EVENTS,
    log: AskedLog = Log.SHARED,
    epoch: AskedEpoch = None,
) -> EventPage:
    """Everything past the `rev` held of a log, oldest first; or, with `before`, earlier messages."""
    head = await head_for_staff(call.writing, call.clinic_id, conversation_id, call.staff.staff_id)
    await note_look_at_chat(call, head.patient_id)
    return await log_page(call.writing, head, after, before, limit, log, epoch)


@router.post(
    "/patients/{patient_id}/messages",
    status_code=201,
    responses=SENT_BEFORE,
    summary="Write to a patient",
    operation_id="sendMessage",
)
async def send_to(
    ports: PortsHere, claims: StaffClaims, patient_id: UUID, body: MessageToSend, response: Response
) -> MessageKept:
    """Start or continue the patient's conversation. A repeat with the same `client_id` changes nothing."""
    return await say(ports, speaker_of(claims), Target(patient_id=patient_id), body, response)


@router.patch(
    "/conversations/{conversation_id}/messages/{seq}", summary="Change a message of mine", operation_id="editMessage"
)
async def change(
    ports: PortsHere, claims: StaffClaims, conversation_id: UUID, seq: Seq, body: MessageToEdit
) -> MessageKept:
    """Other words for one's own message of the last 24 hours; nobody is told again."""
    saying = Saying("edit", body.client_id, Target(conversation_id), body=body.body, seq=seq)
    return await kept(ports, speaker_of(claims), saying)


@router.delete(
    "/conversations/{conversation_id}/messages/{seq}", summary="Take a message back", operation_id="deleteMessage"
)
async def take_back(
    ports: PortsHere, claims: StaffClaims, conversation_id: UUID, seq: Seq, client_id: ClientId
) -> MessageKept:
    """One's own of the last 24 hours, or as a manager any of the clinic's: its words are gone, its number stays."""
    return await kept(ports, speaker_of(claims), Saying("del", client_id, Target(conversation_id), seq=seq))


@router.put(
    "/conversations/{conversation_id}/messages/{seq}/reaction",
    summary="React to a message",
    operation_id="reactToMessage",
)
async def react_to(
    ports: PortsHere, claims: StaffClaims, conversation_id: UUID, seq: Seq, body: Reaction
) -> MessageKept:
    """One sign a person, in place of the one before."""
    saying = Saying("react", body.client_id, Target(conversation_id), seq=seq, emoji=body.emoji)
    return await kept(ports, speaker_of(claims), saying)


@router.delete(
    "/conversations/{conversation_id}/messages/{seq}/reaction",
    summary="Take a reaction back",
    operation_id="takeReactionBack",
)
async def react_no_more(
    ports: PortsHere, claims: StaffClaims, conversation_id: UUID, seq: Seq, client_id: ClientId
) -> MessageKept:
    """Without a reaction this changes nothing, and is kept all the same."""
    return await kept(ports, speaker_of(claims), Saying("react", client_id, Target(conversation_id), seq=seq))


@router.put(
    "/conversations/{conversation_id}/marks",
    status_code=204,
    summary="Mark as delivered or read",
    operation_id="markConversation",
)
async def mark_one(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: Marks) -> Response:
    """Move this person's marks forward; what somebody of the desk has read, the desk has read."""
    target = Target(conversation_id)
    tell(ports, await mark(ports.database, speaker_of(claims), target, body.delivered, body.read, now()))
    return Response(status_code=204)


@router.post(
    "/conversations/{conversation_id}/notes",
    status_code=201,
    responses=SENT_BEFORE,
    summary="Note something for colleagues",
    operation_id="noteInConversation",
)
async def note_in(
    ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: NoteToKeep, response: Response
) -> MessageKept:
    """A note in the staff's own log, which no patient ever sees."""
    saying = Saying("note", body.client_id, Target(conversation_id), body=body.body)
    return await made_once(ports, speaker_of(claims), saying, response)


@router.post(
    "/conversations/{conversation_id}/typing",
    status_code=204,
    summary="Say that I am typing",
    operation_id="typeInConversation",
)
async def types(ports: PortsHere, claims: StaffClaims, call: Replies, conversation_id: UUID) -> Response:
    """For whoever is in the conversation now. Nobody has to hear it; more than one in 3 s is passed over."""
    head = await head_for_staff(call.reading, call.clinic_id, conversation_id, call.staff.staff_id)
    hint_typing(ports, speaker_of(claims), Thread(call.clinic_id, head.patient_id), conversation_id, call.staff.name)
    return Response(status_code=204)
