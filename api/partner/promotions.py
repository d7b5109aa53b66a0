"""`/v1/partner/sync/promotions`: a clinic's own system pushes offers in."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.commands.promotions import take_promotions
from cabinet.promotion_facts import PromotionFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class PromotionBatch(Value):
    items: Annotated[Rows, rows_of(PromotionFact)]


@router.post("/promotions", summary="Push promotions", operation_id="syncPromotions", max_body_size=LARGEST_BATCH)
async def sync_promotions(call: PartnerCall, batch: PromotionBatch) -> SyncResult:
    """Create and update promotions by external id."""
    return await take(call, batch.items, PromotionFact, take_promotions)
