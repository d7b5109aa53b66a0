"""`/v1/staff/patients/{patient_id}/plans`: treatment plans as staff sees them, drafts too."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from cabinet.queries.plans import MOST_PLANS, PlanView, plans
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["plans"], route_class=StrictRoute)


class PatientPlans(Value):
    items: list[PlanView] = Field(max_length=MOST_PLANS)


@router.get("/patients/{patient_id}/plans", summary="A patient's plans", operation_id="listPatientPlans")
async def list_plans(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID
) -> PatientPlans:
    """Every plan with stages and prices, those under way first. That it was read, and by whom, is recorded."""
    found = await plans(call.writing, patient_id, call.now)
    if found is None:
        raise NotFound
    await call.note_read("plan", patient_id)
    return PatientPlans(items=found)
