"""`/v1/staff/loyalty` and a patient's points, cards and referrer: what the desk gives, takes and looks up."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, model_validator

from api.caller import StaffClaims
from api.patient.loyalty import ReferrerRequest
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from api.tries import with_codes
from cabinet.commands.cards import issue_card, use_card
from cabinet.commands.points import NoProgramme
from cabinet.commands.points import adjust as adjust_points
from cabinet.commands.programme import set_programme
from cabinet.commands.referrals import introduce
from cabinet.loyalty_facts import ProgrammeTerms
from cabinet.prepaid_facts import CardTerms
from cabinet.queries.cards import MOST_CARDS, CardView, cards
from cabinet.queries.coupons import MOST_COUPONS, CouponView, coupons
from cabinet.queries.points import PointsView, ProgrammeView, points, programme_view
from cabinet.queries.promotions import MOST_PROMOTIONS, PromotionView, promotions
from cabinet.queries.referrals import ReferralView, referral
from clinic.commands import hold_patient
from clinic.queries import patient_card
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import ShortText, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["loyalty"], route_class=StrictRoute)

Redeems = Annotated[StaffWrites, staff_writes(Permission.REDEEM)]
SignedPoints = Annotated[int, Field(strict=True, ge=-(10**9), le=10**9, json_schema_extra={"format": "int64"})]


class LoyaltyView(Value):
    """What the desk sees of a patient. Codes are shown to their owner only."""

    points: PointsView
    cards: list[CardView] = Field(max_length=MOST_CARDS)
    coupons: list[CouponView] = Field(max_length=MOST_COUPONS)
    promotions: list[PromotionView] = Field(max_length=MOST_PROMOTIONS, description="What is open to them today.")
    referral: ReferralView


class PointsProgramme(Value):
    programme: ProgrammeView | None = Field(description="Null where the clinic gives no points.")


class PointsRequest(Value):
    """Points given (above zero) or taken, by hand and with a reason."""

    client_id: UUID = Field(description="Your own id of this change: sending it again changes nothing.")
    points: SignedPoints = Field(examples=[50])
    reason: ShortText = Field(examples=["A sorry for the long wait"])

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.points == 0:
            raise ValueError("no points")
        return self


class CardRequest(CardTerms):
    client_id: UUID = Field(description="Your own id of the card: sending it again issues nothing.")


class CardUseRequest(Value):
    client_id: UUID = Field(description="Your own id of this use: sending it again uses nothing.")


@router.get("/loyalty", summary="The points programme", operation_id="getPointsProgramme")
async def programme(call: Annotated[StaffReads, staff_reads(Permission.WRITE_PROMOTIONS)]) -> PointsProgramme:
    """What the clinic gives points for."""
    return PointsProgramme(programme=await programme_view(call.reading))


@router.put("/loyalty", summary="Set the points programme", operation_id="setPointsProgramme")
async def change(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_PROMOTIONS)], body: ProgrammeTerms
) -> ProgrammeView:
    """Say what earns points from now on, and what they are worth. What was earned before stays."""
    await set_programme(call.writing, call.clinic_id, body.programme(), call.actor, call.now)
    found = await programme_view(call.writing)
    assert found is not None
    return found


@router.get("/patients/{patient_id}/loyalty", summary="A patient's loyalty", operation_id="getLoyaltyOfPatient")
async def look(
    ports: PortsHere, call: Annotated[StaffReads, staff_reads(Permission.REDEEM)], patient_id: UUID
) -> LoyaltyView:
    """Points, cards, coupons, open promotions and referrals of one patient."""
    if await patient_card(call.reading, patient_id) is None:
        raise NotFound
    picked = await coupons(call.reading, ports.keys.secrets, patient_id, call.now)
    return LoyaltyView(
        points=await points(call.reading, call.clinic_id, patient_id, call.now),
        cards=await cards(call.reading, patient_id, call.now),
        coupons=[coupon.model_copy(update={"code": None}) for coupon in picked],
        promotions=await promotions(call.reading, patient_id, call.now),
        referral=await referral(call.reading, patient_id),
    )


@router.post("/patients/{patient_id}/points", summary="Give or take points", operation_id="adjustPoints")
async def adjust(call: Redeems, patient_id: UUID, body: PointsRequest) -> PointsView:
    """Change a patient's points by hand. Nobody's balance goes below zero."""
    await hold_patient(call.writing, patient_id)
    if await programme_view(call.writing) is None:
        raise NoProgramme
    cause = f"staff:{body.client_id}"
    await adjust_points(call.writing, call.clinic_id, patient_id, body.points, cause, body.reason, call.actor, call.now)
    return await points(call.writing, call.clinic_id, patient_id, call.now)


@router.post("/patients/{patient_id}/cards", status_code=201, summary="Issue a prepaid card", operation_id="issueCard")
async def issue(call: Redeems, patient_id: UUID, body: CardRequest) -> CardView:
    """A card of sessions that the patient paid ahead, to be used here."""
    terms = CardTerms.model_validate(body.model_dump(exclude={"client_id"}))
    return await issue_card(call.writing, call.clinic_id, patient_id, body.client_id, terms, call.actor, call.now)


@router.post("/cards/{card_id}/uses", summary="Use a prepaid card", operation_id="useCard")
async def use(call: Redeems, card_id: UUID, body: CardUseRequest) -> CardView:
    """Use one session. Of two who want the last one, one gets it."""
    return await use_card(call.writing, call.clinic_id, card_id, f"staff:{body.client_id}", call.actor, call.now)


@router.post("/patients/{patient_id}/referrer", summary="Name who brought a patient", operation_id="nameReferrer")
async def name_referrer(ports: PortsHere, claims: StaffClaims, patient_id: UUID, body: ReferrerRequest) -> ReferralView:
    """Note at the desk by whose code somebody new came."""

    async def admit(writing: Writing) -> Actor:
        staff = await standing_staff(writing, claims, Permission.REDEEM)
        if await patient_card(writing, patient_id) is None:
            raise NotFound
        return Actor(ActorKind.STAFF, staff.staff_id)

    async def act(writing: Writing, actor: Actor, at: datetime) -> ReferralView:
        return await introduce(writing, claims.clinic_id, patient_id, body.code, actor, at)

    return await with_codes(ports, scope_of(claims), 1, admit, act)
