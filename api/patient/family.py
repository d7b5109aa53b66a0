"""`/v1/me/access`, `/v1/me/wards`: who may open my record, and whose record I may open."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.caller import PatientClaims
from api.patient.devices import AccountCall
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import OwnReads, OwnWrites, scope_of, standing_session
from clinic.commands import give_up_ward, keep_private, shut_out
from clinic.queries import Opener, WardView, openers_of, wards
from core.clock import now
from core.values import Value

router = APIRouter(prefix="/v1/me", tags=["family"], route_class=StrictRoute)

WardId = Annotated[UUID, Path(description="A patient of `GET /v1/me/wards`.")]


class PrivateKind(StrEnum):
    """Of what a single one may be hidden from those who act for the patient."""

    APPOINTMENT = "appointment"
    PLAN = "plan"
    DOCUMENT = "document"
    PICTURE = "picture"
    SERIES = "series"


class PrivateMark(Value):
    private: bool


class Openers(Value):
    items: list[Opener] = Field(max_length=100)


class Wards(Value):
    items: list[WardView] = Field(max_length=100)


@router.get("/access", summary="Who may open my record", operation_id="listMyAccess")
async def list_access(call: OwnReads) -> Openers:
    """Everybody but myself: guardians while I am a minor, carers; what they may see and do, and until when."""
    return Openers(items=await openers_of(call.reading, call.patient_id, call.now))


@router.delete("/access/{access_id}", status_code=204, summary="Shut my record to somebody", operation_id="endMyAccess")
async def shut(call: OwnWrites, access_id: UUID) -> Response:
    """Take a carer's or former guardian's access away, from their next request on. Minors ask the clinic."""
    await shut_out(call.writing, call.clinic_id, call.patient_id, access_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/wards", summary="Whose record I may open", operation_id="listMyWards")
async def list_wards(ports: PortsHere, claims: PatientClaims) -> Wards:
    """The children and grown-ups I act for, with what I may see and do in each record, and until when.

    An account without a record of its own has this list too. A child leaves it on the day they come of age.
    """
    async with ports.database.reading(scope_of(claims)) as reading:
        await standing_session(reading, claims)
        return Wards(items=await wards(reading, claims.subject_id, claims.session_id, now()))


@router.delete("/wards/{ward_id}", status_code=204, summary="Lay down a ward", operation_id="endMyWard")
async def lay_down(call: AccountCall, ward_id: WardId) -> Response:
    """Give the access to somebody else's record back. Only the clinic's desk gives it anew."""
    claims = call.claims
    await give_up_ward(call.writing, claims.clinic_id, claims.subject_id, ward_id, call.actor, call.now)
    return Response(status_code=204)


@router.put(
    "/private/{thing}/{thing_id}", status_code=204, summary="Keep something of mine private", operation_id="hideMyThing"
)
async def hide(call: OwnWrites, thing: PrivateKind, thing_id: UUID, body: PrivateMark) -> Response:
    """Keep one visit, plan, document, picture or series between the clinic and myself, or show it again.

    From the age of the country on (14 where the law names none).
    """
    await keep_private(
        call.writing, call.clinic_id, call.patient_id, thing.value, thing_id, call.actor, call.now, private=body.private
    )
    return Response(status_code=204)
