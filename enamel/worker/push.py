"""Delivers what is due, on whichever way: claim (commit), send (no transaction), record (commit).

What a crash leaves, wherever it comes:
- before the claim commits: nothing; the rows are still due and the next worker takes them;
- after the claim, before the send: rows leased and no copy anywhere; when the lease ends another worker
  takes them under the next attempt;
- after the send, before or after the provider's answer, before the record commits: the phone may have its
  copy. When the lease ends the message is sent again under the same notice id (Android tag,
  apns-collapse-id, `mid`; the provider's own message id, where it has such), so the phone replaces it and shows
  one. Elsewhere than on a screen nothing replaces: what belongs to the treatment is sent again all the same, and
  what does not is written down as unknown, as marketing is everywhere, and not repeated. At most what was in flight
  and not yet recorded is repeated: answers are recorded in small groups as they come, not at the end of the batch;
- after the record commits: nothing is left to do.
- the ladder and the caps change in the claim's commit alone: a way is marked as tried, its time is set and its places
  under the caps are taken together with the leases, or not at all. The next way is tried when that time has passed,
  or when the last delivery of this one ends badly, in the commit that records it.
A worker that was thought dead and answers late finds another attempt on the row and changes nothing. A send
is given less time than its lease, so that does not happen to a worker that is merely slow.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from core import clock
from core.database import Database
from enamel.worker.process import log_failure
from push.channel import Channel
from push.commands import Answer, Due, claim_notices, claim_tries, record_outcomes
from push.commands.due import EVERY_LANE
from push.kinds import Lane
from push.outcome import Outcome, Result

MOST_AT_ONCE = 500
# Of the bulk no more than can be under way: an offer that a dying worker held is not repeated, even if it never left.
MOST_OF_BULK = 200
LONGEST_SEND = timedelta(seconds=15)
_GROUP_SECONDS = 0.02
# Of each hand in one round: what is to stop the worker waits for no more.
_BATCHES = 4

_dice = random.SystemRandom()
Receipts = Callable[[Due], str]
Wording = Callable[[Sequence[Due]], Awaitable[list[Due]]]
ChannelOf = Callable[[Due], Channel]
"""Which adapter sends a message."""


def only(channel: Channel) -> ChannelOf:
    """One adapter for everything: the plain twin."""
    return lambda _: channel


async def deliver_due(
    database: Database,
    channel_of: ChannelOf,
    *,
    lanes: Sequence[Lane] = EVERY_LANE,
    lease: timedelta = timedelta(seconds=60),
    now: Callable[[], datetime] = clock.now,
    jitter: Callable[[], float] = _dice.random,
    receipt: Receipts | None = None,
    words: Wording | None = None,
    seen: Callable[[Sequence[Answer], datetime], None] = lambda _, __: None,
) -> int:
    """One round of these lanes; how many messages were sent. Any number of workers may run it at once.

    `receipt` gives what the app answers with when a chat's message has arrived, `words` what messages say: without it
    they keep the generic words that the claim has put in. `seen` hears of the answers once they are recorded.

    Where there is more than one claim takes, a second hand claims while the first one's messages are under way; not of
    the bulk.
    """
    hand = _Hand(database, channel_of, lanes, lease, now, jitter, receipt, words, seen)
    sent = await hand.claim()
    if len(sent) < MOST_AT_ONCE or hand.has_bulk:
        return await hand.deliver(sent)
    done = await asyncio.gather(hand.go_on(sent), hand.go_on(()), return_exceptions=True)
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return sum(each for each in done if isinstance(each, int))


@dataclass(frozen=True, slots=True)
class _Hand:
    """Claims, sends and records, one batch after the other. See `deliver_due`."""

    database: Database
    channel_of: ChannelOf
    lanes: Sequence[Lane]
    lease: timedelta
    now: Callable[[], datetime]
    jitter: Callable[[], float]
    receipt: Receipts | None
    words: Wording | None
    seen: Callable[[Sequence[Answer], datetime], None]

    @property
    def has_bulk(self) -> bool:
        return Lane.BULK in self.lanes

    async def go_on(self, due: Sequence[Due]) -> int:
        """Deliver these, and what is due then, until it is less than a claim takes; so many batches at most."""
        sent = 0
        for _ in range(_BATCHES):
            due = due or await self.claim()
            sent += await self.deliver(due)
            if len(due) < MOST_AT_ONCE:
                break
            due = ()
        return sent

    async def claim(self) -> list[Due]:
        due: list[Due] = []
        most = MOST_OF_BULK if self.has_bulk else MOST_AT_ONCE
        for claim in (claim_tries, claim_notices):  # apart: each locks rings of caps in one order
            async with self.database.sweeping() as sweeping:
                due += await claim(sweeping, self.now(), most, self.lease, lanes=self.lanes)
        return due

    async def deliver(self, due: Sequence[Due]) -> int:
        deadline = min(LONGEST_SEND, self.lease * 2 / 3)
        sends = [_answer(self.channel_of, self.receipt, each, deadline) for each in await _worded(self.words, due)]
        if not sends:
            sends = [_unsaid(each) for each in due]
        async with aclosing(_answers(sends)) as groups:
            async for answers in groups:
                async with self.database.sweeping() as sweeping:
                    await record_outcomes(sweeping, answers, self.now(), self.jitter)
                self.seen(answers, self.now())
        return len(due)


async def _worded(words: Wording | None, due: Sequence[Due]) -> Sequence[Due]:
    """None of them where words cannot be had: what sells has its stop below it, or is not sent."""
    if words is None or not due:
        return due
    try:
        return await words(due)
    except Exception as error:  # noqa: BLE001  provably nothing has left: a lease that runs out would leave that open
        log_failure("push words", error)
        return []


async def _unsaid(due: Due) -> Answer:
    return Answer(due, Outcome(Result.NOT_SENT, "no-words"))


async def _answers(sends: Sequence[Coroutine[Any, Any, Answer]]) -> AsyncGenerator[list[Answer]]:
    """Send all at once; give the answers in groups of those that came within a blink of each other."""
    came: list[asyncio.Task[Answer]] = []
    some = asyncio.Event()

    def ended(task: asyncio.Task[Answer]) -> None:
        came.append(task)
        some.set()

    tasks = [asyncio.create_task(send) for send in sends]
    for task in tasks:
        task.add_done_callback(ended)
    left = len(tasks)
    try:
        while left:
            await some.wait()
            if len(came) < left:
                await asyncio.sleep(_GROUP_SECONDS)
            group, came[:] = came[:], ()
            some.clear()
            left -= len(group)
            yield [task.result() for task in group]
    finally:
        for task in tasks:
            task.cancel()


async def _answer(channel_of: ChannelOf, receipt: Receipts | None, due: Due, deadline: timedelta) -> Answer:
    """What became of one message. A mistake of one must not stop the others, nor come back for ever."""
    message = due.message
    if receipt and (said := receipt(due)):
        message = replace(message, receipt=said)
    try:
        channel = channel_of(due)
    except Exception as error:  # noqa: BLE001  see above; nothing has left
        log_failure("push line", error)
        return Answer(due, Outcome(Result.CONFIG, "no-channel"))
    try:
        return Answer(due, await channel.send(due.target, message, deadline))
    except Exception as error:  # noqa: BLE001  an adapter's own mistake: whether it left is unknown
        log_failure("push", error)
        return Answer(due, Outcome(Result.AMBIGUOUS, "adapter-failed"))
