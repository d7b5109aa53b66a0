"""Tells phones of messages that nobody has seen.

Crash safety: one transaction takes the messages and enqueues their notices. Before its commit both are as they
were and the next round finds them; after it both stand. Two workers never take the same message.
"""

from datetime import datetime

from chat.unread_push import notices_for_unread
from core.database import Database


async def tell_unread(database: Database, now: datetime) -> int:
    """One round; how many messages were decided (0: nothing was due)."""
    async with database.sweeping() as sweeping:
        return await notices_for_unread(sweeping, now)
