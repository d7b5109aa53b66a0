"""`/v1/me/promotions` and `…/coupons`: what the clinic offers this patient today, and what they picked up of it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from cabinet.commands.coupons import PickUp, pick_up
from cabinet.queries.coupons import MOST_COUPONS, CouponView, coupons
from cabinet.queries.promotions import MOST_PROMOTIONS, PromotionView, promotions
from core.values import Value

routes = RecordRoutes("promotions")


class OpenPromotions(Value):
    items: list[PromotionView] = Field(max_length=MOST_PROMOTIONS)


class Coupons(Value):
    items: list[CouponView] = Field(max_length=MOST_COUPONS)


@routes.get("/promotions", summary="My promotions", operation_id="listMyPromotions")
async def offers(call: Annotated[PatientReads, record_reads(None)]) -> OpenPromotions:
    """Offers open to this patient today, what ends first on top, with the coupon where one was picked up."""
    return OpenPromotions(items=await promotions(call.reading, call.patient_id, call.now))


@routes.post(
    "/promotions/{promotion_id}/coupon", status_code=201, summary="Pick up my coupon", operation_id="pickUpMyCoupon"
)
async def pick(ports: PortsHere, call: Annotated[PatientWrites, record_writes(None)], promotion_id: UUID) -> CouponView:
    """A personal coupon of this promotion, once, while there are any. Asking again gives the same one."""
    wanted = PickUp(call.clinic_id, call.patient_id, promotion_id)
    return await pick_up(call.writing, ports.keys.secrets, wanted, call.actor, call.now)


@routes.get("/coupons", summary="My coupons", operation_id="listMyCoupons")
async def list_coupons(ports: PortsHere, call: Annotated[PatientReads, record_reads(None)]) -> Coupons:
    """Every coupon that was picked up, newest first; its code while it can be redeemed at the desk."""
    return Coupons(items=await coupons(call.reading, ports.keys.secrets, call.patient_id, call.now))
