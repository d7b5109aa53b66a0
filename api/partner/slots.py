"""`/v1/partner/sync/slots`: a clinic's own system publishes the times that patients may book."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from clinic.commands.slots import take_slots
from clinic.slot import SlotFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class SlotBatch(Value):
    items: Annotated[Rows, rows_of(SlotFact)]


@router.post("/slots", summary="Push free times", operation_id="syncSlots", max_body_size=LARGEST_BATCH)
async def sync_slots(call: PartnerCall, batch: SlotBatch) -> SyncResult:
    """Create, open and shut free times by external id. One that is `freed` is offered to the waiting list first.

    A time that a patient booked here stays booked, whatever is told of it later: the visit comes to you as an event.
    """
    return await take(call, batch.items, SlotFact, take_slots)
