"""Lists who offers are for, expires coupons and points, gives points for visits, payments and referrals.

Crash safety: each step is one transaction of its own, and nothing is held between them. Before its commit nothing of
it is there; after it, a repeat finds nothing to do: lists by their key, expiries by the state they leave, points by
their cause, which earns once, and a referral by its state, which turns once.
"""

from datetime import datetime

from automation.commands.audiences import list_members_due
from cabinet.commands.coupons import expire_coupons
from cabinet.commands.earned_points import accrue_visits
from cabinet.commands.paid_points import accrue_payments, judge_anew
from cabinet.commands.points import expire_points
from cabinet.commands.referrals import reward_referrals
from core.database import Database, Sweeping
from enamel.worker.rounds import Step, one_round

PAUSE_SECONDS = 60.0
AT_ONCE = 500


async def _list_members(sweeping: Sweeping, now: datetime, _: int) -> int:
    return await list_members_due(sweeping, now)


_STEPS: tuple[Step, ...] = (
    _list_members,
    expire_coupons,
    expire_points,
    accrue_visits,
    accrue_payments,
    judge_anew,
    reward_referrals,
)


async def keep_loyalty(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One round of everything; how much was done (0: nothing was due). Call again at once while something was."""
    return await one_round(database, _STEPS, now, at_once)
