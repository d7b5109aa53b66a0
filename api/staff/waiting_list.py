"""`/v1/staff/waiting-list`, `/v1/staff/slot-offers`: who waits, and offering them a freed time."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.commands.windows import NewWindow, offer_window
from clinic.queries.waiting import Waiting, waiting_list
from clinic.waiting_list import MOST_ASKED
from core.moments import Moment
from core.values import Int32, MaybeText, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["waiting list"], route_class=StrictRoute)


class WaitingPage(Value):
    items: list[Waiting] = Field(max_length=200)
    next_cursor: str | None


class FreedWindow(Value):
    """A time at a branch that nobody has, and how it is offered."""

    branch_id: UUID
    practitioner: MaybeText = Field(default="", examples=["Dr. Bianchi"])
    services: Annotated[list[ShortText], Field(max_length=50)] = Field(
        default_factory=list, description="None: for anything.", examples=[["Hygiene"]]
    )
    starts_at: Moment
    ends_at: Moment
    most: Annotated[Int32, Field(ge=1, le=50, description="So many are asked at once.")] = MOST_ASKED
    minutes: Annotated[Int32, Field(ge=5, le=24 * 60, description="So long they have to answer.")] = 120


class WindowOffered(Value):
    """The free time that was made of it, and how many who wait were asked; with none it is free for everybody."""

    slot_id: UUID
    offered: Int32


@router.get("/waiting-list", summary="Who waits", operation_id="listWaiting")
async def waiting(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> WaitingPage:
    """Those who wait for a time, longest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "waiting list", call.clinic_id), cursor, limit,
        lambda place, most: waiting_list(call.reading, call.now, after=moment_and_id(place), limit=most),
        lambda each: [each.entry.made_at.isoformat(), str(each.entry.entry_id)],
    )  # fmt: skip
    return WaitingPage(items=items, next_cursor=following)


@router.post("/slot-offers", status_code=201, summary="Offer a freed time", operation_id="offerWindow")
async def offer(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_APPOINTMENTS)], body: FreedWindow
) -> WindowOffered:
    """Ask those on the waiting list whom it suits, longest waiting first; the first who accepts has it."""
    window = NewWindow(body.branch_id, body.starts_at, body.ends_at, body.practitioner, body.services)
    slot_id, offered = await offer_window(
        call.writing, call.clinic_id, window, body.most, timedelta(minutes=body.minutes), call.actor, call.now
    )
    return WindowOffered(slot_id=slot_id, offered=offered)
