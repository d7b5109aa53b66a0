"""A worker's process with the bot's loop alone."""

import asyncio

from core.clock import now
from core.database import Database
from core.settings import Settings
from enamel.start import bots_from
from enamel.worker.bot import answer_waiting


async def _work(settings: Settings) -> None:
    database, bots = Database(settings.database_url, pool=2), bots_from(settings)
    while True:
        await answer_waiting(database, bots, now)
        await asyncio.sleep(0.05)


def main() -> None:
    asyncio.run(_work(Settings()))
