"""Tells phones of messages that nobody has seen.

Crash safety: one transaction takes the messages and enqueues their notices. Before its commit both are as they
were and the next round finds them; after it both stand. Two workers never take the same message.
"""

from datetime import datetime

from chat.delivered import Arrival, arrival_token
from chat.unread_push import clears_for_read, notices_for_unread
from core.database import Database
from push.commands import Due


async def tell_unread(database: Database, now: datetime) -> int:
    """One round; how many messages were decided (0: nothing was due)."""
    async with database.sweeping() as sweeping:
        return await notices_for_unread(sweeping, now)


async def tell_read(database: Database, now: datetime) -> int:
    """One round; how many marks took banners away from other phones."""
    async with database.sweeping() as sweeping:
        return await clears_for_read(sweeping, now)


def receipt_of_push(key: bytes, due: Due) -> str:
    """What the app gives back when a chat's message has arrived; nothing for what is of no chat, or shows nothing."""
    message = due.message
    if message.thread_id is None or message.seq is None or message.silent:
        return ""
    if due.account_id is None or due.session_id is None:  # no app, which could give it back
        return ""
    arrival = Arrival(due.clinic_id, message.thread_id, due.account_id, due.session_id, message.seq)
    return arrival_token(key, arrival, message.expires_at)
