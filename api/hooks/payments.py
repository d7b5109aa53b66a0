"""`/v1/hooks/payments`: the payment provider tells what became of a payment; and the page of its plain twin.

The raw bytes are checked before anything is read from them. A notice of a payment we do not have (another
installation of the same account) is answered like one that is taken: the provider has done its part.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response

from api.ports import PortsHere
from api.strict import StrictRoute
from cabinet.commands.payments import take_notice
from cabinet.payment_provider import Notice, SignatureRefused
from cabinet.printed_payments import PAGES, PrintedPayments
from core.clock import now
from core.database import Database, Scope
from core.errors import NotFound

router = APIRouter(tags=["hooks"], route_class=StrictRoute, include_in_schema=False)

SIGNATURE = "stripe-signature"
_TAKEN = 204


@router.post("/v1/hooks/payments", status_code=_TAKEN, operation_id="hearPayments")
async def hear(ports: PortsHere, request: Request) -> Response:
    """A signed notice. Once or five times, early or late: each effect happens once."""
    signature = request.headers.getlist(SIGNATURE)
    if ports.payments is None or len(signature) != 1:
        raise SignatureRefused
    notice = ports.payments.heard(await request.body(), signature[0], now())
    if notice is not None:
        await _take(ports.database, notice)
    return Response(status_code=_TAKEN)


@router.post(PAGES + "/{payment_id}", status_code=_TAKEN, operation_id="payPrintedPage")
async def pay_printed(ports: PortsHere, payment_id: UUID) -> Response:
    """Pays on the page of the plain twin; where a real provider is, there is no such page."""
    twin = ports.payments
    paid = twin.pay(payment_id, now()) if isinstance(twin, PrintedPayments) else None
    notice = twin.heard(*paid, now()) if twin is not None and paid is not None else None
    if notice is None:
        raise NotFound
    await _take(ports.database, notice)
    return Response(status_code=_TAKEN)


async def _take(database: Database, notice: Notice) -> None:
    async with database.writing(Scope(notice.clinic_id)) as writing:
        try:
            await take_notice(writing, notice, now())
        except NotFound:
            return
