"""`/v1/partner/sync/findings` and its siblings: a clinic's own system pushes what stands in the tooth chart."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.commands.chart import take_findings, take_procedures
from cabinet.commands.perio import take_perio_exams
from cabinet.facts import FindingFact, ProcedureFact
from cabinet.perio_facts import PerioExamFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class FindingBatch(Value):
    items: Annotated[Rows, rows_of(FindingFact)]


class ProcedureBatch(Value):
    items: Annotated[Rows, rows_of(ProcedureFact)]


class PerioExamBatch(Value):
    items: Annotated[Rows, rows_of(PerioExamFact)]


@router.post("/findings", summary="Push findings", operation_id="syncFindings", max_body_size=LARGEST_BATCH)
async def sync_findings(call: PartnerCall, batch: FindingBatch) -> SyncResult:
    """Add findings to the tooth charts of known patients. A newer version of a finding follows the one before it:
    with the same status it corrects it, with another status it goes on from it."""
    return await take(call, batch.items, FindingFact, take_findings)


@router.post(
    "/perio-exams", summary="Push examinations of the gums", operation_id="syncPerioExams", max_body_size=LARGEST_BATCH
)
async def sync_perio_exams(call: PartnerCall, batch: PerioExamBatch) -> SyncResult:
    """Create and update examinations of the gums: six sites of each tooth. The latest stands in the chart."""
    return await take(call, batch.items, PerioExamFact, take_perio_exams)


@router.post("/procedures", summary="Push procedures", operation_id="syncProcedures", max_body_size=LARGEST_BATCH)
async def sync_procedures(call: PartnerCall, batch: ProcedureBatch) -> SyncResult:
    """Create and update what was done for known patients: recall and follow-up count from it."""
    return await take(call, batch.items, ProcedureFact, take_procedures)
