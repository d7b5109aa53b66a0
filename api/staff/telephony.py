"""`/v1/staff/phone-exchanges`, `…/calls`: telephone systems that tell of calls, and the calls of a patient."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from api.hooks.telephony import secret_of
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.exchanges import ExchangeDraft, admit_exchange, change_exchange, end_exchange
from automation.queries.calls import (
    MOST_EXCHANGES,
    MOST_EXTENSIONS,
    CallView,
    ExchangeView,
    PhoneSeat,
    calls_of_patient,
    exchanges,
    recording_of,
)
from clinic.queries import patient_card
from core.errors import NotFound
from core.values import Int32, ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["telephony"], route_class=StrictRoute)

Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CHANNELS)]
_EXAMPLE: dict[str, Any] = {"name": "Reception", "branch_id": None, "extensions": []}


class ExchangeToAdmit(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    name: ShortText
    branch_id: UUID | None = Field(default=None, description="Whose missed calls these are; none: of the caller's own.")
    extensions: list[PhoneSeat] = Field(default=[], max_length=MOST_EXTENSIONS, description="Who sits where.")

    @property
    def draft(self) -> ExchangeDraft:
        return ExchangeDraft(self.name, self.branch_id, self.extensions)


class ExchangeToChange(ExchangeToAdmit):
    model_config = ConfigDict(json_schema_extra={"examples": [{**_EXAMPLE, "version": 1}]})

    version: Annotated[Int32, Field(ge=1, description="Which the change was made from.", examples=[1])]


class Exchanges(Value):
    items: list[ExchangeView] = Field(max_length=MOST_EXCHANGES)


class ExchangeAdmitted(Value):
    exchange: ExchangeView
    address: str = Field(description="Where notices are posted to.")
    secret: str = Field(description="What they are signed with; told this once.")


class Calls(Value):
    items: list[CallView] = Field(max_length=200)
    next_cursor: str | None


class CallRecording(Value):
    url: str = Field(description="At the telephone system, which may ask who one is.")


@router.get("/phone-exchanges", summary="Telephone systems", operation_id="listPhoneExchanges")
async def listed(call: Annotated[StaffReads, staff_reads(Permission.MANAGE_CHANNELS)]) -> Exchanges:
    """Those that may tell of calls. No secret is told."""
    return Exchanges(items=await exchanges(call.reading, call.clinic_id))


@router.post("/phone-exchanges", status_code=201, summary="Admit a telephone system", operation_id="admitPhoneExchange")
async def admit(ports: PortsHere, call: Manages, body: ExchangeToAdmit) -> ExchangeAdmitted:
    """Its address and secret are its alone. For another secret, admit it once more and end this one."""
    made = await admit_exchange(call.writing, call.clinic_id, body.draft, call.actor, call.now)
    return ExchangeAdmitted(
        exchange=made,
        address=f"{ports.public_url}/v1/hooks/telephony/{made.exchange_id}",
        secret=secret_of(ports, call.clinic_id, made.exchange_id),
    )


@router.put("/phone-exchanges/{exchange_id}", summary="Change a telephone system", operation_id="changePhoneExchange")
async def change(call: Manages, exchange_id: UUID, body: ExchangeToChange) -> ExchangeView:
    """All of it anew; its address and secret stay."""
    return await change_exchange(
        call.writing, call.clinic_id, exchange_id, body.version, body.draft, call.actor, call.now
    )


@router.delete(
    "/phone-exchanges/{exchange_id}",
    status_code=204,
    summary="End a telephone system",
    operation_id="endPhoneExchange",
)
async def end(call: Manages, exchange_id: UUID) -> Response:
    """What it posts is believed no longer; the calls it told of stay."""
    await end_exchange(call.writing, call.clinic_id, exchange_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/patients/{patient_id}/calls", summary="Calls of a patient", operation_id="listCallsOfPatient")
async def of_patient(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CONTACT)],
    patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Calls:
    """Newest first. The patient is told of the look."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "calls", patient_id), cursor, limit,
        lambda place, most: calls_of_patient(
            call.writing, call.clinic_id, patient_id, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.at.isoformat(), str(each.call_id)],
    )  # fmt: skip
    await call.note_read("calls", patient_id)
    return Calls(items=items, next_cursor=following)


@router.get("/calls/{call_id}/recording", summary="Where a call's recording is", operation_id="getCallRecording")
async def recording(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], call_id: UUID
) -> CallRecording:
    """What patients say on the telephone is of their health: the look stays in their events."""
    found = await recording_of(call.writing, call.clinic_id, call_id)
    if found is None:
        raise NotFound
    patient_id, url = found
    if patient_id is not None:
        await call.note_read("recording", patient_id)
    return CallRecording(url=url)
