"""Takes settled bills back: what came off returns to where it came from, once.

Rows are locked in one order by everybody: patient, bill, coupon, promotion, points, card.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, null, select, update
from sqlmodel import col

from cabinet.commands.cards import unuse_card
from cabinet.commands.coupons import give_back
from cabinet.commands.paid_points import make_good
from cabinet.commands.points import unspend
from cabinet.coupon import CouponState
from cabinet.queries.coupons import RedemptionView, redemption_view
from cabinet.tables.coupon import Coupon, Redemption
from clinic.commands import hold_patients
from core.database import Writing
from core.errors import NotFound
from core.events import Actor, Happening, record


async def reverse_redemption(
    writing: Writing, clinic_id: UUID, redemption_id: UUID, reason: str, actor: Actor, now: datetime
) -> RedemptionView:
    """Take a settled bill back: points and session return, and coupons are as they were, until their time is over.

    Again changes nothing. Raises `NotFound`.
    """
    bill = (await writing.execute(select(Redemption).where(col(Redemption.id) == redemption_id))).scalar_one_or_none()
    if bill is None:
        raise NotFound
    await hold_patients(writing, [bill.patient_id])
    open_bill = (col(Redemption.id) == redemption_id, col(Redemption.reversed_at).is_(None))
    closed = update(Redemption).where(*open_bill).values(reversed_at=now, reversal_reason=reason)
    if (await writing.execute(closed.returning(col(Redemption.id)))).scalar_one_or_none() is not None:
        gone = await _reverse_coupons(writing, redemption_id, now)
        over = [row for row in gone if row.state == CouponState.REVERSED.value]
        await give_back(writing, [(clinic_id, row.promotion_id) for row in over])
        if bill.points:
            cause = f"bill:{redemption_id}"
            returned = await unspend(writing, clinic_id, bill.patient_id, cause, actor, now)
            await make_good(writing, clinic_id, bill.patient_id, returned, cause, actor, now)
        if bill.card_id is not None:
            await unuse_card(writing, clinic_id, bill.card_id, f"bill:{redemption_id}", actor, now)
        happenings = [Happening("coupon.reversed", row.id, patient_id=bill.patient_id) for row in gone]
        happenings.append(Happening("bill.reversed", redemption_id, patient_id=bill.patient_id))
        await record(writing, clinic_id, actor, happenings, now)
    fresh = select(Redemption).where(col(Redemption.id) == redemption_id)
    return redemption_view((await writing.execute(fresh.execution_options(populate_existing=True))).scalar_one())


async def _reverse_coupons(writing: Writing, redemption_id: UUID, now: datetime) -> Sequence[Any]:
    """Those that are still good are picked up again, and keep their place in the stock."""
    good = col(Coupon.expires_at) > now
    back = (
        update(Coupon)
        .where(col(Coupon.redemption_id) == redemption_id, col(Coupon.state) == CouponState.REDEEMED.value)
        .values(
            state=case((good, CouponState.PICKED.value), else_=CouponState.REVERSED.value),
            redeemed_at=case((good, null()), else_=col(Coupon.redeemed_at)),
            redemption_id=case((good, null()), else_=col(Coupon.redemption_id)),
        )
        .returning(col(Coupon.id), col(Coupon.promotion_id), col(Coupon.state))
        .execution_options(synchronize_session=False)
    )
    return (await writing.execute(back)).all()
