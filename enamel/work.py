"""The worker's process: pushes, journeys, previews and chat notices, until it is told to stop."""

import asyncio
import logging
import sys
from datetime import timedelta

from core.database import Database
from core.settings import Settings
from enamel.start import channel_of, postgres, storage_of
from enamel.worker.loops import Tools, loops
from enamel.worker.process import run_worker, stop_on_signals


def work(settings: Settings, *, until_stdin_closes: bool = False) -> int:
    """Run the loops until SIGTERM, SIGINT or, where asked for, the end of standard input."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with postgres(settings) as server:
        asyncio.run(_work(settings, server.url, until_stdin_closes=until_stdin_closes))
    return 0


async def _work(settings: Settings, database_url: str, *, until_stdin_closes: bool) -> None:
    stop = stop_on_signals()
    if until_stdin_closes:
        # A parent that is killed closes nothing by hand, but the system closes its end of the pipe.
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    channel = channel_of(settings)
    database = Database(database_url, pool=settings.database_pool)
    try:
        tools = Tools(
            database,
            channel,
            storage_of(settings),
            push_lease=timedelta(seconds=settings.push_lease_seconds),
            journey_pause=timedelta(seconds=settings.journey_pause_seconds),
        )
        await run_worker(loops(tools), stop)
    finally:
        await channel.close()
        await database.close()
