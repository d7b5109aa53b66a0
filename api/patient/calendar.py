"""`/v1/me/calendar`, `/v1/calendar/{token}.ics`: a patient's visits as a calendar to subscribe to.

Calendars fetch without signing in, so the address itself is the secret: 256 random bits, of which we keep a keyed
hash. It can be revoked, ends when the account may no longer open the record, and tells no reason for a visit.
"""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.patient.appointments import Calendar
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PatientWrites, record_writes
from clinic.calendar import TOKEN_LENGTH, clinic_of
from clinic.commands.calendar import revoke_calendar, subscribe_calendar
from clinic.queries.calendar import feed
from core.clock import now
from core.database import Scope
from core.errors import NotFound
from core.values import Value

routes = RecordRoutes("calendar")
router = APIRouter(tags=["calendar"], route_class=StrictRoute)


class CalendarAddress(Value):
    """Whoever holds the address sees when and where the visits are: do not share it."""

    url: str = Field(max_length=2000, examples=["https://app.example/v1/calendar/AZ…k.ics"])


@routes.post("/calendar", status_code=201, summary="Subscribe to my calendar", operation_id="subscribeMyCalendar")
async def subscribe(ports: PortsHere, call: Annotated[PatientWrites, record_writes(None)]) -> CalendarAddress:
    """A secret address for the phone's calendar, shown this once; the one before it ends."""
    token = await subscribe_calendar(
        call.writing, ports.keys.secrets, call.clinic_id, call.claims.subject_id, call.patient_id, call.actor, call.now
    )
    return CalendarAddress(url=f"{ports.public_url}/v1/calendar/{token}.ics")


@routes.delete("/calendar", status_code=204, summary="End my calendar", operation_id="revokeMyCalendar")
async def revoke(call: Annotated[PatientWrites, record_writes(None)]) -> None:
    """The address shows nothing any more. Doing it again changes nothing."""
    await revoke_calendar(call.writing, call.clinic_id, call.claims.subject_id, call.patient_id, call.actor, call.now)


Token = Annotated[str, Path(min_length=TOKEN_LENGTH, max_length=TOKEN_LENGTH, pattern="^[A-Za-z0-9_-]+$")]


@router.get(
    "/v1/calendar/{token}.ics", summary="Fetch a calendar", operation_id="fetchCalendar", response_class=Calendar
)
async def fetch(ports: PortsHere, token: Token) -> Response:
    """The visits behind a secret address as iCalendar (RFC 5545): those of the last 90 days and those to come."""
    clinic_id = clinic_of(token)
    async with ports.database.reading(Scope(clinic_id)) as reading:
        made = await feed(reading, ports.keys.secrets, clinic_id, token, now())
    if made is None:
        raise NotFound
    return Calendar(made)
