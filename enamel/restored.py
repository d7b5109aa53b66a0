"""Says that the database was put back from a backup: devices then forget what they hold, and begin anew."""

import asyncio

from core.clock import now
from core.database import Database
from core.epoch import begin_epoch
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.start import postgres


def restored(settings: Settings) -> int:
    """Begin another epoch. Nodes may run meanwhile: within a second they send their sockets away to come back."""
    with postgres(settings) as server:
        check_schema(server.url)
        asyncio.run(begin_anew(server.url))
    print("from now on devices begin anew")
    return 0


async def begin_anew(database_url: str) -> None:
    database = Database(database_url, pool=1)
    try:
        async with database.sweeping() as sweeping:
            await begin_epoch(sweeping, now())
    finally:
        await database.close()
