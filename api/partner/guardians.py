"""`/v1/partner/sync/guardians`: a clinic's own system says who may act for whom."""

from typing import Annotated

from fastapi import APIRouter

from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.strict import StrictRoute
from api.transaction import PartnerCall
from clinic.commands import take_guardians
from clinic.facts import GuardianFact
from core.values import Value

router = APIRouter(prefix="/v1/partner/sync", tags=["sync"], route_class=StrictRoute)


class GuardianBatch(Value):
    items: Annotated[Rows, rows_of(GuardianFact)]


@router.post("/guardians", summary="Push guardians", operation_id="syncGuardians", max_body_size=LARGEST_BATCH)
async def sync_guardians(call: PartnerCall, batch: GuardianBatch) -> SyncResult:
    """Create and update guardians and carers by external id; the patient must be known.

    The record opens to the phone's account once that has proven itself to this clinic by a link code from the desk:
    for this patient or another one. End an access with `ends_on`. What staff or people took back stays taken back.
    """
    return await take(call, batch.items, GuardianFact, take_guardians)
