"""`/v1/me/promotions`: what the clinic offers this patient today."""

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import OwnReads
from cabinet.queries.plans import MOST_PROMOTIONS, PromotionView, promotions
from core.values import Value

router = APIRouter(tags=["promotions"], route_class=StrictRoute)


class OpenPromotions(Value):
    items: list[PromotionView] = Field(max_length=MOST_PROMOTIONS)


@router.get("/v1/me/promotions", summary="My promotions", operation_id="listMyPromotions")
async def list_mine(call: OwnReads) -> OpenPromotions:
    """Offers open to the patient today by period, age and language; what ends first comes first."""
    return OpenPromotions(items=await promotions(call.reading, call.patient_id, call.now))
