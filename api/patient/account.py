"""`/v1/me/account`: what a patient owes, and the entries it is the sum of."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, Place, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import PatientReads, record_reads
from cabinet.queries.account import Account, LedgerLine, account, ledger_lines
from clinic.household import AccessScope
from core.errors import NotFound
from core.values import Value

routes = RecordRoutes("account")


class LedgerPage(Value):
    items: list[LedgerLine] = Field(max_length=200)
    next_cursor: str | None


@routes.get("/account", summary="My account", operation_id="getMyAccount")
async def get(call: Annotated[PatientReads, record_reads(AccessScope.PAY)]) -> Account:
    """What was charged, paid and is owed, in whole and for each plan and stage, as the clinic's books say.

    What was paid in the app stands as `pending` until the books have it; `payable` is what is left to pay now.
    """
    found = await account(call.reading, call.patient_id, call.now)
    if found is None:
        raise NotFound
    return found


@routes.get("/account/entries", summary="My account's entries", operation_id="listMyAccountEntries")
async def entries(
    ports: PortsHere,
    call: Annotated[PatientReads, record_reads(AccessScope.PAY)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> LedgerPage:
    """Every charge, payment, refund and adjustment, newest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "account entries", call.patient_id), cursor, limit,
        lambda place, most: ledger_lines(call.reading, call.patient_id, after=day_and_id(place), limit=most),
        lambda line: [line.posted_on.isoformat(), str(line.entry_id)],
    )  # fmt: skip
    return LedgerPage(items=items, next_cursor=following)


def day_and_id(place: Place | None) -> tuple[date, UUID] | None:
    """The place in a list that is ordered by a day and an id."""
    return (date.fromisoformat(place[0]), UUID(place[1])) if place else None
