"""Keeps the marks of changes few, and tells of offers that open because a day has begun."""

from datetime import datetime

from cabinet.commands.promotions import tell_of_openings
from core.changes import tidy_changes
from core.database import Database

PAUSE_SECONDS = 3600.0


async def keep_changes(database: Database, now: datetime) -> int:
    """Always 0: one round is enough.

    Killed anywhere, the next round does it again: a mark too many is told twice, and none is taken unrepeated.
    """
    async with database.sweeping() as sweeping:
        await tell_of_openings(sweeping, now)
    async with database.sweeping() as sweeping:
        await tidy_changes(sweeping)
    return 0
