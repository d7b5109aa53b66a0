"""`/v1/staff/patients/{patient_id}/plans`: treatment plans as staff sees them, drafts, offers and answers too."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from cabinet.commands.answers import withdraw_offer
from cabinet.plan_view import PlanWithAccount
from cabinet.queries.offers import MOST_OFFERS, OfferHistory, offer_history
from cabinet.queries.plans import MOST_PLANS, plans
from core.errors import NotFound
from core.values import MaybeText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["plans"], route_class=StrictRoute)


class PatientPlans(Value):
    items: list[PlanWithAccount] = Field(max_length=MOST_PLANS)


class PlanOffers(Value):
    items: list[OfferHistory] = Field(max_length=MOST_OFFERS)


class Withdrawal(Value):
    note: MaybeText = Field(default="", description="For the clinic only.")


@router.get("/patients/{patient_id}/plans", summary="A patient's plans", operation_id="listPatientPlans")
async def list_plans(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID
) -> PatientPlans:
    """Every plan with stages and prices, those under way first; what was paid for who may read finances.

    That it was read, and by whom, is recorded.
    """
    with_account = Permission.READ_FINANCE in call.staff.permissions
    found = await plans(call.writing, patient_id, call.now, with_account=with_account)
    if found is None:
        raise NotFound
    await call.note_read("plan", patient_id)
    return PatientPlans(items=found)


@router.get(
    "/patients/{patient_id}/plans/{plan_id}/offers", summary="Offers and answers", operation_id="listPlanOffers"
)
async def list_offers(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID, plan_id: UUID
) -> PlanOffers:
    """Every offer of a plan as it was proposed, with what was answered, when, by whom and why."""
    found = await offer_history(call.writing, patient_id, plan_id)
    if not found:
        raise NotFound
    await call.note_read("plan", patient_id)
    return PlanOffers(items=found)


@router.post(
    "/patients/{patient_id}/plans/{plan_id}/withdrawal", summary="Withdraw an offer", operation_id="withdrawPlanOffer"
)
async def withdraw(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_PLANS)],
    patient_id: UUID,
    plan_id: UUID,
    body: Withdrawal,
) -> PlanOffers:
    """Take back an offer that nobody accepted. The patient no longer sees the plan until it is offered anew."""
    await withdraw_offer(call.writing, call.clinic_id, patient_id, plan_id, body.note, call.actor, call.now)
    await call.writing.flush()
    await call.note_read("plan", patient_id)
    return PlanOffers(items=await offer_history(call.writing, patient_id, plan_id))
