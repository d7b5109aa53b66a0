"""`/v1/staff/price-list`: what services cost, as patients read it and as the chat's bot answers."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.commands.prices import set_price_list
from clinic.price import MOST_LINES, PriceLine
from clinic.queries.prices import price_list
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["prices"], route_class=StrictRoute)
MaySee = Annotated[StaffReads, staff_reads(Permission.REPLY)]
MaySet = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]


class PriceList(Value):
    items: list[PriceLine] = Field(max_length=MOST_LINES)


@router.get("/price-list", summary="The price list", operation_id="getPriceList")
async def listed(call: MaySee) -> PriceList:
    """Every line in its order."""
    return PriceList(items=await price_list(call.reading, call.clinic_id))


@router.put("/price-list", summary="Set the price list", operation_id="setPriceList")
async def set_all(call: MaySet, body: PriceList) -> PriceList:
    """The whole list at once."""
    await set_price_list(call.writing, call.clinic_id, body.items, call.actor, call.now)
    return PriceList(items=await price_list(call.writing, call.clinic_id))
