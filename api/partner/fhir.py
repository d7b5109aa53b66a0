"""`/v1/partner/fhir/…`: a dental system that speaks FHIR R4 puts its Conditions and Procedures into the chart.

Profile: HL7 Dental Data Exchange. The subject `Patient/<id>` names the patient by external id. The version is
`meta.versionId` where it is a number, else `meta.lastUpdated`; without either a resource cannot be changed later.
"""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Body, Path
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import PartnerCall, PartnerWrites
from cabinet.commands.chart import take_findings, take_procedures, withdraw_finding
from cabinet.facts import FindingFact, ProcedureFact
from cabinet.fhir_dental import condition_fact, procedure_facts
from clinic.commands import Taken
from core.errors import Fault, Invalid, Stale
from core.upsert import Outcome, Upserted
from core.values import Value

router = APIRouter(prefix="/v1/partner/fhir", tags=["fhir"], route_class=StrictRoute)

FhirId = Annotated[str, Path(pattern=r"^[A-Za-z0-9.-]{1,64}$", description="The resource's own id.")]
Resource = Annotated[dict[str, Any], Body(description="A FHIR R4 resource, as JSON.")]

# Where the members of a fact come from in a resource.
_POINTERS = {"/patient": "/subject/reference"}


class TakenResource(Value):
    """What became of the resource: the finding and the procedure it now is, where it is one."""

    outcome: Outcome
    finding_id: UUID | None
    procedure_id: UUID | None
    tooth: str | None = Field(max_length=4, description="FDI.")


@router.put("/Condition/{id}", summary="Put a dental condition", operation_id="putFhirCondition")
async def put_condition(call: PartnerCall, id: FhirId, resource: Resource) -> TakenResource:
    """Take a Condition as a finding of the tooth chart. Putting it again changes nothing."""
    fact = condition_fact(resource, id)
    finding = await _take_finding(call, fact, "/onsetDateTime")
    return TakenResource(outcome=finding.outcome, finding_id=finding.id, procedure_id=None, tooth=fact.fdi)


@router.put("/Procedure/{id}", summary="Put a dental procedure", operation_id="putFhirProcedure")
async def put_procedure(call: PartnerCall, id: FhirId, resource: Resource) -> TakenResource:
    """Take a completed Procedure (CDT) as what was done and, where it leaves something on the tooth, as a finding.

    A finding it left before and leaves no more is withdrawn.
    """
    leaves, fact = procedure_facts(resource, id)
    finding = await _take_finding(call, leaves, "/performedDateTime") if leaves else None
    if leaves is None:
        await _withdraw(call, fact)
    procedure = await _take_procedure(call, fact)
    return TakenResource(
        outcome=procedure.outcome,
        finding_id=finding.id if finding else None,
        procedure_id=procedure.id,
        tooth=fact.fdi,
    )


async def _take_finding(call: PartnerWrites, fact: FindingFact, dated: str) -> Upserted:
    taken = await take_findings(call.writing, call.clinic_id, call.app.system, [(0, fact)], call.actor, call.now)
    return _only(taken, {"/observed_on": dated})


async def _withdraw(call: PartnerWrites, fact: ProcedureFact) -> None:
    held = await withdraw_finding(
        call.writing, call.clinic_id, call.app.system, fact.external_id, fact.version, call.actor, call.now
    )
    if held is not None and held.outcome is Outcome.STALE:
        raise _stale()


async def _take_procedure(call: PartnerWrites, fact: ProcedureFact) -> Upserted:
    taken = await take_procedures(call.writing, call.clinic_id, call.app.system, [(0, fact)], call.actor, call.now)
    return _only(taken, {"/performed_on": "/performedDateTime"})


def _only(taken: Taken, pointers: dict[str, str]) -> Upserted:
    """The one row of a batch of one; its fault, told in the resource's own members."""
    done, faults = taken
    for fault in faults.values():
        raise Invalid(Fault((_POINTERS | pointers).get(fault.pointer, ""), fault.code))
    if done[0].outcome is Outcome.STALE:
        raise _stale()
    return done[0]


def _stale() -> Stale:
    return Stale(Fault("/meta/versionId", "stale-version"))
