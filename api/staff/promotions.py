"""`/v1/staff/promotions` and `…/redemptions`: make offers, show them to their audience, take them off bills."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import Field

from api.bills import BillTerms, RedemptionPage, ReversalRequest
from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from api.tries import with_codes
from automation.commands.audiences import list_all
from automation.segment import Criterion
from cabinet.commands.promotions import draft_promotion, end_promotion, publish_promotion
from cabinet.commands.redemptions import redeem
from cabinet.commands.reversals import reverse_redemption
from cabinet.promotion_facts import PromotionTerms
from cabinet.queries.coupons import MOST_OF_A_BILL, RedemptionView, redemptions, redemptions_of_bill
from cabinet.queries.promotions import MOST_OF_STAFF, PromotionCard, promotion_cards
from clinic.facts import ExternalId
from clinic.queries import patient_card
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.upsert import OWN_SOURCE
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["promotions"], route_class=StrictRoute)

Markets = Annotated[StaffWrites, staff_writes(Permission.WRITE_PROMOTIONS)]


class PromotionRequest(PromotionTerms):
    """A promotion to be made here; with `criteria` only patients who match them at some time see it."""

    criteria: Criterion | None = None


class Promotions(Value):
    items: list[PromotionCard] = Field(max_length=MOST_OF_STAFF)


class SettledBills(Value):
    items: list[RedemptionView] = Field(max_length=MOST_OF_A_BILL)


class BillRequest(BillTerms):
    patient_id: UUID | None = Field(default=None, description="Whose bill; a code says it too.")


@router.get("/promotions", summary="Promotions and their use", operation_id="listPromotions")
async def listed(call: Annotated[StaffReads, staff_reads(Permission.WRITE_PROMOTIONS)]) -> Promotions:
    """The clinic's promotions, newest first, with how many coupons wait, were redeemed, and expired."""
    return Promotions(items=await promotion_cards(call.reading))


@router.post("/promotions", status_code=201, summary="Draft a promotion", operation_id="draftPromotion")
async def draft(call: Markets, body: PromotionRequest) -> PromotionCard:
    """Keep a promotion that no patient sees before it is published."""
    criteria = body.criteria.model_dump(mode="json", exclude_defaults=True) if body.criteria else None
    made = await draft_promotion(call.writing, call.clinic_id, body, criteria, call.actor, call.now)
    await call.writing.flush()
    return await _card(call, made)


@router.post("/promotions/{promotion_id}/publication", summary="Publish a promotion", operation_id="publishPromotion")
async def publish(call: Markets, promotion_id: UUID) -> PromotionCard:
    """Show it from its first day on. One with criteria is shown to who matches them now, and to who will."""
    await publish_promotion(call.writing, call.clinic_id, promotion_id, call.actor, call.now)
    await list_all(call.writing, call.now, promotion_id)
    return await _card(call, promotion_id)


@router.post("/promotions/{promotion_id}/end", summary="End a promotion", operation_id="endPromotion")
async def end(call: Markets, promotion_id: UUID) -> PromotionCard:
    """Take it away before its last day. Coupons that were picked up keep their promise."""
    await end_promotion(call.writing, call.clinic_id, promotion_id, call.actor, call.now)
    return await _card(call, promotion_id)


async def _card(call: StaffWrites, promotion_id: UUID) -> PromotionCard:
    (card,) = await promotion_cards(call.writing, promotion_id)
    return card


@router.post("/redemptions", summary="Take off a bill", operation_id="settleBill")
async def settle(ports: PortsHere, claims: StaffClaims, body: BillRequest) -> RedemptionView:
    """Redeem coupons, use a card and spend points on one bill, all or nothing; `left` is what the patient pays.

    A bill is settled once: the same call again answers the same, another one about the same bill is refused.
    """

    async def admit(writing: Writing) -> Actor:
        staff = await standing_staff(writing, claims, Permission.REDEEM)
        return Actor(ActorKind.STAFF, staff.staff_id)

    async def act(writing: Writing, actor: Actor, at: datetime) -> RedemptionView:
        wish = body.settling(OWN_SOURCE, body.patient_id)
        return await redeem(writing, ports.keys.secrets, claims.clinic_id, wish, actor, at)

    return await with_codes(ports, scope_of(claims), len(body.codes), admit, act)


@router.get("/redemptions", summary="Find a settled bill", operation_id="findSettledBill")
async def of_bill(
    call: Annotated[StaffReads, staff_reads(Permission.REDEEM)],
    bill: Annotated[ExternalId, Query(description="Your number of the bill, as it was settled.")],
) -> SettledBills:
    """What came off the bill of this number, newest first, reversed ones too: to look it up, or to reverse it."""
    return SettledBills(items=await redemptions_of_bill(call.reading, call.clinic_id, bill))


@router.get(
    "/patients/{patient_id}/redemptions", summary="A patient's settled bills", operation_id="listRedemptionsOfPatient"
)
async def of_patient(
    ports: PortsHere, call: Annotated[StaffReads, staff_reads(Permission.REDEEM)], patient_id: UUID,
    limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None,
) -> RedemptionPage:  # fmt: skip
    """What came off this patient's bills, newest first, reversed ones too."""
    if await patient_card(call.reading, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "redemptions", patient_id), cursor, limit,
        lambda place, most: redemptions(call.reading, call.clinic_id, patient_id, id_of(place), most, call.now),
        lambda bill: [str(bill.redemption_id)],
    )  # fmt: skip
    return RedemptionPage(items=items, next_cursor=following)


@router.post("/redemptions/{redemption_id}/reversal", summary="Reverse a bill", operation_id="reverseBill")
async def reverse(
    call: Annotated[StaffWrites, staff_writes(Permission.REDEEM)], redemption_id: UUID, body: ReversalRequest
) -> RedemptionView:
    """Take back what came off a bill: points and the card's session return, coupons are good again."""
    return await reverse_redemption(call.writing, call.clinic_id, redemption_id, body.reason, call.actor, call.now)
