"""`/v1/staff/patients/{patient_id}/chart`: the tooth chart for those who treat; every look is recorded."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from cabinet.odontogram import Odontogram
from cabinet.queries.chart import tooth_chart
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["patients"], route_class=StrictRoute)


@router.get("/patients/{patient_id}/chart", summary="A patient's tooth chart", operation_id="getChartAsStaff")
async def chart(call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID) -> Odontogram:
    """The present chart. That it was read, by whom and when, stays in the patient's events."""
    found = await tooth_chart(call.writing, patient_id, None, call.now)
    await call.note_read("chart", patient_id)
    return found
