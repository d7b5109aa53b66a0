"""A worker that runs the campaigns of the database and nothing else: `URL AT_ONCE`."""

import asyncio
import sys

from core.clock import now
from core.database import Database
from enamel.worker.campaigns import keep_campaigns


async def work(url: str, at_once: int) -> None:
    database = Database(url, pool=2)
    while True:
        if not await keep_campaigns(database, now(), at_once):
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], int(sys.argv[2])))
