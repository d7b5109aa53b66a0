"""Referrals: a patient's code and what came of it; who stands above whom."""

from uuid import UUID

from pydantic import Field
from sqlalchemy import func, literal, select
from sqlmodel import col

from cabinet.referral import ReferralState
from cabinet.tables.chart import ProcedureRow
from cabinet.tables.referral import Referral, ReferralCode
from core.database import Reading
from core.values import Int32, Value

FARTHEST_ABOVE = 100


class ReferralView(Value):
    """A patient's code for friends, and how many came by it. An app makes its own link of the code."""

    code: str | None = Field(description="Null until it is asked for.", examples=["4T8KQ2M9"])
    bound: Int32 = Field(description="Friends who named it and have not had their first visit yet.")
    rewarded: Int32 = Field(description="Friends whose first visit took place.")
    was_referred: bool = Field(description="Whether this patient came by somebody's code.")


async def referral(reading: Reading, patient_id: UUID) -> ReferralView:
    """What is known of a patient's referrals, in one statement."""
    code = select(col(ReferralCode.code)).where(col(ReferralCode.patient_id) == patient_id).scalar_subquery()
    came = select(func.count()).where(col(Referral.patient_id) == patient_id).scalar_subquery()
    counts = [
        select(func.count())
        .where(col(Referral.referrer_id) == patient_id, col(Referral.state) == state.value)
        .scalar_subquery()
        for state in (ReferralState.BOUND, ReferralState.REWARDED)
    ]
    row = (await reading.execute(select(code, *counts, came))).one()
    return ReferralView(code=row[0], bound=row[1], rewarded=row[2], was_referred=row[3] > 0)


async def referrers_above(reading: Reading, patient_id: UUID) -> list[UUID]:
    """Who brought this patient, who brought them, and so on up."""
    above = (
        select(col(Referral.referrer_id).label("id"), literal(1).label("step"))
        .where(col(Referral.patient_id) == patient_id)
        .cte("above", recursive=True)
    )
    further = (
        select(col(Referral.referrer_id), above.c.step + 1)
        .join(above, col(Referral.patient_id) == above.c.id)
        .where(above.c.step < FARTHEST_ABOVE)
    )
    return list((await reading.execute(select(above.union_all(further).c.id))).scalars())


async def was_treated(reading: Reading, patient_id: UUID) -> bool:
    """Whether anything was ever done for this patient."""
    done = select(col(ProcedureRow.id)).where(col(ProcedureRow.patient_id) == patient_id).limit(1)
    return (await reading.execute(done)).scalar_one_or_none() is not None
