"""`/v1/staff/…/privacy`: consents with their proof, copies, erasures, legal holds, and how readers are named."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.caller import StaffClaims
from api.downloads import ZIP, zip_sent
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from cabinet.commands.pay_links import withdraw_pay_links
from cabinet.queries.payments import with_money_under_way
from clinic.commands.erasing import confirm_erasure, open_archive, refuse_erasure
from clinic.commands.legal_holds import lift_hold, set_hold
from clinic.commands.privacy import name_readers
from clinic.privacy import MONEY_WAIT, ArchiveReason, ErasureState, ReadersBy, RefusalReason, archive_key
from clinic.queries import home_branch
from clinic.queries.privacy import (
    MOST_SHOWN,
    CopyAsked,
    ErasureView,
    HoldView,
    archive_kept,
    copies_asked,
    erasures,
    holds,
    readers_by,
)
from clinic.queries.requests import RequestView
from core.clock import now
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import ShortText, Value
from identity.permissions import Permission
from push.queries import MOST_WORDS, ConsentProof, consent_proofs

router = APIRouter(prefix="/v1/staff", tags=["privacy"], route_class=StrictRoute)

Looks = Annotated[StaffReads, staff_reads(Permission.MANAGE_PRIVACY)]
Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_PRIVACY)]


class ConsentProofs(Value):
    items: list[ConsentProof] = Field(max_length=MOST_WORDS)


class CopiesAsked(Value):
    items: list[CopyAsked] = Field(max_length=MOST_SHOWN)


class Erasures(Value):
    items: list[ErasureView] = Field(max_length=MOST_SHOWN)


class Holds(Value):
    items: list[HoldView] = Field(max_length=MOST_SHOWN)


class HoldToSet(Value):
    reason: ShortText = Field(examples=["Claim 2026/114"], description="For the file; the patient does not see it.")


class HoldSet(Value):
    hold_id: UUID


class ErasureToConfirm(Value):
    request_id: UUID | None = Field(default=None, description="The patient's request; null where it came on paper.")


class ErasureRefusal(Value):
    reason: RefusalReason


class ArchiveOpening(Value):
    reason: ArchiveReason


class PrivacyRules(Value):
    readers_by: ReadersBy = Field(description="How patients see who read their record.")


@router.get("/patients/{patient_id}/consents", summary="A patient's consents", operation_id="listConsentProofs")
async def consents(call: Manages, patient_id: UUID) -> ConsentProofs:
    """Every yes and no ever said, oldest first, each with its proof and exactly the text that was shown."""
    await _known(call, patient_id)
    await call.note_read("consents", patient_id)
    return ConsentProofs(items=await consent_proofs(call.writing, patient_id))


async def _known(call: StaffWrites, patient_id: UUID) -> None:
    if await home_branch(call.writing, patient_id) is None:
        raise NotFound


@router.get("/privacy/exports", summary="Copies that were asked for", operation_id="listCopies")
async def copies(call: Looks) -> CopiesAsked:
    """The clinic's copies, latest first, and where each stands. Their content is the patient's alone."""
    return CopiesAsked(items=await copies_asked(call.reading))


@router.get("/privacy/erasures", summary="Erasures", operation_id="listErasures")
async def erased(call: Looks) -> Erasures:
    """What was confirmed, latest first, and until when the law wants an archive of it kept."""
    items = await erasures(call.reading)
    going = {each.patient_id for each in items if each.state is ErasureState.CONFIRMED}
    paying = await with_money_under_way(call.reading, call.clinic_id, going) if going else set()
    return Erasures(
        items=[
            each.model_copy(
                update={"unbooked": each.patient_id in paying and call.now < each.confirmed_at + MONEY_WAIT}
            )
            for each in items
        ]
    )


@router.post(
    "/patients/{patient_id}/erasure", status_code=202, summary="Erase a patient", operation_id="confirmErasure"
)
async def confirm(call: Manages, patient_id: UUID, body: ErasureToConfirm) -> ErasureView:
    """Confirm it. The record is shut to everybody at once and erased within minutes; there is no way back."""
    view = await confirm_erasure(call.writing, call.clinic_id, patient_id, body.request_id, call.actor, call.now)
    await withdraw_pay_links(call.writing, call.clinic_id, patient_id, call.now)
    return view


@router.post(
    "/privacy/erasures/{erasure_id}/archive", summary="Open a restricted archive", operation_id="openArchive",
    response_class=Response, responses=ZIP,
)  # fmt: skip
async def opened(ports: PortsHere, claims: StaffClaims, erasure_id: UUID, body: ArchiveOpening) -> Response:
    """What the law wanted kept of an erased patient, as a ZIP. Who opened it, when and why is recorded first."""
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.MANAGE_PRIVACY)
        actor = Actor(ActorKind.STAFF, staff.staff_id)
        size = await open_archive(writing, claims.clinic_id, erasure_id, body.reason, actor, now())
    return await zip_sent(ports.storage, archive_key(claims.clinic_id, erasure_id), size, "restricted.zip")


@router.post("/privacy/requests/{erasure_request_id}/refusal", summary="Refuse to erase", operation_id="refuseErasure")
async def refuse(call: Manages, erasure_request_id: UUID, body: ErasureRefusal) -> RequestView:
    """Answer a patient's request with the reason the law gives; they see it."""
    return await refuse_erasure(call.writing, call.clinic_id, erasure_request_id, body.reason, call.actor, call.now)


@router.get("/patients/{patient_id}/legal-holds", summary="A patient's legal holds", operation_id="listLegalHolds")
async def held(call: Manages, patient_id: UUID) -> Holds:
    """Holds of the past and the one that stands; also over the archive of an erased patient."""
    if not await archive_kept(call.writing, call.clinic_id, patient_id, call.now.date()):
        await _known(call, patient_id)
    await call.note_read("legal_holds", patient_id)
    return Holds(items=await holds(call.writing, patient_id))


@router.post(
    "/patients/{patient_id}/legal-holds", status_code=201, summary="Set a legal hold", operation_id="setLegalHold"
)
async def hold(call: Manages, patient_id: UUID, body: HoldToSet) -> HoldSet:
    """While it stands nothing of this patient is erased, not even what was confirmed before.

    After an erasure it keeps the archive beyond the day on which the law lets it go.
    """
    hold_id = await set_hold(call.writing, call.clinic_id, patient_id, body.reason, call.actor, call.now)
    return HoldSet(hold_id=hold_id)


@router.delete("/legal-holds/{hold_id}", status_code=204, summary="Lift a legal hold", operation_id="liftLegalHold")
async def lift(call: Manages, hold_id: UUID) -> Response:
    """End a hold; an erasure that waited for it goes on."""
    await lift_hold(call.writing, call.clinic_id, hold_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/privacy/rules", summary="The clinic's privacy rules", operation_id="getPrivacyRules")
async def rules(call: Looks) -> PrivacyRules:
    """How patients see who read their record: by name unless the clinic decided otherwise."""
    return PrivacyRules(readers_by=await readers_by(call.reading, call.clinic_id))


@router.put("/privacy/rules", summary="Change the privacy rules", operation_id="setPrivacyRules")
async def decide(call: Manages, body: PrivacyRules) -> PrivacyRules:
    """It holds for what patients see from now on, also of reads in the past."""
    await name_readers(call.writing, call.clinic_id, body.readers_by, call.actor, call.now)
    return body
