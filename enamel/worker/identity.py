"""Forgets, once an hour, what signing in left behind."""

from datetime import datetime

from core.database import Database
from identity.commands import forget_spent

PAUSE_SECONDS = 3600.0


async def forget(database: Database, now: datetime) -> int:
    """How many rows were past their time."""
    async with database.sweeping() as sweeping:
        return await forget_spent(sweeping, now)
