"""Coupons: a patient's own with their codes, and the bills they were redeemed on."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, func, select, true
from sqlmodel import col

from cabinet.coupon import CouponState, code_from, state_at
from cabinet.pricing import EffectKind
from cabinet.queries.fragments import named_person
from cabinet.queries.promotions import text_of
from cabinet.tables.coupon import Coupon, Redemption
from cabinet.tables.promotion import PromotionRow
from clinic.household import may_be_private
from clinic.queries.household import ward_of
from core.database import CLINIC_VIEWER, Reading
from core.moments import Moment
from core.money import Money
from core.values import Int32, Value
from identity.secrets import Secrets

MOST_COUPONS = 100
MOST_TAKEN = 20
MOST_OF_A_BILL = 50
_VIEWER = func.current_setting("enamel.viewer", True)


class CouponView(Value):
    """A patient's coupon. `code` is for the desk, and there only while the coupon can be redeemed."""

    coupon_id: UUID
    promotion_id: UUID
    title: str
    state: CouponState
    code: str | None = Field(examples=["7KQ2M9XARD"])
    picked_at: Moment
    expires_at: Moment
    redeemed_at: Moment | None


class TakenView(Value):
    """What one effect took off the price; `source_id` names the promotion or the card."""

    kind: EffectKind
    source_id: UUID | None
    amount: Money


class RedemptionView(Value):
    """A bill and what came off it: `price` is every `taken` and `left` together."""

    redemption_id: UUID
    patient_id: UUID
    bill: str
    price: Money
    taken: list[TakenView] = Field(max_length=MOST_TAKEN)
    left: Money = Field(description="What the patient still pays.")
    points: Int32 = Field(description="Points that were spent on it.")
    at: Moment
    reversed_at: Moment | None


def coupon_code(secrets: Secrets, clinic_id: UUID, coupon_id: UUID) -> str:
    """The code of a coupon, spelled from the server's key: it can be shown again and is kept nowhere."""
    return code_from(secrets.keyed_hash(f"coupon {clinic_id}", str(coupon_id)))


def code_hash(secrets: Secrets, clinic_id: UUID, code: str) -> bytes:
    """By what a coupon is found from its code."""
    return secrets.keyed_hash(f"coupon code {clinic_id}", code)


async def coupons(reading: Reading, secrets: Secrets, patient_id: UUID, now: datetime) -> list[CouponView]:
    """A patient's coupons of every state, newest first."""
    person = named_person()
    statement = (
        select(Coupon, text_of(person, "title").label("title"))
        .select_from(Coupon)
        .join(person, and_(person.c.clinic_id == Coupon.clinic_id, person.c.id == Coupon.patient_id))
        .join(PromotionRow, of_its_promotion())
        .order_by(col(Coupon.id).desc())
        .limit(MOST_COUPONS)
    )
    rows = await reading.execute(statement, {"patient": patient_id, "now": now})
    return [_coupon(secrets, row.Coupon, row.title, now) for row in rows]


async def coupon(reading: Reading, secrets: Secrets, coupon_id: UUID, patient_id: UUID, now: datetime) -> CouponView:
    """One coupon that is known to be there."""
    person = named_person()
    statement = (
        select(Coupon, text_of(person, "title").label("title"))
        .select_from(Coupon)
        .join(person, true())
        .join(PromotionRow, of_its_promotion())
        .where(col(Coupon.id) == coupon_id)
    )
    row = (await reading.execute(statement, {"patient": patient_id, "now": now})).one()
    return _coupon(secrets, row.Coupon, row.title, now)


def of_its_promotion() -> Any:
    """SQL join condition of a coupon with its promotion."""
    return and_(col(PromotionRow.clinic_id) == Coupon.clinic_id, col(PromotionRow.id) == Coupon.promotion_id)


def _coupon(secrets: Secrets, row: Coupon, title: str, now: datetime) -> CouponView:
    state = state_at(CouponState(row.state), row.expires_at, now)
    shown = state is CouponState.PICKED
    return CouponView(
        coupon_id=row.id,
        promotion_id=row.promotion_id,
        title=title,
        state=state,
        code=coupon_code(secrets, row.clinic_id, row.id) if shown else None,
        picked_at=row.picked_at,
        expires_at=row.expires_at,
        redeemed_at=row.redeemed_at,
    )


async def redemptions(
    reading: Reading, clinic_id: UUID, patient_id: UUID, after: UUID | None, limit: int, now: datetime
) -> list[RedemptionView]:
    """What came off a patient's bills, newest first, on from the one named; reversed ones too.

    Nothing says of which treatment a bill is. So who is old enough to keep one private is shown all of them, the
    clinic too, and whoever acts for them none.
    """
    whose = await ward_of(reading, patient_id)
    alone = [_VIEWER.in_([CLINIC_VIEWER, str(patient_id)])] if whose is None or may_be_private(whose, now) else []
    older = [] if after is None else [col(Redemption.id) < after]
    mine = (col(Redemption.clinic_id) == clinic_id, col(Redemption.patient_id) == patient_id)
    statement = select(Redemption).where(*mine, *alone, *older).order_by(col(Redemption.id).desc()).limit(limit)
    return [redemption_view(row) for row in (await reading.execute(statement)).scalars()]


async def redemptions_of_bill(reading: Reading, clinic_id: UUID, bill: str) -> list[RedemptionView]:
    """What came off the bill of this number, newest first: of each system one that stands, and reversed ones."""
    of_it = (col(Redemption.clinic_id) == clinic_id, col(Redemption.bill) == bill)
    statement = select(Redemption).where(*of_it).order_by(col(Redemption.id).desc()).limit(MOST_OF_A_BILL)
    return [redemption_view(row) for row in (await reading.execute(statement)).scalars()]


def redemption_view(row: Redemption) -> RedemptionView:
    taken = [
        TakenView(
            kind=EffectKind(each["kind"]),
            source_id=UUID(each["source_id"]) if each["source_id"] else None,
            amount=Money(amount_minor=each["amount_minor"], currency=row.currency),
        )
        for each in row.taken
    ]
    return RedemptionView(
        redemption_id=row.id,
        patient_id=row.patient_id,
        bill=row.bill,
        price=Money(amount_minor=row.price_minor, currency=row.currency),
        taken=taken,
        left=Money(amount_minor=row.left_minor, currency=row.currency),
        points=row.points,
        at=row.at,
        reversed_at=row.reversed_at,
    )
