"""`/v1/staff/people`, `/v1/staff/partner-apps`, a record's access: who may come in no longer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from clinic.commands import let_staff_go, revoke_access
from identity.commands import revoke_partner_app
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["people"], route_class=StrictRoute)

Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_STAFF)]
Invites = Annotated[StaffWrites, staff_writes(Permission.INVITE)]


@router.delete("/people/{staff_id}", status_code=204, summary="Let somebody go", operation_id="letStaffGo")
async def let_go(call: Manages, staff_id: UUID) -> Response:
    """End a person's work here: every desk they are signed in at is signed out at once. The last manager stays."""
    await let_staff_go(call.writing, call.clinic_id, staff_id, call.actor, call.now)
    return Response(status_code=204)


@router.delete(
    "/partner-apps/{app_id}", status_code=204, summary="Revoke a partner app", operation_id="revokePartnerApp"
)
async def revoke_app(call: Manages, app_id: UUID) -> Response:
    """Shut a partner app out: its secret and the tokens it holds stop at once."""
    await revoke_partner_app(call.writing, call.clinic_id, app_id, call.actor, call.now)
    return Response(status_code=204)


@router.delete(
    "/patients/{patient_id}/access/{account_id}",
    status_code=204,
    summary="Shut a record to an account",
    operation_id="revokeAccess",
)
async def shut(call: Invites, patient_id: UUID, account_id: UUID) -> Response:
    """Take a record back from an account that could open it, as after a lost phone or a wrong link."""
    await revoke_access(call.writing, call.clinic_id, account_id, patient_id, call.actor, call.now)
    return Response(status_code=204)
