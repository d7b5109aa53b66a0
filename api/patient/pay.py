"""`/v1/pay/{token}`: pay one amount by a link, without signing in."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Path

from api.payments import at_provider, provider_of
from api.ports import Ports, PortsHere
from api.strict import StrictRoute
from cabinet.commands.pay_links import pay_by_link, pay_token_hash
from cabinet.pay_link import TOKEN_PATTERN, clinic_of_token
from cabinet.queries.payments import PayLinkView, pay_link_view
from core.clock import now
from core.database import Scope
from core.errors import NotFound
from core.values import Value

router = APIRouter(prefix="/v1/pay", tags=["payments"], route_class=StrictRoute)

Token = Annotated[str, Path(pattern=TOKEN_PATTERN, description="What the clinic sent, whole.")]

_OVER: dict[int | str, dict[str, Any]] = {
    410: {
        "description": "The link was paid, withdrawn, or is too old.",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


class PayPage(Value):
    """Where to pay."""

    page: str


@router.get("/{token}", summary="A pay link", operation_id="showPayLink")
async def show(ports: PortsHere, token: Token) -> PayLinkView:
    """Who asks and how much. Not for what, and nobody's name: a link may be forwarded."""
    clinic_id = _clinic(token)
    async with ports.database.reading(Scope(clinic_id)) as reading:
        found = await pay_link_view(reading, clinic_id, _hash(ports, token), now())
    if found is None:
        raise NotFound
    return found


@router.post("/{token}", status_code=201, summary="Pay by link", operation_id="payByLink", responses=_OVER)
async def pay(ports: PortsHere, token: Token) -> PayPage:
    """Begin to pay, or go on: answers with the provider's page. The amount is the link's and cannot be changed."""
    clinic_id, provider, at = _clinic(token), provider_of(ports), now()
    async with ports.database.writing(Scope(clinic_id)) as writing:
        payment_id = await pay_by_link(writing, clinic_id, _hash(ports, token), provider, at)
    paid = await at_provider(ports, clinic_id, payment_id, at)
    if paid.page is None:
        raise NotFound
    return PayPage(page=paid.page)


def _clinic(token: str) -> UUID:
    clinic_id = clinic_of_token(token)
    if clinic_id is None:
        raise NotFound
    return clinic_id


def _hash(ports: Ports, token: str) -> bytes:
    return pay_token_hash(ports.keys.secrets, token)
