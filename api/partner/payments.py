"""`/v1/partner/payments`: what came in through Enamel and has still to be booked by the clinic's own system."""

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PartnerCall
from cabinet.queries.payments import ReceivedPayment, payments_not_booked
from core.values import Value

router = APIRouter(prefix="/v1/partner", tags=["payments"], route_class=StrictRoute)


class ReceivedPage(Value):
    items: list[ReceivedPayment] = Field(max_length=200)
    next_cursor: str | None


@router.get("/payments", summary="Payments to book", operation_id="listPaymentsToBook")
async def list_to_book(
    ports: PortsHere, call: PartnerCall, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> ReceivedPage:
    """Oldest first. Push each as a ledger entry with its `payment_id` as `reference`; then it is here no more."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "payments to book", call.clinic_id), cursor, limit,
        lambda place, most: payments_not_booked(call.writing, call.clinic_id, after=id_of(place), limit=most),
        lambda one: [str(one.payment_id)],
    )  # fmt: skip
    return ReceivedPage(items=items, next_cursor=following)
