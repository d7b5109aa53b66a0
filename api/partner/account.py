"""`/v1/partner/sync/ledger`: a clinic's own system pushes its books in."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.account_facts import LedgerFact
from cabinet.commands.account import take_ledger
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class LedgerBatch(Value):
    items: Annotated[Rows, rows_of(LedgerFact)]


@router.post("/ledger", summary="Push ledger entries", operation_id="syncLedger", max_body_size=LARGEST_BATCH)
async def sync_ledger(call: PartnerCall, batch: LedgerBatch) -> SyncResult:
    """Create and update what was charged, paid, refunded and adjusted. The balance is the sum of it."""
    return await take(call, batch.items, LedgerFact, take_ledger)
