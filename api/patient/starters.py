"""`/v1/me/conversation/starters`: the few taps with which a conversation begins."""

from typing import Annotated

from pydantic import Field

from api.patient.record import RecordRoutes
from api.transaction import PatientReads, record_reads
from api.viewer import LanguageHere
from chat.queries.bot import starters_of
from chat.starter import MOST_STARTERS, StarterView, starter_view
from clinic.household import AccessScope
from clinic.price import MOST_LINES, PriceLine
from clinic.queries.prices import price_list
from core.values import Value

routes = RecordRoutes("chat")


class Starters(Value):
    items: list[StarterView] = Field(max_length=MOST_STARTERS)


class Prices(Value):
    items: list[PriceLine] = Field(max_length=MOST_LINES)


@routes.get("/conversation/starters", summary="How my conversation can begin", operation_id="listMyStarters")
async def starters(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)], language: LanguageHere) -> Starters:
    """In the language of Accept-Language. What is answered goes into a message as its `form`."""
    found = await starters_of(call.reading, call.clinic_id)
    return Starters(items=[starter_view(each, language) for each in found])


@routes.get("/price-list", summary="My clinic's price list", operation_id="getMyPriceList")
async def prices(call: Annotated[PatientReads, record_reads(None)]) -> Prices:
    """What services cost before anybody has looked; a plan's own prices count."""
    return Prices(items=await price_list(call.reading, call.clinic_id))
