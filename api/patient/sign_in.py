"""`/v1/auth/otp`, `/v1/auth/sessions`: patients sign in by phone and code, renew and sign out; link a record."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, BackgroundTasks, Request, Response
from pydantic import Field, StringConstraints

from api.caller import PatientClaims
from api.ports import PortsHere
from api.problems import language_of
from api.strict import StrictRoute
from api.texts import code_text
from api.transaction import scope_of, standing_session
from clinic.commands import redeem_link_code
from clinic.queries import Record, clinic_exists, records
from core.clock import now
from core.database import NOBODY, Scope
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.moments import Moment
from core.values import Int32, Value
from identity.commands import (
    CodeWrong,
    Device,
    RefreshRefused,
    TokenPair,
    account_of_phone,
    end_session,
    open_session,
    renew_session,
    send_code,
    spend_code,
)
from identity.phone import Phone
from identity.queries import device_sessions
from identity.sign_in import CODE_LIFE, RESEND_WAITS, Audience
from push.commands import unbind_devices

router = APIRouter(tags=["sign in"], route_class=StrictRoute)

DeviceKey = Annotated[
    str,
    StringConstraints(min_length=16, max_length=128, pattern=r"^[A-Za-z0-9_-]+$"),
    Field(examples=["b7Yq0fXk3mWz9LrT5cNv2A"]),
]
DeviceName = Annotated[str, StringConstraints(max_length=80, pattern=r"^[^\x00-\x1f\x7f]*$")]
RefreshText = Annotated[
    str, StringConstraints(min_length=1, max_length=200), Field(examples=["q8Lr2vXc0TzKb5nWd7PyJm4HsGfA1uEo"])
]


class CodeRequest(Value):
    phone: Phone = Field(examples=["+390255501234"])


class CodeAnswer(Value):
    """The same for every number, known or not."""

    challenge_id: UUID
    expires_in_seconds: Int32
    resend_after_seconds: Int32


class CodeProof(Value):
    challenge_id: UUID
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] = Field(examples=["042917"])
    clinic_id: UUID = Field(description="The clinic this app is for.")
    device_key: DeviceKey = Field(description="Random, made once by the app, kept in the device's key store.")
    device_name: DeviceName = ""


class RefreshRequest(Value):
    refresh_token: RefreshText
    device_key: DeviceKey


class Tokens(Value):
    access_token: str
    refresh_token: str
    token_type: str = "Bearer"  # noqa: S105  RFC 6750's word, no secret
    expires_in_seconds: Int32


class LinkRequest(Value):
    code: Annotated[str, StringConstraints(min_length=10, max_length=20)] = Field(examples=["7KQ2M-9XARD"])


class Linked(Value):
    patient_id: UUID


class SignedInDevice(Value):
    session_id: UUID
    device_name: str
    created_at: Moment
    last_seen_at: Moment
    is_this: bool


class Me(Value):
    """Who is signed in, and which records they may open here."""

    account_id: UUID
    clinic_id: UUID
    records: list[Record] = Field(max_length=100)
    devices: list[SignedInDevice] = Field(max_length=100)


def answered(pair: TokenPair) -> Tokens:
    return Tokens(
        access_token=pair.access_token, refresh_token=pair.refresh_token, expires_in_seconds=pair.expires_in_seconds
    )


@router.post("/v1/auth/otp", status_code=202, summary="Ask for a sign-in code", operation_id="requestCode")
async def request_code(
    ports: PortsHere, body: CodeRequest, request: Request, background: BackgroundTasks
) -> CodeAnswer:
    """Send a six-digit code by SMS. The answer does not tell whether the number is known."""
    address = request.client.host if request.client else ""
    async with ports.database.writing(NOBODY) as writing:
        sent = await send_code(writing, ports.keys, body.phone, address, now())
    if sent.code is not None:
        # After the answer: its time must not tell whether a text went out. A crash here costs one resend.
        text = code_text(sent.code, language_of(request.headers.get("accept-language", "")))
        background.add_task(ports.texts.send, body.phone, text)
    wait = int(RESEND_WAITS[0].total_seconds())
    life = int(CODE_LIFE.total_seconds())
    return CodeAnswer(challenge_id=sent.challenge_id, expires_in_seconds=life, resend_after_seconds=wait)


@router.post("/v1/auth/sessions", status_code=201, summary="Sign in with the code", operation_id="openSession")
async def sign_in(ports: PortsHere, body: CodeProof) -> Tokens:
    """Exchange the code for an access token (10 minutes) and a refresh token bound to this device."""
    async with ports.database.writing(NOBODY) as writing:
        phone = await spend_code(writing, ports.keys, body.challenge_id, body.code, now())
    # Committed: a wrong try stays counted. Only now may we refuse.
    if phone is None:
        raise CodeWrong
    async with ports.database.writing(Scope(body.clinic_id)) as writing:
        if not await clinic_exists(writing, body.clinic_id):
            raise NotFound
        account_id = await account_of_phone(writing, phone, now())
        device = Device(body.device_key, body.device_name)
        pair = await open_session(writing, ports.keys, Audience.PATIENT, account_id, body.clinic_id, device, now())
    return answered(pair)


@router.post("/v1/auth/refresh", summary="Renew the tokens", operation_id="renewSession")
async def renew(ports: PortsHere, body: RefreshRequest) -> Tokens:
    """Rotate the refresh token. Using an old one again signs the device out."""
    async with ports.database.writing(NOBODY) as writing:
        pair = await renew_session(writing, ports.keys, body.refresh_token, body.device_key, now())
    # Committed: a family that was ended for reuse stays ended.
    if pair is None:
        raise RefreshRefused
    return answered(pair)


@router.get("/v1/me", summary="Who am I", operation_id="getMe")
async def me(ports: PortsHere, claims: PatientClaims) -> Me:
    """The account, the records it may open in this clinic, and its signed-in devices."""
    async with ports.database.reading(scope_of(claims)) as reading:
        await standing_session(reading, claims)
        mine = await records(reading, claims.subject_id, claims.session_id, now())
        devices = await device_sessions(reading, claims.subject_id, claims.clinic_id, now())
    return Me(
        account_id=claims.subject_id,
        clinic_id=claims.clinic_id,
        records=mine,
        devices=[
            SignedInDevice(
                session_id=each.session_id,
                device_name=each.device_name,
                created_at=each.created_at,
                last_seen_at=each.last_seen_at,
                is_this=each.session_id == claims.session_id,
            )
            for each in devices
        ],
    )


@router.post("/v1/me/link", summary="Link a record", operation_id="linkRecord")
async def link(ports: PortsHere, claims: PatientClaims, body: LinkRequest) -> Linked:
    """Open a record with the code from the clinic's desk: the second proof beside the phone."""
    async with ports.database.writing(scope_of(claims)) as writing:
        await standing_session(writing, claims)
        actor = Actor(ActorKind.PATIENT, claims.subject_id)
        patient_id = await redeem_link_code(
            writing, ports.keys.secrets, claims.clinic_id, claims.subject_id, body.code, actor, now()
        )
    return Linked(patient_id=patient_id)


@router.delete("/v1/me/devices/{session_id}", status_code=204, summary="Sign a device out", operation_id="endSession")
async def sign_out(ports: PortsHere, claims: PatientClaims, session_id: UUID) -> Response:
    """End one session of this account, also the present one; its tokens stop at once."""
    async with ports.database.writing(scope_of(claims)) as writing:
        await standing_session(writing, claims)
        if not await end_session(writing, claims.subject_id, session_id, now()):
            raise NotFound
        await unbind_devices(writing, claims.clinic_id, claims.subject_id, session_id, now())
    return Response(status_code=204)
