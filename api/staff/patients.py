"""`/v1/staff/patients`: the desk finds a patient and reads their contact."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffReads, staff_reads
from clinic.queries import PatientCard, patient_card, patients_by_phone
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission
from identity.phone import Phone

router = APIRouter(prefix="/v1/staff", tags=["patients"], route_class=StrictRoute)


class FoundPatients(Value):
    items: list[PatientCard] = Field(max_length=50)


@router.get("/patients", summary="Find patients by phone", operation_id="findPatients")
async def find(
    call: Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)], phone: Annotated[Phone, Query()]
) -> FoundPatients:
    """Everybody with this number; families share one."""
    return FoundPatients(items=await patients_by_phone(call.reading, phone))


@router.get("/patients/{patient_id}", summary="A patient's contact", operation_id="getPatient")
async def get(call: Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)], patient_id: UUID) -> PatientCard:
    """Name, phone and language; nothing clinical."""
    card = await patient_card(call.reading, patient_id)
    if card is None:
        raise NotFound
    return card
