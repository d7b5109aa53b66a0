"""`/v1/partner/sync/plans`: a clinic's own system pushes treatment plans in."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.commands.plans import take_plans
from cabinet.plan_facts import PlanFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class PlanBatch(Value):
    items: Annotated[Rows, rows_of(PlanFact)]


@router.post("/plans", summary="Push treatment plans", operation_id="syncPlans", max_body_size=LARGEST_BATCH)
async def sync_plans(call: PartnerCall, batch: PlanBatch) -> SyncResult:
    """Create and update plans, each told whole with its stages and items; the patient must be known."""
    return await take(call, batch.items, PlanFact, take_plans)
