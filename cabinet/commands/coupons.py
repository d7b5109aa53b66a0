"""Coupons: picked up once by each patient while the stock lasts, and expired when their time is over.

Rows are locked in one order by everybody: patient, bill, coupon, promotion, points.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.coupon import CouponState, ends_at
from cabinet.promotion import PromotionState
from cabinet.queries.coupons import CouponView, code_hash, coupon, coupon_code
from cabinet.queries.fragments import named_person
from cabinet.queries.promotions import offered_to
from cabinet.tables.coupon import Coupon
from cabinet.tables.promotion import PromotionRow
from core.database import Sweeping, Writing
from core.errors import Conflict, NotFound
from core.events import SYSTEM, Actor, Happening, record, record_across
from core.ids import new_id
from identity.secrets import Secrets


class StockExhausted(Conflict):
    """Every coupon there was is taken."""

    slug = "promotion-out-of-stock"


class CouponHad(Conflict):
    """One coupon a patient: this one was redeemed, or its time is over."""

    slug = "coupon-already-had"


@dataclass(frozen=True, slots=True)
class PickUp:
    """Whose coupon of which promotion."""

    clinic_id: UUID
    patient_id: UUID
    promotion_id: UUID
    at_desk: bool = False
    """Named on a bill: then it may also be one that patients do not pick up themselves, once a patient all the same."""


async def pick_up(writing: Writing, secrets: Secrets, wanted: PickUp, actor: Actor, now: datetime) -> CouponView:
    """The patient's coupon of a promotion; asking again gives the same one.

    Raises `NotFound` where the promotion is not offered to this patient or has no coupons, `StockExhausted`,
    `CouponHad`.
    """
    coupon_id = await picked_coupon(writing, secrets, wanted, actor, now)
    return await coupon(writing, secrets, coupon_id, wanted.patient_id, now)


async def picked_coupon(writing: Writing, secrets: Secrets, wanted: PickUp, actor: Actor, now: datetime) -> UUID:
    """The same, as its id. What was picked up stays good, whatever became of the promotion since.

    The coupon goes in before the stock is counted: the second tap of one patient meets the first one's row and takes
    nothing; the stock's own row then lets the first so many through.
    """
    if (before := await _picked_before(writing, wanted, now)) is not None:
        return before
    offered = await _offered(writing, wanted, now)
    if offered is None:
        raise NotFound
    coupon_id = new_id()
    digest = code_hash(secrets, wanted.clinic_id, coupon_code(secrets, wanted.clinic_id, coupon_id))
    made = {
        "clinic_id": wanted.clinic_id, "id": coupon_id, "promotion_id": wanted.promotion_id,
        "patient_id": wanted.patient_id, "code_hash": digest, "state": CouponState.PICKED.value, "picked_at": now,
        "expires_at": ends_at(now, offered.ends_on, offered.coupon_days, offered.zone),
    }  # fmt: skip
    fresh = insert(Coupon).values(made).on_conflict_do_nothing().returning(col(Coupon.id))
    if (await writing.execute(fresh)).scalar_one_or_none() is None:
        if (before := await _picked_before(writing, wanted, now)) is None:
            raise CouponHad
        return before
    if not await _take_from_stock(writing, wanted.promotion_id):
        raise StockExhausted
    picked = Happening(
        "coupon.picked_up", coupon_id, wanted.patient_id, facts={"promotion_id": str(wanted.promotion_id)}
    )
    await record(writing, wanted.clinic_id, actor, [picked], now)
    return coupon_id


async def _offered(writing: Writing, wanted: PickUp, now: datetime) -> Any:
    person = named_person()
    takes = or_(col(PromotionRow.basis_points) > 0, col(PromotionRow.amount_minor).is_not(None))
    statement = (
        select(col(PromotionRow.ends_on), col(PromotionRow.coupon_days), person.c.zone)
        .select_from(PromotionRow)
        .join(person, true())
        .where(
            col(PromotionRow.clinic_id) == person.c.clinic_id,
            col(PromotionRow.id) == wanted.promotion_id,
            takes if wanted.at_desk else col(PromotionRow.with_coupon),
            *offered_to(person),
        )
    )
    return (await writing.execute(statement, {"patient": wanted.patient_id, "now": now})).one_or_none()


async def _picked_before(writing: Writing, wanted: PickUp, now: datetime) -> UUID | None:
    mine = (
        col(Coupon.promotion_id) == wanted.promotion_id,
        col(Coupon.patient_id) == wanted.patient_id,
        col(Coupon.state) == CouponState.PICKED.value,
        col(Coupon.expires_at) > now,
    )
    return (await writing.execute(select(col(Coupon.id)).where(*mine))).scalar_one_or_none()


async def _take_from_stock(writing: Writing, promotion_id: UUID) -> bool:
    """One place of the stock, by one conditional update: however many come at once, no more than there are."""
    taken = (
        update(PromotionRow)
        .where(
            col(PromotionRow.id) == promotion_id,
            col(PromotionRow.state) == PromotionState.PUBLISHED.value,
            or_(col(PromotionRow.stock).is_(None), col(PromotionRow.picked) < col(PromotionRow.stock)),
        )
        .values(picked=PromotionRow.picked + 1)
        .returning(col(PromotionRow.id))
    )
    return (await writing.execute(taken)).scalar_one_or_none() is not None


async def give_back(writing: Writing, promotions: Collection[tuple[UUID, UUID]]) -> None:
    """Put places back into the stock: one for each (clinic_id, promotion_id) named, in one order for everybody."""
    if promotions:
        places: dict[tuple[UUID, UUID], int] = {}
        for key in promotions:
            places[key] = places.get(key, 0) + 1
        returned = (
            update(PromotionRow.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
            .where(
                col(PromotionRow.clinic_id) == bindparam("of_clinic"), col(PromotionRow.id) == bindparam("promotion")
            )
            .values(picked=func.greatest(col(PromotionRow.picked) - bindparam("places"), 0))
        )
        rows = [
            {"of_clinic": clinic_id, "promotion": promotion_id, "places": places[clinic_id, promotion_id]}
            for clinic_id, promotion_id in sorted(places)
        ]
        await writing.execute(returned, rows)


async def expire_coupons(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Write down that up to `limit` coupons are over, and put their places back; how many there were."""
    due = (
        select(col(Coupon.clinic_id), col(Coupon.id))
        .where(col(Coupon.state) == CouponState.PICKED.value, col(Coupon.expires_at) <= now)
        .order_by(col(Coupon.expires_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    expired = (
        update(Coupon)
        .where(col(Coupon.clinic_id) == due.c.clinic_id, col(Coupon.id) == due.c.id)
        .values(state=CouponState.EXPIRED.value)
        .returning(col(Coupon.clinic_id), col(Coupon.id), col(Coupon.promotion_id), col(Coupon.patient_id))
        .execution_options(synchronize_session=False)
    )
    gone = (await sweeping.execute(expired)).all()
    await give_back(sweeping, [(row.clinic_id, row.promotion_id) for row in gone])
    await record_across(sweeping, SYSTEM, _expired(gone), now)
    return len(gone)


def _expired(gone: Sequence[Any]) -> list[tuple[UUID, Happening]]:
    return [(row.clinic_id, Happening("coupon.expired", row.id, patient_id=row.patient_id)) for row in gone]
