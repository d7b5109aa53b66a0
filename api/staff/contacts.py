"""`/v1/staff/contact-policy`: the rules of reaching people."""

from typing import Annotated

from fastapi import APIRouter

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from identity.permissions import Permission
from push.commands.contacts import set_contact_policy
from push.queries.contacts import ContactPolicy, contact_policy

router = APIRouter(prefix="/v1/staff", tags=["reaching"], route_class=StrictRoute)


@router.get("/contact-policy", summary="The rules of reaching people", operation_id="getContactPolicy")
async def policy(call: Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]) -> ContactPolicy:
    """The clinic's own, or the usual ones."""
    return await contact_policy(call.reading, call.clinic_id)


@router.put("/contact-policy", summary="Set the rules of reaching people", operation_id="setContactPolicy")
async def set_policy(
    call: Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)], body: ContactPolicy
) -> ContactPolicy:
    """All rules at once. They count from now on, also for what is queued; what a patient wishes stands above them."""
    await set_contact_policy(call.writing, call.clinic_id, body, call.actor, call.now)
    return await contact_policy(call.writing, call.clinic_id)
