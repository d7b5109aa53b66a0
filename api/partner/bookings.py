"""`/v1/partner/bookings`: what patients booked here, for the clinic's own system to take over."""

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PartnerCall
from clinic.queries.bookings import Booking, bookings
from core.values import Value

router = APIRouter(prefix="/v1/partner", tags=["sync"], route_class=StrictRoute)


class BookingPage(Value):
    items: list[Booking] = Field(max_length=200)
    next_cursor: str | None


@router.get("/bookings", summary="Visits booked in Enamel", operation_id="listBookings")
async def listed(
    ports: PortsHere, call: PartnerCall, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> BookingPage:
    """Visits to come that your system does not know yet.

    Enter them there and push them as appointments that `adopts` them: from then on they are yours and leave this list.
    """
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "bookings", call.app.app_id), cursor, limit,
        lambda place, most: bookings(
            call.writing, call.app.system, call.now, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.starts_at.isoformat(), str(each.appointment_id)],
    )  # fmt: skip
    return BookingPage(items=items, next_cursor=following)
