"""`/v1/me/requests`: what a patient asked of the clinic, and what became of it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from clinic.commands.answers import withdraw as take_back
from clinic.queries.requests import RequestView, requests_of
from core.values import Value

routes = RecordRoutes("requests")


class RequestPage(Value):
    items: list[RequestView] = Field(max_length=200)
    next_cursor: str | None


@routes.get("/requests", summary="My requests", operation_id="listMyRequests")
async def requests(
    ports: PortsHere,
    call: Annotated[PatientReads, record_reads(None)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> RequestPage:
    """Everything asked of the clinic, latest first, with its answers; a guardian sees what the access extends to."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "requests", call.patient_id), cursor, limit,
        lambda place, most: requests_of(
            call.reading, call.patient_id, call.scopes, after=moment_and_id(place), limit=most
        ),
        lambda request: [request.made_at.isoformat(), str(request.request_id)],
    )  # fmt: skip
    return RequestPage(items=items, next_cursor=following)


@routes.post("/requests/{request_id}/withdrawal", summary="Withdraw my request", operation_id="withdrawMyRequest")
async def withdraw(call: Annotated[PatientWrites, record_writes(None)], request_id: UUID) -> RequestView:
    """Take back what you asked, while nobody has answered it. What somebody else asked for this record stays.

    A visit that waits for the answer is called off by that.
    """
    return await take_back(call.writing, call.clinic_id, call.patient_id, request_id, call.actor, call.now)
