"""Referrals: a code for friends, who came by it, and points for both after the friend's first visit."""

import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.commands.points import Accrual, accrue
from cabinet.commands.tries import CodeUnknown
from cabinet.coupon import code_from, folded_code
from cabinet.queries.points import programmes
from cabinet.queries.referrals import ReferralView, referral, referrers_above, was_treated
from cabinet.referral import Introduction, ReferralState, introduction_fault
from cabinet.tables.loyalty import ProgrammeRow
from cabinet.tables.referral import Referral, ReferralCode
from clinic.commands import hold_patient
from clinic.queries.attendance import LOOK_BACK, completed_visits, of_one_household, was_here
from core.database import Sweeping, Writing
from core.errors import Conflict
from core.events import SYSTEM, Actor, Happening, record, record_across
from core.upsert import OWN_SOURCE, hold_source


class ReferralNotPossible(Conflict):
    """One's own code, a ring back, somebody known before, or brought by somebody else already."""

    slug = "referral-not-possible"


async def open_referral_code(writing: Writing, clinic_id: UUID, patient_id: UUID) -> ReferralView:
    """The patient's code for friends, made at the first asking."""
    made = {"clinic_id": clinic_id, "patient_id": patient_id, "code": code_from(secrets.token_bytes(8))}
    await writing.execute(insert(ReferralCode).values(made).on_conflict_do_nothing())
    return await referral(writing, patient_id)


async def introduce(
    writing: Writing, clinic_id: UUID, friend_id: UUID, raw: str, actor: Actor, now: datetime
) -> ReferralView:
    """Note by whose code somebody new came. The same code again changes nothing.

    Raises `CodeUnknown`, `NotFound`, `ReferralNotPossible`. Introductions of a clinic take turns: two halves of a ring
    made at the same moment would not see each other.
    """
    code = select(col(ReferralCode.patient_id)).where(col(ReferralCode.code) == folded_code(raw))
    referrer_id = (await writing.execute(code)).scalar_one_or_none()
    if referrer_id is None:
        raise CodeUnknown
    await hold_source(writing, "referral", clinic_id, OWN_SOURCE)
    await hold_patient(writing, friend_id)
    before = select(col(Referral.referrer_id)).where(col(Referral.patient_id) == friend_id)
    brought_by = (await writing.execute(before)).scalar_one_or_none()
    if brought_by is None:
        await _bind(writing, clinic_id, referrer_id, friend_id, actor, now)
    elif brought_by != referrer_id:
        raise ReferralNotPossible
    return await referral(writing, friend_id)


async def _bind(
    writing: Writing, clinic_id: UUID, referrer_id: UUID, friend_id: UUID, actor: Actor, now: datetime
) -> None:
    told = Introduction(
        referrer_id,
        friend_id,
        one_household=await of_one_household(writing, referrer_id, friend_id),
        known_before=await was_here(writing, friend_id) or await was_treated(writing, friend_id),
        above=await referrers_above(writing, referrer_id),
    )
    if fault := introduction_fault(told):
        raise ReferralNotPossible(fault)
    row = Referral(
        clinic_id=clinic_id, patient_id=friend_id, referrer_id=referrer_id, state=ReferralState.BOUND.value,
        bound_at=now,
    )  # fmt: skip
    writing.add(row)
    bound = Happening("referral.bound", row.id, patient_id=referrer_id, facts={"friend_id": str(friend_id)})
    await record(writing, clinic_id, actor, [bound], now)


async def reward_referrals(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Give both their points for up to `limit` friends whose first visit took place; how many there were.

    The conditional update turns each introduction once; its points have its id as their cause, so that they could
    not be given twice even so.
    """
    visit = completed_visits(now - LOOK_BACK).subquery("visit")
    came = (
        select(visit.c.appointment_id)
        .where(
            visit.c.clinic_id == Referral.clinic_id,
            visit.c.patient_id == Referral.patient_id,
            visit.c.at >= func.greatest(Referral.bound_at, ProgrammeRow.referrals_since),
            visit.c.starts_at >= col(Referral.bound_at) - timedelta(days=1),
        )
        .correlate(Referral, ProgrammeRow)
        .exists()
    )
    generous = or_(col(ProgrammeRow.referrer_points) > 0, col(ProgrammeRow.friend_points) > 0)
    due = (
        select(col(Referral.clinic_id), col(Referral.id))
        .join(ProgrammeRow, and_(col(ProgrammeRow.clinic_id) == Referral.clinic_id, generous))
        .where(col(Referral.state) == ReferralState.BOUND.value, came)
        .limit(limit)
        .with_for_update(of=Referral, skip_locked=True)
        .cte("due")
    )
    rewarded = (
        update(Referral)
        .where(col(Referral.clinic_id) == due.c.clinic_id, col(Referral.id) == due.c.id)
        .values(state=ReferralState.REWARDED.value, rewarded_at=now)
        .returning(col(Referral.clinic_id), col(Referral.id), col(Referral.patient_id), col(Referral.referrer_id))
        .execution_options(synchronize_session=False)
    )
    rows = (await sweeping.execute(rewarded)).all()
    by_clinic = await programmes(sweeping, sorted({row.clinic_id for row in rows}))
    await accrue(sweeping, [each for row in rows for each in _rewards(row, by_clinic)], SYSTEM, now)
    happenings = [(row.clinic_id, _rewarded(row)) for row in rows]
    await record_across(sweeping, SYSTEM, happenings, now)
    return len(rows)


def _rewards(row: Any, by_clinic: dict[UUID, Any]) -> list[Accrual]:
    programme = by_clinic[row.clinic_id]
    return [
        Accrual(row.clinic_id, row.referrer_id, f"referral:{row.id}:referrer", programme.referrer_points),
        Accrual(row.clinic_id, row.patient_id, f"referral:{row.id}:friend", programme.friend_points),
    ]


def _rewarded(row: Any) -> Happening:
    facts = {"friend_id": str(row.patient_id)}
    return Happening("referral.rewarded", row.id, patient_id=row.referrer_id, facts=facts)
