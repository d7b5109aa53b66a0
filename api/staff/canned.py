"""`/v1/staff/canned-replies`: what the desk often says."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, Place, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from chat.canned import Variable, filled
from chat.commands.desk import add_canned_reply, change_canned_reply, drop_canned_reply
from chat.desk_facts import CannedText
from chat.queries import head_for_staff
from chat.queries.cases import cases_of
from chat.queries.desk import CannedReplyView, canned_replies, canned_reply
from clinic.queries.desk import names_of
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["desk"], route_class=StrictRoute)

Replies = Annotated[StaffReads, staff_reads(Permission.REPLY)]
Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]


class CannedReplies(Value):
    items: list[CannedReplyView] = Field(max_length=200)
    next_cursor: str | None


class FilledReply(Value):
    body: str = Field(description="To be read over and sent as any message.", examples=["Dear Anna, do not rinse."])


@router.get("/canned-replies", summary="Canned replies", operation_id="listCannedReplies")
async def listed(ports: PortsHere, call: Replies, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> CannedReplies:
    """All of them by their titles."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "canned replies", call.clinic_id), cursor, limit,
        lambda place, most: canned_replies(call.reading, call.clinic_id, after=_title_and_id(place), limit=most),
        lambda reply: [reply.title, str(reply.reply_id)],
    )  # fmt: skip
    return CannedReplies(items=items, next_cursor=following)


def _title_and_id(place: Place | None) -> tuple[str, UUID] | None:
    return (place[0], UUID(place[1])) if place else None


@router.post("/canned-replies", status_code=201, summary="Add a canned reply", operation_id="addCannedReply")
async def add(call: Manages, body: CannedText) -> CannedReplyView:
    """Variables stand in double braces; any other name in them is refused (`unknown-variable`)."""
    reply_id = await add_canned_reply(call.writing, call.clinic_id, body, call.actor, call.now)
    return await _known(call, reply_id)


@router.put("/canned-replies/{reply_id}", summary="Change a canned reply", operation_id="changeCannedReply")
async def change(call: Manages, reply_id: UUID, body: CannedText) -> CannedReplyView:
    """All of it anew; what was sent stays as it was sent."""
    await change_canned_reply(call.writing, call.clinic_id, reply_id, body, call.actor, call.now)
    return await _known(call, reply_id)


@router.delete(
    "/canned-replies/{reply_id}", status_code=204, summary="Drop a canned reply", operation_id="dropCannedReply"
)
async def drop(call: Manages, reply_id: UUID) -> Response:
    """It is offered no more."""
    await drop_canned_reply(call.writing, call.clinic_id, reply_id, call.actor, call.now)
    return Response(status_code=204)


@router.get(
    "/conversations/{conversation_id}/canned-replies/{reply_id}",
    summary="Fill a canned reply in",
    operation_id="fillCannedReply",
)
async def fill(call: Replies, conversation_id: UUID, reply_id: UUID) -> FilledReply:
    """The text for this patient, with the names put in as plain text. Nothing is sent."""
    head = await head_for_staff(call.reading, call.clinic_id, conversation_id, call.staff.staff_id)
    reply = await canned_reply(call.reading, call.clinic_id, reply_id)
    if reply is None:
        raise NotFound
    cases = await cases_of(call.reading, call.clinic_id, conversation_id)
    branch_id = cases[0].branch_id if cases else None
    names = await names_of(call.reading, call.clinic_id, head.patient_id, branch_id)
    values = {
        Variable.PATIENT_NAME: names.patient, Variable.CLINIC_NAME: names.clinic, Variable.BRANCH_NAME: names.branch,
        Variable.STAFF_NAME: call.staff.name,
    }  # fmt: skip
    return FilledReply(body=filled(reply.body, values))


async def _known(call: StaffWrites, reply_id: UUID) -> CannedReplyView:
    reply = await canned_reply(call.writing, call.clinic_id, reply_id)
    assert reply is not None
    return reply
