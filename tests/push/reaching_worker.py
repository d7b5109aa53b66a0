"""A worker's process with the delivering loops alone, over lines whose twin keeps every message in one file."""

import asyncio
import os
import random
from datetime import timedelta
from pathlib import Path

from core.database import Database
from enamel.worker.push import ChannelOf, deliver_due, only
from push.channel import Message, Target
from push.kinds import Lane
from push.outcome import Outcome
from tests.push.lines import Kept

_dice = random.SystemRandom()


class Slow(Kept):
    """Takes a message at once and answers a little later: what is killed in between does not know that it is there."""

    async def send(self, target: Target, message: Message, deadline: timedelta) -> Outcome:
        answer = await super().send(target, message, deadline)
        await asyncio.sleep(_dice.uniform(0.0, 0.2))
        return answer


async def _work() -> None:
    database, channel = Database(os.environ["PUSH_DATABASE"], pool=4), Slow(Path(os.environ["PUSH_FILE"]))
    lease = timedelta(seconds=float(os.environ["PUSH_LEASE"]))
    await asyncio.gather(*(_loop(database, only(channel), lane, lease) for lane in Lane))


async def _loop(database: Database, channel_of: ChannelOf, lane: Lane, lease: timedelta) -> None:
    while True:
        if not await deliver_due(database, channel_of, lanes=[lane], lease=lease):
            await asyncio.sleep(0.05)


def main() -> None:
    asyncio.run(_work())
