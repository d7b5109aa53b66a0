"""What providers told, joined to what we sent; one word to who stopped or started; what is old, let go."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from core.clock import now as clock_now
from core.database import Database
from enamel.worker.process import log_failure
from push.channel import Message, Target, Way
from push.commands.confirmations import Confirmation, claim_confirmations
from push.commands.forgetting import forget_old_notices
from push.commands.reports import join_reports
from push.commands.strangers import forget_strangers
from push.confirmation_words import confirmation_words
from push.notice import NoticeKind
from push.queries.lines import line_anywhere
from push.switchboard import Switchboard

MOST_AT_ONCE, MOST_SAID_AT_ONCE = 200, 20
_LIFE, _DEADLINE = timedelta(hours=1), timedelta(seconds=15)
FORGETTING_PAUSE_SECONDS = 60.0
Say = Callable[[Confirmation, str], Awaitable[None]]
"""Sends these words by the confirmation's line to its address. What it raises is lost with the confirmation."""


async def join_late(database: Database, now: datetime) -> int:
    """Reports that came before the worker had written down what it sent. A crash leaves them to the next round."""
    async with database.sweeping() as sweeping:
        return await join_reports(sweeping, now, MOST_AT_ONCE)


async def confirm_wishes(database: Database, say: Say, now: datetime) -> int:
    """Answer stops and starts, each at most once: claimed (commit) and then said. A crash between the two says nothing,
    which is better than saying it twice to somebody who wants no messages.
    """
    async with database.sweeping() as sweeping:
        due = await claim_confirmations(sweeping, now, MOST_SAID_AT_ONCE)
    await asyncio.gather(*(_say(say, each) for each in due))
    return len(due)


async def _say(say: Say, told: Confirmation) -> None:
    """A line that hangs or a mistake of one adapter takes no other confirmation with it."""
    try:
        await say(told, confirmation_words(told.wish, told.language))
    except Exception as error:  # noqa: BLE001  see above
        log_failure("stops", error)


async def say(database: Database, board: Switchboard, told: Confirmation, words: str) -> None:
    """By the line that the wish came on, where it is still in use; whatever comes of it, it is not said again."""
    async with database.sweeping() as sweeping:
        line = await line_anywhere(sweeping, told.line_id)
    if line is None:
        return
    at = clock_now()
    message = Message(
        told.confirmation_id, NoticeKind.ORGANISATIONAL, words if line.way is Way.EMAIL else "", words, None,
        at + _LIFE, _LIFE, language=told.language,
    )  # fmt: skip
    await board.channel(line, line.way).send(Target("", line.name, told.address), message, _DEADLINE)


async def forget_told(database: Database, now: datetime) -> int:
    """Old lines of inboxes and old messages of strangers."""
    async with database.sweeping() as sweeping:
        notices = await forget_old_notices(sweeping, now, MOST_AT_ONCE)
    async with database.sweeping() as sweeping:
        return notices + await forget_strangers(sweeping, now)
