"""A worker's process with the loop of webhooks alone."""

import asyncio

from core.clock import now
from core.database import Database
from core.settings import Settings
from enamel.start import calling_from
from enamel.worker.webhooks import make_calls


async def _work(settings: Settings) -> None:
    database, calling = Database(settings.database_url, pool=2), calling_from(settings)
    while True:
        await make_calls(database, calling, now)
        await asyncio.sleep(0.05)


def main() -> None:
    asyncio.run(_work(Settings()))
