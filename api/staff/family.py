"""`/v1/staff/patients/{patient_id}/access`, `…/link-codes`, `…/blocks`: who may open a record, and who never."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field, ValidationInfo, field_validator

from api.patient.family import PrivateKind, PrivateMark
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.commands import block_access, change_access, issue_link_code, keep_private, lift_block, revoke_access
from clinic.household import AccessScope, Relation
from clinic.queries import RecordAccess, record_accesses, ward_of
from core.errors import NotFound
from core.moments import Day, Moment
from core.values import ShortText, Value
from identity.permissions import Permission
from identity.phone import Phone

router = APIRouter(prefix="/v1/staff/patients/{patient_id}", tags=["family"], route_class=StrictRoute)

Looks = Annotated[StaffReads, staff_reads(Permission.INVITE)]
Invites = Annotated[StaffWrites, staff_writes(Permission.INVITE)]
Guards = Annotated[StaffWrites, staff_writes(Permission.MANAGE_PRIVACY)]

Scopes = Annotated[list[AccessScope], Field(max_length=20, description="What they may see and do.")]
EndsOn = Annotated[
    Day | None, Field(description="From the first minute of this day, in the patient's branch, it is over.")
]


class LinkCodeIssued(Value):
    """To be handed over after seeing a document; shown this once."""

    code: str = Field(examples=["7KQ2M9XARD"])
    expires_at: Moment


class LinkCodeRequest(Value):
    """Whom the desk invites. A guardian's access ends by itself when the patient comes of age, a carer's does not."""

    relation: Relation
    scopes: Scopes = sorted(AccessScope)
    ends_on: EndsOn = None

    @field_validator("ends_on")
    @classmethod
    def _only_of_others(cls, ends_on: Day | None, info: ValidationInfo) -> Day | None:
        if ends_on is not None and info.data.get("relation") is Relation.SELF:
            raise ValueError("one's own record is open for good")
        return ends_on


class AccessBounds(Value):
    scopes: Scopes
    ends_on: EndsOn = None


class BlockRequest(Value):
    """`reason` is for staff alone: the court's order and its date, a danger to the child."""

    phone: Phone = Field(examples=["+393471200001"])
    reason: ShortText = Field(examples=["Tribunale di Roma, 12/2026: no contact"])


class Blocked(Value):
    access_id: UUID


class RecordAccesses(Value):
    items: list[RecordAccess] = Field(max_length=100)


@router.post("/link-codes", status_code=201, summary="Invite to the app", operation_id="issueLinkCode")
async def invite(ports: PortsHere, call: Invites, patient_id: UUID, body: LinkCodeRequest) -> LinkCodeIssued:
    """A one-time code (7 days) that opens this record to the account that enters it.

    A new code to one's own record ends the one before; guardians and carers may each hold one.
    """
    code, expires_at = await issue_link_code(
        call.writing, ports.keys.secrets, call.clinic_id, patient_id, body.relation.value, call.actor, call.now,
        scopes=body.scopes, ends_on=body.ends_on,
    )  # fmt: skip
    return LinkCodeIssued(code=code, expires_at=expires_at)


@router.get("/access", summary="Who may open a record", operation_id="listAccess")
async def list_access(call: Looks, patient_id: UUID) -> RecordAccesses:
    """Everybody who may, might or once could, with the reason why they no longer may. The last let in comes first."""
    if await ward_of(call.reading, patient_id) is None:
        raise NotFound
    return RecordAccesses(items=await record_accesses(call.reading, patient_id, call.now))


@router.put("/access/{access_id}", status_code=204, summary="Change somebody's access", operation_id="changeAccess")
async def change(call: Invites, patient_id: UUID, access_id: UUID, body: AccessBounds) -> Response:
    """Widen or narrow what a guardian or carer may see and do, and until when, from their next request on."""
    await change_access(
        call.writing, call.clinic_id, patient_id, access_id, body.scopes, body.ends_on, call.actor, call.now
    )
    return Response(status_code=204)


@router.delete(
    "/access/{access_id}", status_code=204, summary="Shut a record to an account", operation_id="revokeAccess"
)
async def shut(call: Invites, patient_id: UUID, access_id: UUID) -> Response:
    """Take a record back from an account that could open it, as after a lost phone or a wrong link."""
    await revoke_access(call.writing, call.clinic_id, patient_id, access_id, call.actor, call.now)
    return Response(status_code=204)


@router.put(
    "/private/{thing}/{thing_id}", status_code=204, summary="Hide something from guardians", operation_id="hideThing"
)
async def hide(call: Invites, patient_id: UUID, thing: PrivateKind, thing_id: UUID, body: PrivateMark) -> Response:
    """Keep one visit, plan, document, picture or series between the clinic and the patient, or show it again.

    From the age of the country on (14 where the law names none). A sync never takes the mark off.
    """
    await keep_private(
        call.writing, call.clinic_id, patient_id, thing.value, thing_id, call.actor, call.now, private=body.private
    )
    return Response(status_code=204)


@router.post("/blocks", status_code=201, summary="Block somebody from a record", operation_id="blockAccess")
async def block(call: Guards, patient_id: UUID, body: BlockRequest) -> Blocked:
    """Keep whoever signs in with this phone out, whatever was granted or ever will be: a court's limit.

    They are not told: the record is simply not there for them, and a link code for it is wrong.
    """
    access_id = await block_access(
        call.writing, call.clinic_id, patient_id, body.phone, body.reason, call.actor, call.now
    )
    return Blocked(access_id=access_id)


@router.delete("/blocks/{access_id}", status_code=204, summary="Lift a block", operation_id="liftBlock")
async def lift(call: Guards, patient_id: UUID, access_id: UUID) -> Response:
    """What was granted before the block holds again; where there is no block nothing changes."""
    await lift_block(call.writing, call.clinic_id, patient_id, access_id, call.actor, call.now)
    return Response(status_code=204)
