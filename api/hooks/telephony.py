"""`/v1/hooks/telephony/{exchange_id}`: what a clinic's telephone system tells of calls.

It proves itself with its own secret over the raw bytes and a fresh moment, before anything is read from them. A system
that there is not, that was ended, or whose signature does not fit, is answered alike.
"""

from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import ValidationError

from api.ports import Ports, PortsHere
from api.problems import faults_of
from api.strict import StrictRoute, strict_json
from automation.commands.calls import take_call_news
from automation.queries.calls import Exchange, exchange_anywhere
from automation.telephone import LONGEST_BODY, CallNews, is_genuine
from core.clock import now
from core.database import Scope
from core.errors import Invalid, NotSignedIn, TooLarge

router = APIRouter(tags=["hooks"], route_class=StrictRoute, include_in_schema=False)

_TAKEN = 204


class CallNewsUnproven(NotSignedIn):
    """Unsigned, signed with another secret, too old, or of a telephone system that there is not."""

    slug = "call-news-unproven"


def secret_of(ports: Ports, clinic_id: UUID, exchange_id: UUID) -> str:
    """Made of its id by the house's key, and kept nowhere."""
    return ports.keys.secrets.keyed_hash(f"telephony {clinic_id}", str(exchange_id)).hex()


@router.post("/v1/hooks/telephony/{exchange_id}", status_code=_TAKEN, operation_id="hearTelephone")
async def hear(ports: PortsHere, request: Request, exchange_id: str) -> Response:
    """A signed notice of a call. Once or five times, early or late: each effect happens once."""
    body = await _bounded(request)
    exchange = await _exchange(ports, exchange_id)
    told = [request.headers.getlist(f"webhook-{name}") for name in ("id", "timestamp", "signature")]
    if exchange is None or any(len(each) != 1 for each in told):
        raise CallNewsUnproven
    (notice_id,), (timestamp,), (signed,) = told
    secret = secret_of(ports, exchange.clinic_id, exchange.exchange_id)
    if not is_genuine(secret, notice_id, timestamp, signed, body, now()):
        raise CallNewsUnproven
    async with ports.database.writing(Scope(exchange.clinic_id)) as writing:
        await take_call_news(writing, exchange, _news(body), now())
    return Response(status_code=_TAKEN)


async def _exchange(ports: Ports, exchange_id: str) -> Exchange | None:
    try:
        named = UUID(exchange_id)
    except ValueError:
        return None
    async with ports.database.sweeping() as sweeping:  # the address names no clinic
        return await exchange_anywhere(sweeping, named)


def _news(body: bytes) -> CallNews:
    try:
        return CallNews.model_validate(strict_json(body))
    except ValidationError as wrong:
        raise Invalid(*faults_of(wrong.errors(include_input=False))) from None


async def _bounded(request: Request) -> bytes:
    raw = bytearray()
    async for piece in request.stream():
        raw += piece
        if len(raw) > LONGEST_BODY:
            raise TooLarge
    return bytes(raw)
