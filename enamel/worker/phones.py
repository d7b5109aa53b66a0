"""Looks after phones and lines: ends those that are signed out, forgets those unseen, throws old minutes away."""

from datetime import datetime

from core.database import Database
from push.commands import forget_unseen, unbind_ended
from push.commands.line_outcomes import forget_line_minutes

PAUSE_SECONDS = 300.0
AT_ONCE = 1000


async def keep_phones(database: Database, now: datetime) -> int:
    """One round, any part of which may be killed; how many phones were ended or forgotten."""
    async with database.sweeping() as sweeping:
        done = await unbind_ended(sweeping, now)
    async with database.sweeping() as sweeping:
        done += await forget_unseen(sweeping, now, AT_ONCE)
    async with database.sweeping() as sweeping:
        await forget_line_minutes(sweeping, now)
    return done
