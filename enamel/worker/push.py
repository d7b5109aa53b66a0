"""Delivers due pushes: claim (commit), send (no transaction), record (commit).

What a crash leaves, wherever it comes:
- before the claim commits: nothing; the rows are still due and the next worker takes them;
- after the claim, before the send: rows leased and no copy anywhere; when the lease ends another worker
  takes them under the next attempt;
- after the send, before or after the provider's answer, before the record commits: the phone may have its
  copy. When the lease ends the message is sent again under the same notice id (Android tag,
  apns-collapse-id, `mid`), so the phone replaces it and shows one; marketing is written down as unknown and
  not repeated. At most what was in flight and not yet recorded is repeated: answers are recorded in small
  groups as they come, not at the end of the batch;
- after the record commits: nothing is left to do.
A worker that was thought dead and answers late finds another attempt on the row and changes nothing. A send
is given less time than its lease, so that does not happen to a worker that is merely slow.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime, timedelta

from core import clock
from core.database import Database
from enamel.worker.process import log_failure
from push.channel import Channel
from push.commands import Answer, Due, claim, record_outcomes
from push.outcome import Outcome, Result

MOST_AT_ONCE = 100
LONGEST_SEND = timedelta(seconds=15)
_GROUP_SECONDS = 0.02

_dice = random.SystemRandom()
Receipts = Callable[[Due], str]


async def deliver_due(
    database: Database,
    channel: Channel,
    *,
    lease: timedelta = timedelta(seconds=60),
    now: Callable[[], datetime] = clock.now,
    jitter: Callable[[], float] = _dice.random,
    receipt: Receipts | None = None,
) -> int:
    """One round; how many messages were sent. Any number of workers may run it at once.

    `receipt` gives what the app answers with when a chat's message has arrived.
    """
    async with database.sweeping() as sweeping:
        due = await claim(sweeping, now(), MOST_AT_ONCE, lease)
    async with aclosing(_answers(channel, _with_receipts(due, receipt), min(LONGEST_SEND, lease * 2 / 3))) as groups:
        async for answers in groups:
            async with database.sweeping() as sweeping:
                await record_outcomes(sweeping, answers, now(), jitter)
    return len(due)


def _with_receipts(due: list[Due], receipt: Receipts | None) -> list[Due]:
    if receipt is None:
        return due
    return [replace(each, message=replace(each.message, receipt=receipt(each))) for each in due]


async def _answers(channel: Channel, due: list[Due], deadline: timedelta) -> AsyncGenerator[list[Answer]]:
    """Send all at once; give the answers in groups of those that came within a blink of each other."""
    pending = {asyncio.create_task(_answer(channel, each, deadline)) for each in due}
    try:
        while pending:
            done, _ = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(_GROUP_SECONDS)
            done |= {task for task in pending if task.done()}
            pending -= done
            yield [task.result() for task in done]
    finally:
        for task in pending:
            task.cancel()


async def _answer(channel: Channel, due: Due, deadline: timedelta) -> Answer:
    try:
        outcome = await channel.send(due.target, due.message, deadline)
    except Exception as error:  # noqa: BLE001  an adapter's own mistake must not stop the others, nor come back for ever
        log_failure("push", error)
        outcome = Outcome(Result.AMBIGUOUS, "adapter-failed")
    return Answer(due, outcome)
