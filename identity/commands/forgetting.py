"""Forgets what has served: old codes, ended sessions and counted tries are personal data that nobody needs."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlmodel import col

from core.database import Sweeping
from identity.tables import CodeChallenge, PasswordTry, Session

# The brakes look back one day.
CODES_KEPT = timedelta(days=2)
TRIES_KEPT = timedelta(days=1)
# For the list of devices, and for a desk's browser to be known again after a holiday.
ENDED_SESSIONS_KEPT = timedelta(days=30)


async def forget_spent(sweeping: Sweeping, now: datetime) -> int:
    """Delete what is past its time; how many rows."""
    ended = func.least(Session.revoked_at, Session.idle_until, Session.ends_at)  # passes over a null
    spent = [
        delete(CodeChallenge).where(col(CodeChallenge.created_at) < now - CODES_KEPT).returning(col(CodeChallenge.id)),
        delete(Session).where(ended < now - ENDED_SESSIONS_KEPT).returning(col(Session.id)),
        delete(PasswordTry).where(col(PasswordTry.failed_at) < now - TRIES_KEPT).returning(col(PasswordTry.bucket)),
    ]
    gone = [each.cte(name) for each, name in zip(spent, ("codes", "sessions", "tries"), strict=True)]
    counts = [select(func.count()).select_from(each).scalar_subquery() for each in gone]
    return int((await sweeping.execute(select(sum(counts[1:], counts[0])))).scalar_one())
