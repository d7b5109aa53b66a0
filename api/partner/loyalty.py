"""`/v1/partner/sync/cards`, `…/points` and `/v1/partner/redemptions`: a clinic's own system counts and settles."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.bills import BillTerms, ReversalRequest
from api.caller import PartnerClaims
from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import PartnerCall, scope_of, standing_partner
from api.tries import with_codes
from cabinet.commands.cards import take_cards
from cabinet.commands.redemptions import redeem
from cabinet.commands.reversals import reverse_redemption
from cabinet.commands.told_points import take_points
from cabinet.prepaid_facts import CardFact, PointsFact
from cabinet.queries.coupons import RedemptionView
from clinic.facts import ExternalId
from clinic.queries import named_patients
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import PartnerScope

router = APIRouter(prefix="/v1/partner", tags=["loyalty"], route_class=StrictRoute)


class CardBatch(Value):
    items: Annotated[Rows, rows_of(CardFact)]


class PointsBatch(Value):
    items: Annotated[Rows, rows_of(PointsFact)]


class PartnerBillRequest(BillTerms):
    patient: ExternalId | None = Field(default=None, description="Your id of the patient; a code says it too.")


@router.post("/sync/cards", summary="Push prepaid cards", operation_id="syncCards", max_body_size=LARGEST_BATCH)
async def sync_cards(call: PartnerCall, batch: CardBatch) -> SyncResult:
    """Create and update prepaid cards by external id, with how many sessions are gone; the patient must be known."""
    return await take(call, batch.items, CardFact, take_cards)


@router.post("/sync/points", summary="Push points", operation_id="syncPoints", max_body_size=LARGEST_BATCH)
async def sync_points(call: PartnerCall, batch: PointsBatch) -> SyncResult:
    """Give points for payments or other causes over there. An external id earns once and cannot be changed."""
    return await take(call, batch.items, PointsFact, take_points)


@router.post("/redemptions", summary="Take off a bill", operation_id="settlePartnerBill")
async def settle(ports: PortsHere, claims: PartnerClaims, body: PartnerBillRequest) -> RedemptionView:
    """Redeem coupons, use a card and spend points on one bill, all or nothing; `left` is what the patient pays.

    A bill is settled once: the same call again answers the same, so a lost answer is asked for anew.
    """

    async def admit(writing: Writing) -> Actor:
        app = await standing_partner(writing, claims, PartnerScope.WRITE)
        return Actor(ActorKind.PARTNER, app.app_id)

    async def act(writing: Writing, actor: Actor, at: datetime) -> RedemptionView:
        app = await standing_partner(writing, claims, PartnerScope.WRITE)
        wish = body.settling(app.system, await _patient(writing, app.system, body.patient))
        return await redeem(writing, ports.keys.secrets, claims.clinic_id, wish, actor, at)

    return await with_codes(ports, scope_of(claims), len(body.codes), admit, act)


async def _patient(writing: Writing, system: str, name: str | None) -> UUID | None:
    if name is None:
        return None
    found = (await named_patients(writing, system, {name})).get(name)
    if found is None:
        raise NotFound
    return found.id


@router.post("/redemptions/{redemption_id}/reversal", summary="Reverse a bill", operation_id="reversePartnerBill")
async def reverse(call: PartnerCall, redemption_id: UUID, body: ReversalRequest) -> RedemptionView:
    """Take back what came off a bill: points and the card's session return, coupons are good again."""
    return await reverse_redemption(call.writing, call.clinic_id, redemption_id, body.reason, call.actor, call.now)
