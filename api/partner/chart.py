"""`/v1/partner/sync/findings` and `/procedures`: a clinic's own system pushes what stands in the tooth chart."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.commands.chart import take_findings, take_procedures
from cabinet.facts import FindingFact, ProcedureFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class FindingBatch(Value):
    items: Annotated[Rows, rows_of(FindingFact)]


class ProcedureBatch(Value):
    items: Annotated[Rows, rows_of(ProcedureFact)]


@router.post("/findings", summary="Push findings", operation_id="syncFindings", max_body_size=LARGEST_BATCH)
async def sync_findings(call: PartnerCall, batch: FindingBatch) -> SyncResult:
    """Add findings to the tooth charts of known patients. A newer version of a finding follows the one before it:
    with the same status it corrects it, with another status it goes on from it."""
    return await take(call, batch.items, FindingFact, take_findings)


@router.post("/procedures", summary="Push procedures", operation_id="syncProcedures", max_body_size=LARGEST_BATCH)
async def sync_procedures(call: PartnerCall, batch: ProcedureBatch) -> SyncResult:
    """Create and update what was done for known patients: recall and follow-up count from it."""
    return await take(call, batch.items, ProcedureFact, take_procedures)
