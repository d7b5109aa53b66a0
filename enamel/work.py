"""The worker's process: pushes, journeys, previews and chat notices, until it is told to stop."""

import asyncio
import logging
import sys
from datetime import timedelta

import uvloop

from core.database import Database
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.start import archives_of, bots_from, channel_of, payments_of, postgres, scanner_of, storage_of
from enamel.worker.loops import Tools, loops
from enamel.worker.process import run_worker, stop_on_signals
from identity.keys import Keys
from media.darkroom import Darkroom


def work(settings: Settings, *, until_stdin_closes: bool = False) -> int:
    """Run the loops until SIGTERM, SIGINT or, where asked for, the end of standard input.

    The process's exit status: 1 where a loop ended by itself.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with postgres(settings) as server:
        check_schema(server.url)
        return uvloop.run(_work(settings, server.url, until_stdin_closes=until_stdin_closes))


async def _work(settings: Settings, database_url: str, *, until_stdin_closes: bool) -> int:
    stop = stop_on_signals()
    if until_stdin_closes:
        # A parent that is killed closes nothing by hand, but the system closes its end of the pipe.
        asyncio.get_running_loop().add_reader(sys.stdin, stop.set)
    channel, payments, archives = channel_of(settings), payments_of(settings), archives_of(settings)
    bots = bots_from(settings)
    database, darkroom = Database(database_url, pool=settings.database_pool), Darkroom(settings.darkroom_processes)
    try:
        await darkroom.start()
        tools = Tools(
            database,
            channel,
            storage_of(settings),
            darkroom,
            scanner_of(settings),
            archives,
            payments,
            bots,
            arrival_key=Keys(settings.secret.get_secret_value()).secrets.arrival_key,
            push_lease=timedelta(seconds=settings.push_lease_seconds),
            journey_pause=timedelta(seconds=settings.journey_pause_seconds),
        )
        return 0 if await run_worker(loops(tools), stop) else 1
    finally:
        await darkroom.close()
        await channel.close()
        await archives.archive.close()
        await bots.http.close()
        if payments is not None:
            await payments.close()
        await database.close()
