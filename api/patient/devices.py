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
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes, scope_of, standing_session
from clinic.household import AccessScope
from core import clock
from core.database import Writing
from core.errors import Fault, Invalid
from core.events import Actor, ActorKind
from core.moments import Moment
from core.outside import leads_inside
from core.values import Int32, Value
from identity.tokens import Claims
from push.app_build import AppTooOld, is_older
from push.commands import DeviceFacts, Receipt, confirm, register_device, unbind_devices
from push.commands.inbox import read_inbox
from push.queries import InboxItem, inbox, unread_notices
from push.queries.builds import minimum_version
from push.web_subscription import subscription_of

router = APIRouter(tags=["devices"], route_class=StrictRoute)
routes = RecordRoutes("devices")

MOST_RECEIPTS = 200


class Registered(Value):
    device_id: UUID


class InboxPage(Value):
    items: list[InboxItem] = Field(max_length=200)
    unread: Int32 = Field(description="Of the whole inbox, 999 at most: what the app's icon may show.", examples=[3])
    next_cursor: str | None


class ReadThrough(Value):
    """Up to which moment everything was read: the `at` of the newest line that was seen."""

    through: Moment


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
async def register(ports: PortsHere, call: AccountCall, body: DeviceFacts) -> Registered:
    """Send it at every start and whenever the push provider gives a new token; the same again changes nothing.

    The token is bound to the account that is signed in now: whoever used this phone before hears no more.
    A version that the clinic serves no more is refused with `app-too-old`.
    """
    claims = call.claims
    if is_older(body.app_version, await minimum_version(call.writing, body.app_build)):
        raise AppTooOld
    if body.way == "webpush" and leads_inside(subscription_of(body.token).host, ports.push_private_hosts):
        raise Invalid(Fault("/token", "not-public"))
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
    unread = await unread_notices(call.reading, call.patient_id, call.claims.subject_id, call.now)
    return InboxPage(items=items, unread=unread, next_cursor=following)


@routes.post("/notices/read", status_code=204, summary="I have read my inbox", operation_id="readMyNotices")
async def read(call: Annotated[PatientWrites, record_writes(AccessScope.CHAT)], body: ReadThrough) -> Response:
    """Everything up to there counts as read for this account, on all of its phones. Never back again."""
    await read_inbox(call.writing, call.clinic_id, call.patient_id, call.claims.subject_id, min(body.through, call.now))
    return Response(status_code=204)


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
