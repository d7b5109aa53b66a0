"""`/v1/me/slots`: free times that the clinic's system publishes, and booking one."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from api.viewer import ViewerHere
from clinic.commands.booking import book_slot
from clinic.commands.hiding import check_may_hide
from clinic.household import AccessScope
from clinic.queries import VisitView, visit_view
from clinic.queries.slots import FreeSlot, SlotFilter, free_slots
from clinic.queries.visit_settings import MOST_BRANCHES, BranchView, branch_views
from clinic.slot import Choice
from core.errors import NotFound
from core.moments import Moment
from core.values import MaybeText, Value

routes = RecordRoutes("slots")
MayLook = Annotated[PatientReads, record_reads(AccessScope.BOOK)]
MayBook = Annotated[PatientWrites, record_writes(AccessScope.BOOK)]


class SlotPage(Value):
    items: list[FreeSlot] = Field(max_length=200)
    next_cursor: str | None


class Branches(Value):
    items: list[BranchView] = Field(max_length=MOST_BRANCHES)


class SlotBooking(Value):
    service: MaybeText = Field(
        default="", description="One of the slot's; needed where it has several.", examples=["Hygiene"]
    )
    starts_at: Moment | None = Field(
        default=None, description="When it began as you saw it: `slot-taken` if the clinic has moved it since."
    )
    private: bool = Field(default=False, description="Of one's own: hidden from guardians, from a certain age on.")


@routes.get("/branches", summary="My clinic's branches", operation_id="listMyBranches")
async def branches(call: Annotated[PatientReads, record_reads(None)]) -> Branches:
    """Where one may be seen: address, clock, and how each branch lets patients book and call off."""
    return Branches(items=await branch_views(call.reading))


async def _wanted(
    service: Annotated[MaybeText, Query()] = "",
    practitioner: Annotated[MaybeText, Query()] = "",
    branch_id: Annotated[UUID | None, Query()] = None,
    starts_from: Annotated[Moment | None, Query()] = None,
    starts_before: Annotated[Moment | None, Query()] = None,
) -> SlotFilter:
    return SlotFilter(service, practitioner, branch_id, starts_from, starts_before)


@routes.get("/slots", summary="My free times to book", operation_id="listMySlots")
async def slots(
    ports: PortsHere,
    call: MayLook,
    viewer: ViewerHere,
    wanted: Annotated[SlotFilter, Depends(_wanted)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SlotPage:
    """Times that are free now, by start. Another patient may be faster: see the booking."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "free slots", call.patient_id), cursor, limit,
        lambda place, most: free_slots(
            call.reading, wanted, viewer, call.now, after=moment_and_id(place), limit=most
        ),
        lambda slot: [slot.starts_at.isoformat(), str(slot.slot_id)],
    )  # fmt: skip
    return SlotPage(items=items, next_cursor=following)


@routes.post("/slots/{slot_id}/booking", status_code=201, summary="Book my visit", operation_id="bookMySlot")
async def book(call: MayBook, viewer: ViewerHere, slot_id: UUID, body: SlotBooking) -> VisitView:
    """Book a free time. `slot-taken` names up to five others in `alternatives` when somebody was faster."""
    if body.private:
        await check_may_hide(call.writing, call.patient_id, call.claims.subject_id, call.now)
    choice = Choice(slot_id, body.starts_at, body.service, body.private)
    visit_id = await book_slot(call.writing, call.clinic_id, call.patient_id, choice, viewer, call.actor, call.now)
    visit = await visit_view(call.writing, visit_id, viewer, call.patient_id)
    if visit is None:
        raise NotFound
    return visit
