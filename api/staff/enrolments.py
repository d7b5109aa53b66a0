"""`/v1/staff/enrolments`: one patient's way through one journey, and the way out by hand."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from automation.commands.carrying import take_out
from automation.commands.failures import repair
from automation.queries.enrolment_path import EnrolmentPath, enrolment_path
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/enrolments/{enrolment_id}", tags=["journeys"], route_class=StrictRoute)


@router.get("", summary="A way through a journey", operation_id="getEnrolment")
async def path(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], enrolment_id: UUID
) -> EnrolmentPath:
    """Every step that was done, held back or skipped for this patient, and why. The look stays in their events."""
    found = await enrolment_path(call.writing, call.clinic_id, enrolment_id)
    await call.note_read("enrolments", found.patient_id)
    return found


@router.post("/stop", status_code=204, summary="Take a patient out", operation_id="stopEnrolment")
async def take(call: Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)], enrolment_id: UUID) -> Response:
    """What waits to be sent is taken back. By the journey's rules they may come in again later."""
    await take_out(call.writing, call.clinic_id, enrolment_id, call.actor, call.now)
    return Response(status_code=204)


@router.post("/repair", status_code=204, summary="Put a failed one back", operation_id="repairEnrolment")
async def put_back(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)], enrolment_id: UUID
) -> Response:
    """Whoever left with the reason `failed` goes on at the step that failed, at once."""
    await repair(call.writing, call.clinic_id, enrolment_id, call.now)
    return Response(status_code=204)
