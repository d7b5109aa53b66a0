"""`/v1/staff/conversations`: the desk's inbox, and what it answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.chat import (
    DEFAULT_EVENTS,
    SENT_BEFORE,
    After,
    Before,
    Marks,
    MessageKept,
    MessageToSend,
    say,
    tell,
)
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from chat.commands import Speaker, Target, mark
from chat.conversation import Side
from chat.log import EventPage
from chat.queries import InboxLine, events_after, inbox, log_head, messages_before
from core.clock import now
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission
from identity.tokens import Claims

router = APIRouter(prefix="/v1/staff", tags=["inbox"], route_class=StrictRoute)

Replies = Annotated[StaffReads, staff_reads(Permission.REPLY)]
Looks = Annotated[StaffWrites, staff_writes(Permission.REPLY)]


class Inbox(Value):
    items: list[InboxLine] = Field(max_length=200)
    next_cursor: str | None


def _speaker(claims: Claims) -> Speaker:
    return Speaker(Side.CLINIC, claims.clinic_id, claims.subject_id, claims.session_id)


@router.get("/conversations", summary="The inbox", operation_id="listConversations")
async def list_all(ports: PortsHere, call: Replies, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Inbox:
    """Conversations by their last message, newest first, with what the desk has not read."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "conversations", call.clinic_id), cursor, limit,
        lambda place, most: inbox(call.reading, call.clinic_id, after=moment_and_id(place), limit=most),
        lambda line: [line.last_at.isoformat(), str(line.conversation_id)],
    )  # fmt: skip
    return Inbox(items=items, next_cursor=following)


@router.get(
    "/conversations/{conversation_id}/events",
    summary="What happened in a conversation",
    operation_id="listConversationEvents",
)
async def events_of(
    call: Looks, conversation_id: UUID, after: After = 0, before: Before = None, limit: Limit = DEFAULT_EVENTS
) -> EventPage:
    """Everything past the `rev` held, oldest first; or, with `before`, earlier messages."""
    head = await log_head(call.writing, call.clinic_id, conversation_id)
    if head is None:
        raise NotFound
    if after == 0:  # what a device that follows it missed for a moment is no new look
        await call.note_read("chat", head.patient_id)
    if before is not None:
        return await messages_before(call.writing, head, before, limit)
    return await events_after(call.writing, head, after, limit)


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
    return await say(ports, _speaker(claims), Target(patient_id=patient_id), body, response)


@router.put(
    "/conversations/{conversation_id}/marks",
    status_code=204,
    summary="Mark as delivered or read",
    operation_id="markConversation",
)
async def mark_one(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: Marks) -> Response:
    """Move this person's marks forward; what somebody of the desk has read, the desk has read."""
    target = Target(conversation_id)
    tell(ports, await mark(ports.database, _speaker(claims), target, body.delivered, body.read, now()))
    return Response(status_code=204)
