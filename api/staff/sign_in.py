"""`/v1/auth/staff`: staff sign in by e-mail and password."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, StringConstraints

from api.patient.sign_in import DeviceKey, DeviceName, Tokens, answered
from api.ports import PortsHere
from api.strict import StrictRoute
from clinic.queries import staff_of_account
from core.clock import now
from core.database import NOBODY, Scope
from core.values import Value
from identity.commands import CredentialsWrong, Device, check_password, open_session
from identity.sign_in import Audience

router = APIRouter(tags=["sign in"], route_class=StrictRoute)


class StaffSignIn(Value):
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] = Field(examples=["desk@clinic.example"])
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    clinic_id: UUID
    device_key: DeviceKey
    device_name: DeviceName = ""


@router.post("/v1/auth/staff", status_code=201, summary="Staff sign-in", operation_id="openStaffSession")
async def sign_in(ports: PortsHere, body: StaffSignIn) -> Tokens:
    """Exchange e-mail and password for tokens. After five wrong tries the account pauses for 15 minutes."""
    async with ports.database.writing(NOBODY) as writing:
        account_id = await check_password(writing, body.email, body.password, now())
    # Committed: a wrong try stays counted.
    if account_id is None:
        raise CredentialsWrong
    async with ports.database.writing(Scope(body.clinic_id)) as writing:
        if not await staff_of_account(writing, account_id):
            raise CredentialsWrong  # as if the password were wrong: where somebody works is nobody's business
        device = Device(body.device_key, body.device_name)
        pair = await open_session(writing, ports.keys, Audience.STAFF, account_id, body.clinic_id, device, now())
    return answered(pair)
