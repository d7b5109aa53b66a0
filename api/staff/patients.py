"""`/v1/staff/patients`: what the desk does with a patient: find, invite, book."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.appointment import AppointmentStatus
from clinic.commands import book_visit, change_visit, issue_link_code
from clinic.queries import PatientCard, Visit, patient_card, patients_by_phone
from core.errors import NotFound
from core.moments import Moment
from core.values import MaybeText, Value
from identity.permissions import Permission
from identity.phone import Phone

router = APIRouter(prefix="/v1/staff", tags=["patients"], route_class=StrictRoute)


class FoundPatients(Value):
    items: list[PatientCard] = Field(max_length=50)


class LinkCodeIssued(Value):
    """To be handed over after seeing a document; shown this once."""

    code: str = Field(examples=["7KQ2M9XARD"])
    expires_at: Moment


class LinkCodeRequest(Value):
    relation: Annotated[str, Field(pattern="^(self|guardian)$")]


class BookingRequest(Value):
    starts_at: Moment
    ends_at: Moment
    service: MaybeText = ""
    practitioner: MaybeText = ""


class StatusChange(Value):
    status: AppointmentStatus


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


@router.post(
    "/patients/{patient_id}/link-codes", status_code=201, summary="Invite to the app", operation_id="issueLinkCode"
)
async def invite(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.INVITE)],
    patient_id: UUID,
    body: LinkCodeRequest,
) -> LinkCodeIssued:
    """A one-time code (7 days) that opens this record to the account that enters it. Codes before it end."""
    code, expires_at = await issue_link_code(
        call.writing, ports.keys.secrets, call.clinic_id, patient_id, body.relation, call.actor, call.now
    )
    return LinkCodeIssued(code=code, expires_at=expires_at)


@router.post("/patients/{patient_id}/appointments", status_code=201, summary="Book a visit", operation_id="bookVisit")
async def book(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_APPOINTMENTS)], patient_id: UUID, body: BookingRequest
) -> Visit:
    """Enter an appointment. It takes the patient out of every journey that waits for one."""
    starts_at: datetime = body.starts_at
    return await book_visit(
        call.writing, call.clinic_id, patient_id, starts_at, body.ends_at,
        body.service, body.practitioner, call.actor, call.now,
    )  # fmt: skip


@router.post("/appointments/{appointment_id}/status", summary="Change a visit's state", operation_id="changeVisit")
async def change(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_APPOINTMENTS)], appointment_id: UUID, body: StatusChange
) -> Visit:
    """Move a visit that was booked here along: confirmed, arrived, completed, no-show, cancelled."""
    return await change_visit(call.writing, call.clinic_id, appointment_id, body.status, call.actor, call.now)
