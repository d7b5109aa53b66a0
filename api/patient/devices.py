"""`/v1/me/devices/push`, `/v1/me/notices`: a patient's phones, inbox and receipts."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from api.caller import PatientClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PatientReads, record_reads, scope_of, standing_session
from clinic.household import AccessScope
from core import clock
from core.database import Writing
from core.events import Actor, ActorKind
from core.values import Int32, Value
from identity.tokens import Claims
from push.commands import DeviceFacts, Receipt, confirm, register_device, unbind_devices
from push.queries import InboxItem, inbox

router = APIRouter(tags=["devices"], route_class=StrictRoute)
routes = RecordRoutes("devices")

MOST_RECEIPTS = 200


class Registered(Value):
    device_id: UUID


class InboxPage(Value):
    items: list[InboxItem] = Field(max_length=200)
    next_cursor: str | None


class Receipts(Value):
    items: list[Receipt] = Field(min_length=1, max_length=MOST_RECEIPTS)


class Confirmed(Value):
    """How many of the notices named are ones that this account may see."""

    known: Int32


@dataclass(frozen=True, slots=True)
class AccountWrites:
    """A write of what belongs to the account and not to one record: a guardian may have no record of their own."""

    writing: Writing
    claims: Claims
    now: datetime

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.PATIENT, self.claims.subject_id)


async def _account_writes(ports: PortsHere, claims: PatientClaims) -> AsyncIterator[AccountWrites]:
    async with ports.database.writing(scope_of(claims)) as writing:
        await standing_session(writing, claims)
        yield AccountWrites(writing, claims, clock.now())


AccountCall = Annotated[AccountWrites, Depends(_account_writes, scope="function")]


@router.put("/v1/me/devices/push", summary="Register this phone for pushes", operation_id="registerPushDevice")
async def register(call: AccountCall, body: DeviceFacts) -> Registered:
    """Send it at every start and whenever the push provider gives a new token; the same again changes nothing.

    The token is bound to the account that is signed in now: whoever used this phone before hears no more.
    """
    claims = call.claims
    device_id = await register_device(
        call.writing, claims.clinic_id, claims.subject_id, claims.session_id, body, call.now
    )
    return Registered(device_id=device_id)


@router.delete(
    "/v1/me/devices/push", status_code=204, summary="Stop pushes to this phone", operation_id="unregisterPushDevice"
)
async def unregister(call: AccountCall) -> Response:
    """Unbind the phone of this session. Signing out does the same by itself."""
    claims = call.claims
    await unbind_devices(call.writing, claims.clinic_id, claims.subject_id, claims.session_id, call.now)
    return Response(status_code=204)


@routes.get("/notices", summary="My inbox", operation_id="listMyNotices")
async def notices(
    ports: PortsHere,
    call: Annotated[PatientReads, record_reads(AccessScope.CHAT)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> InboxPage:
    """Everything the clinic had to say, newest first, whether or not its push arrived."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "my notices", call.patient_id), cursor, limit,
        lambda place, most: inbox(
            call.reading, call.patient_id, call.claims.subject_id, call.now, after=moment_and_id(place), limit=most
        ),
        lambda item: [item.at.isoformat(), str(item.notice_id)],
    )  # fmt: skip
    return InboxPage(items=items, next_cursor=following)


@router.post("/v1/me/notices/receipts", summary="Report what arrived and was opened", operation_id="confirmNotices")
async def receive(call: AccountCall, body: Receipts) -> Confirmed:
    """Tell which pushes this phone showed and which were opened, in any order, as often as it likes.

    Only the first report of each counts. Unknown notices and other people's are passed over alike.
    """
    claims = call.claims
    known = await confirm(
        call.writing, claims.clinic_id, claims.subject_id, claims.session_id, body.items, call.actor, call.now
    )
    return Confirmed(known=known)
