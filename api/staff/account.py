"""`/v1/staff/patients/{patient_id}/account`: a patient's money as the desk sees it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, page_of
from api.patient.account import LedgerPage, day_and_id
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from cabinet.queries.account import Account, account, ledger_lines
from core.errors import NotFound
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/patients/{patient_id}/account", tags=["account"], route_class=StrictRoute)

_Reads = Annotated[StaffReads, staff_reads(Permission.READ_FINANCE)]


@router.get("", summary="A patient's account", operation_id="getPatientFinance")
async def get(call: _Reads, patient_id: UUID) -> Account:
    """What was charged, paid and is owed, in whole and for each plan and stage."""
    found = await account(call.reading, patient_id, call.now)
    if found is None:
        raise NotFound
    return found


@router.get("/entries", summary="A patient's account entries", operation_id="listPatientFinanceEntries")
async def entries(
    ports: PortsHere,
    call: Annotated[StaffWrites, staff_writes(Permission.READ_FINANCE)],
    patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """Every charge, payment, refund and adjustment, newest first. That it was read, and by whom, is recorded."""
    if await account(call.writing, patient_id, call.now) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "account entries", patient_id), cursor, limit,
        lambda place, most: ledger_lines(call.writing, patient_id, after=day_and_id(place), limit=most),
        lambda line: [line.posted_on.isoformat(), str(line.entry_id)],
    )  # fmt: skip
    await call.note_read("account", patient_id)  # its texts say what was treated
    return LedgerPage(items=items, next_cursor=following)
