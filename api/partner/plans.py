"""`/v1/partner/sync/plans` and `…/promotions`: a clinic's own system pushes plans and offers in."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.commands.plans import take_plans, take_promotions
from cabinet.plan_facts import PlanFact, PromotionFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class PlanBatch(Value):
    items: Annotated[Rows, rows_of(PlanFact)]


class PromotionBatch(Value):
    items: Annotated[Rows, rows_of(PromotionFact)]


@router.post("/plans", summary="Push treatment plans", operation_id="syncPlans", max_body_size=LARGEST_BATCH)
async def sync_plans(call: PartnerCall, batch: PlanBatch) -> SyncResult:
    """Create and update plans, each told whole with its stages and items; the patient must be known."""
    return await take(call, batch.items, PlanFact, take_plans)


@router.post("/promotions", summary="Push promotions", operation_id="syncPromotions", max_body_size=LARGEST_BATCH)
async def sync_promotions(call: PartnerCall, batch: PromotionBatch) -> SyncResult:
    """Create and update promotions by external id."""
    return await take(call, batch.items, PromotionFact, take_promotions)
