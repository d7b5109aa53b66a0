"""`/v1/auth/staff`, `/v1/staff/session`: staff sign in by e-mail and password, and out."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import Field, StringConstraints

from api.caller import StaffClaims
from api.patient.sign_in import DeviceKey, DeviceName, Tokens, answered
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import scope_of
from clinic.queries import staff_of_account
from core.clock import now
from core.database import NOBODY, Scope
from core.values import Value
from identity import passwords
from identity.commands import (
    Attempt,
    CredentialsWrong,
    Device,
    SessionEnded,
    end_session,
    forgive,
    open_session,
    take_try,
)
from identity.sign_in import Audience

router = APIRouter(tags=["sign in"], route_class=StrictRoute)


class StaffSignIn(Value):
    email: Annotated[str, StringConstraints(min_length=3, max_length=254)] = Field(examples=["desk@clinic.example"])
    password: Annotated[str, StringConstraints(min_length=1, max_length=256)] = Field(examples=["three words of yours"])
    clinic_id: UUID
    device_key: DeviceKey
    device_name: DeviceName = ""


@router.post("/v1/auth/staff", status_code=201, summary="Staff sign-in", operation_id="openStaffSession")
async def sign_in(ports: PortsHere, body: StaffSignIn, request: Request) -> Tokens:
    """Exchange e-mail and password for tokens. After five wrong tries from one address, signing in pauses there.

    The pause is 15 minutes. A device that was signed in before has five tries of its own.
    """
    attempt = Attempt(body.email, request.client.host if request.client else "", body.device_key)
    async with ports.database.writing(NOBODY) as writing:
        tried = await take_try(writing, ports.keys, attempt, now())
    # Committed: the try stays counted, and no connection waits while passwords take their turns.
    right = await passwords.matches(body.password, tried.password_hash)
    if not right or tried.account_id is None:
        raise CredentialsWrong
    async with ports.database.writing(Scope(body.clinic_id)) as writing:
        if not await staff_of_account(writing, tried.account_id):
            raise CredentialsWrong  # as if the password were wrong: where somebody works is nobody's business
        await forgive(writing, tried)
        device = Device(body.device_key, body.device_name)
        pair = await open_session(writing, ports.keys, Audience.STAFF, tried.account_id, body.clinic_id, device, now())
    return answered(pair)


@router.delete("/v1/staff/session", status_code=204, summary="Staff sign-out", operation_id="endStaffSession")
async def sign_out(ports: PortsHere, claims: StaffClaims) -> Response:
    """End this session: its tokens stop at once, here and wherever they were copied to."""
    async with ports.database.writing(scope_of(claims)) as writing:
        if not await end_session(writing, claims.subject_id, claims.session_id, now()):
            raise SessionEnded
    return Response(status_code=204)
