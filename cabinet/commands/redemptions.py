"""Settles bills: coupons, a prepaid card and points come off one price by the one price rule, once a bill.

Rows are locked in one order by everybody: patient, bill, coupon, promotion, points, card.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.commands.cards import use_card
from cabinet.commands.coupons import PickUp, picked_coupon
from cabinet.commands.points import NoProgramme, spend
from cabinet.commands.promotions import reduction_of
from cabinet.commands.tries import CodeUnknown
from cabinet.coupon import CouponState, folded_code
from cabinet.loyalty import Programme, paid_by_points, points_needed
from cabinet.pricing import Effect, EffectKind, Priced, priced
from cabinet.promotion import Reduction, combination_fault, effect_of
from cabinet.queries.coupons import RedemptionView, code_hash, of_its_promotion, redemption_view
from cabinet.queries.points import programmes
from cabinet.tables.coupon import Coupon, Redemption
from cabinet.tables.promotion import PromotionRow
from clinic.commands import hold_patient
from core.database import Writing
from core.errors import Conflict, Fault, Invalid
from core.events import Actor, Happening, record
from core.ids import new_id
from core.money import Money
from core.upsert import content_hash
from identity.secrets import Secrets


class CouponSpent(Conflict):
    """It was redeemed already, or its time is over."""

    slug = "coupon-spent"


class NotCombinable(Conflict):
    """These promotions may not stand together on this bill."""

    slug = "promotions-not-combinable"


class BillSettled(Conflict):
    """This bill was settled before, in another way."""

    slug = "bill-already-settled"


@dataclass(frozen=True, slots=True)
class Settling:
    """One bill and what is to come off it. `source`: whose number `bill` is."""

    source: str
    bill: str
    price: Money
    patient_id: UUID | None = None
    codes: tuple[str, ...] = ()
    promotion_ids: tuple[UUID, ...] = ()
    card_id: UUID | None = None
    points: int = 0
    service: str | None = None
    """What the bill is for: a card pays its own service only."""

    def digest(self, patient_id: UUID) -> str:
        """What tells a repeat from another wish about the same bill."""
        codes = sorted(folded_code(code) for code in self.codes)
        wish = (self.price.model_dump(), codes, sorted(map(str, self.promotion_ids)), self.card_id, self.points)
        return content_hash({"patient": patient_id, "wish": wish, "service": self.service})


async def redeem(
    writing: Writing, secrets: Secrets, clinic_id: UUID, wish: Settling, actor: Actor, now: datetime
) -> RedemptionView:
    """Take everything off the bill, or nothing. The same wish again gives the same answer, also once it was reversed.

    Raises `CodeUnknown`, `NotFound`, `Invalid` (nobody's bill, a card without a service), `CouponSpent`, `CouponHad`,
    `StockExhausted`, `NotCombinable`, `BillSettled`, `NotEnoughPoints`, `NoProgramme`, `CardNotUsable`,
    `CardOfAnotherSystem`.
    """
    if wish.card_id is not None and wish.service is None:
        raise Invalid(Fault("/service", "missing"))
    by_code = await _by_codes(writing, secrets, clinic_id, wish)
    patient_id = _whose(wish, by_code)
    await hold_patient(writing, patient_id)
    row = _bill(clinic_id, patient_id, wish, actor, now)
    if (earlier := await _settled_before(writing, row)) is not None:
        return earlier
    coupons = await _named_coupons(writing, secrets, wish, row, [each.id for each in by_code], actor, now)
    reductions = await _redeem_coupons(writing, set(coupons), row["id"], now)
    if fault := combination_fault(reductions, wish.price):
        raise NotCombinable(fault)
    programme = await _programme(writing, clinic_id) if wish.points else None
    bill = priced(wish.price, 1, _effects(reductions, wish, programme))
    if fault := _burnt(bill):
        raise NotCombinable(fault)
    spent = points_needed(bill.taken_by(EffectKind.POINTS), programme.worth) if programme else 0
    if spent:
        await spend(writing, clinic_id, patient_id, spent, f"bill:{row['id']}", actor, now)
    if wish.card_id is not None:
        await use_card(writing, clinic_id, wish.card_id, f"bill:{row['id']}", actor, now, patient_id, wish.service)
    await record(writing, clinic_id, actor, _redeemed(coupons, row), now)
    return await _written(writing, row["id"], bill, spent)


async def _by_codes(writing: Writing, secrets: Secrets, clinic_id: UUID, wish: Settling) -> Sequence[Any]:
    digests = {code_hash(secrets, clinic_id, folded_code(code)) for code in wish.codes}
    if not digests:
        return ()
    statement = select(col(Coupon.id), col(Coupon.patient_id)).where(col(Coupon.code_hash).in_(digests))
    found = (await writing.execute(statement)).all()
    if len(found) < len(digests):
        raise CodeUnknown
    return found


async def _named_coupons(
    writing: Writing, secrets: Secrets, wish: Settling, row: dict[str, Any], by_code: Sequence[UUID], actor: Actor,
    now: datetime,
) -> list[UUID]:  # fmt: skip
    """Every coupon the bill names, locked before any promotion's row, as the worker does that expires them."""
    held = select(col(Coupon.id)).where(col(Coupon.id).in_(by_code)).order_by(col(Coupon.id)).with_for_update()
    coupons = list((await writing.execute(held)).scalars()) if by_code else []
    for promotion_id in sorted(wish.promotion_ids):  # a handful: the route takes no more than five
        pick = PickUp(row["clinic_id"], row["patient_id"], promotion_id, at_desk=True)
        coupons.append(await picked_coupon(writing, secrets, pick, actor, now))
    return list(dict.fromkeys(coupons))  # a promotion may be named beside the code of its coupon


def _burnt(bill: Priced) -> Fault | None:
    """A promotion or a card that would be used up and takes nothing, because others leave nothing for it."""
    pointers = {EffectKind.PROMOTION: "/codes", EffectKind.PREPAID: "/card_id"}
    idle = [each.effect.kind for each in bill.taken if each.amount.amount_minor == 0 and each.effect.kind in pointers]
    return Fault(pointers[idle[0]], "takes-nothing") if idle else None


def _whose(wish: Settling, by_code: Sequence[Any]) -> UUID:
    people = {each.patient_id for each in by_code} | ({wish.patient_id} if wish.patient_id else set())
    if not people:
        raise Invalid(Fault("/patient_id", "missing"))
    if len(people) > 1:
        raise CodeUnknown
    (patient_id,) = people
    return patient_id


def _bill(clinic_id: UUID, patient_id: UUID, wish: Settling, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "source": wish.source, "bill": wish.bill,
        "ask_hash": wish.digest(patient_id), "currency": wish.price.currency, "price_minor": wish.price.amount_minor,
        "left_minor": wish.price.amount_minor, "taken": [], "card_id": wish.card_id,
        "made_by_kind": actor.kind.value, "made_by": actor.id, "at": now,
    }  # fmt: skip


async def _settled_before(writing: Writing, row: dict[str, Any]) -> RedemptionView | None:
    """Put the bill down; the answer it was given before where it stands there already.

    A late repeat of what was reversed since is answered with that: it settles nothing anew.
    """
    same = (
        col(Redemption.source) == row["source"],
        col(Redemption.bill) == row["bill"],
        col(Redemption.ask_hash) == row["ask_hash"],
    )
    reversed_one = select(Redemption).where(*same, col(Redemption.reversed_at).is_not(None)).limit(1)
    if (gone := (await writing.execute(reversed_one)).scalar_one_or_none()) is not None:
        return redemption_view(gone)
    fresh = insert(Redemption).values(row).on_conflict_do_nothing().returning(col(Redemption.id))
    if (await writing.execute(fresh)).scalar_one_or_none() is not None:
        return None
    standing = select(Redemption).where(*same, col(Redemption.reversed_at).is_(None))
    earlier = (await writing.execute(standing)).scalar_one_or_none()
    if earlier is None:
        raise BillSettled
    return redemption_view(earlier)


async def _redeem_coupons(writing: Writing, coupons: set[UUID], redemption_id: UUID, now: datetime) -> list[Reduction]:
    """Mark all of them redeemed by one conditional update, and say what they take off."""
    if not coupons:
        return []
    spent = (
        update(Coupon)
        .where(
            col(Coupon.id).in_(coupons),
            col(Coupon.state) == CouponState.PICKED.value,
            col(Coupon.expires_at) > now,
        )
        .values(state=CouponState.REDEEMED.value, redeemed_at=now, redemption_id=redemption_id)
        .returning(col(Coupon.id))
        .execution_options(synchronize_session=False)
    )
    if len((await writing.execute(spent)).all()) < len(coupons):
        raise CouponSpent
    offers = select(PromotionRow).join(Coupon, and_(of_its_promotion(), col(Coupon.id).in_(coupons)))
    rows = await writing.execute(offers.order_by(col(PromotionRow.id)))
    return [reduction_of(row) for row in rows.scalars()]


async def _programme(writing: Writing, clinic_id: UUID) -> Programme:
    programme = (await programmes(writing, [clinic_id])).get(clinic_id)
    if programme is None:
        raise NoProgramme
    return programme


def _effects(reductions: Sequence[Reduction], wish: Settling, programme: Programme | None) -> list[Effect]:
    effects = [effect_of(each) for each in reductions]
    if wish.card_id is not None:  # one session is the whole of what promotions leave
        effects.append(Effect(EffectKind.PREPAID, None, 10_000, wish.card_id))
    if programme is not None:
        if programme.worth.currency != wish.price.currency:
            raise NotCombinable(Fault("/price", "other-currency"))
        effects.append(Effect(EffectKind.POINTS, paid_by_points(wish.points, programme.worth, wish.price)))
    return effects


def _redeemed(coupons: Sequence[UUID], row: dict[str, Any]) -> list[Happening]:
    facts = {"redemption_id": str(row["id"])}
    settled = Happening("bill.settled", row["id"], patient_id=row["patient_id"])
    return [
        *(Happening("coupon.redeemed", each, patient_id=row["patient_id"], facts=facts) for each in coupons),
        settled,
    ]


async def _written(writing: Writing, redemption_id: UUID, bill: Priced, points: int) -> RedemptionView:
    taken = [
        {
            "kind": each.effect.kind.value,
            "source_id": str(each.effect.source) if each.effect.source else None,
            "amount_minor": each.amount.amount_minor,
        }
        for each in bill.taken
    ]
    settled = update(Redemption).where(col(Redemption.id) == redemption_id).returning(Redemption)
    told = settled.values(taken=taken, left_minor=bill.left.amount_minor, points=points)
    return redemption_view((await writing.execute(told)).scalar_one())
