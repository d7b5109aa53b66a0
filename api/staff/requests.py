"""`/v1/staff/requests`: what patients asked of the clinic, oldest first, and the clinic's answers."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.commands.answers import answer as give_answer
from clinic.commands.erasing import AnsweredByPrivacy
from clinic.queries.privacy import asks_erasure
from clinic.queries.requests import InboxRequest, RequestView, request_inbox
from clinic.request import RequestStatus, RequestVerdict
from core.values import MaybeText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["requests"], route_class=StrictRoute)


class RequestInbox(Value):
    items: list[InboxRequest] = Field(max_length=200)
    next_cursor: str | None


class RequestAnswer(Value):
    verdict: RequestVerdict
    note: MaybeText = Field(
        default="", description="In the patient's words; they read it.", examples=["Done, see you on Friday"]
    )


@router.get("/requests", summary="What patients ask", operation_id="listRequests")
async def inbox(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.ANSWER_REQUESTS)],
    status: Annotated[RequestStatus, Query(description="Open ones if not said.")] = RequestStatus.OPEN,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RequestInbox:
    """Requests in one state, those that wait longest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, f"{status} requests", call.clinic_id), cursor, limit,
        lambda place, most: request_inbox(call.reading, status, after=moment_and_id(place), limit=most),
        lambda each: [each.request.made_at.isoformat(), str(each.request.request_id)],
    )  # fmt: skip
    return RequestInbox(items=items, next_cursor=following)


@router.post("/requests/{request_id}/answer", summary="Answer a request", operation_id="answerRequest")
async def answer(
    call: Annotated[StaffWrites, staff_writes(Permission.ANSWER_REQUESTS)], request_id: UUID, body: RequestAnswer
) -> RequestView:
    """Accept or decline, once; the patient sees it with the note. A visit that waits for it is booked or declined."""
    if await asks_erasure(call.writing, call.clinic_id, request_id) is not None:
        raise AnsweredByPrivacy
    return await give_answer(call.writing, call.clinic_id, request_id, body.verdict, body.note, call.actor, call.now)
