"""`/v1/me/waiting-list`, `/v1/me/slot-offers`: wait for a time, and take one that was freed."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.patient.record import RecordRoutes
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from api.viewer import ViewerHere
from clinic.commands.booking import accept_offer
from clinic.commands.waiting import decline_offer, join_waiting_list, leave_waiting_list
from clinic.household import AccessScope
from clinic.queries import VisitView, visit_view
from clinic.queries.waiting import MOST_ENTRIES, MOST_OFFERS, Entry, NewEntry, Offer, entries_of, offers_of
from core.errors import NotFound
from core.values import Value

routes = RecordRoutes("waiting list")
MayLook = Annotated[PatientReads, record_reads(AccessScope.BOOK)]
MayBook = Annotated[PatientWrites, record_writes(AccessScope.BOOK)]


class Entries(Value):
    items: list[Entry] = Field(max_length=MOST_ENTRIES)


class Offers(Value):
    items: list[Offer] = Field(max_length=MOST_OFFERS)


@routes.get("/waiting-list", summary="My places on the waiting list", operation_id="listMyWaitingEntries")
async def entries(call: MayLook) -> Entries:
    """What is or was waited for, latest first."""
    return Entries(items=await entries_of(call.reading, call.patient_id, call.now))


@routes.post("/waiting-list", status_code=201, summary="Join with my wish", operation_id="joinMyWaitingList")
async def join(call: MayBook, body: NewEntry) -> Entry:
    """Wait for a time that suits until a day. Freed times come as offers."""
    return await join_waiting_list(call.writing, call.clinic_id, call.patient_id, body, call.actor, call.now)


@routes.post("/waiting-list/{entry_id}/withdrawal", summary="Withdraw my wish", operation_id="leaveMyWaitingList")
async def leave(call: MayBook, entry_id: UUID) -> Entry:
    """Wait no longer; open offers for it end."""
    return await leave_waiting_list(call.writing, call.clinic_id, call.patient_id, entry_id, call.actor, call.now)


@routes.get("/slot-offers", summary="My offers of freed times", operation_id="listMySlotOffers")
async def offers(call: MayLook, viewer: ViewerHere) -> Offers:
    """Freed times that were offered, latest first; the first of all asked who accepts has it."""
    return Offers(items=await offers_of(call.reading, call.patient_id, viewer, call.now))


@routes.post(
    "/slot-offers/{offer_id}/acceptance", status_code=201, summary="Accept my offer",
    operation_id="acceptMySlotOffer",
)  # fmt: skip
async def accept(call: MayBook, viewer: ViewerHere, offer_id: UUID) -> VisitView:
    """Take the freed time: it is booked then. Who comes too late is told `offer-gone` and goes on waiting."""
    visit_id = await accept_offer(call.writing, call.clinic_id, call.patient_id, offer_id, call.actor, call.now)
    visit = await visit_view(call.writing, visit_id, viewer, call.patient_id)
    if visit is None:
        raise NotFound
    return visit


@routes.post(
    "/slot-offers/{offer_id}/refusal", status_code=204, summary="Turn down my offer", operation_id="declineMySlotOffer"
)
async def decline(call: MayBook, offer_id: UUID) -> None:
    """Not this time; the wish stands."""
    await decline_offer(call.writing, call.clinic_id, call.patient_id, offer_id, call.actor, call.now)
