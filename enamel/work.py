"""The worker's process: pushes, journeys, previews and chat notices, until it is told to stop."""

import asyncio
import gc
import logging
import sys
from datetime import timedelta

import uvloop

from automation.commands import Means
from core.database import Database
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.start import (
    archives_of,
    bots_from,
    calling_from,
    fallbacks_of,
    links_from,
    payments_of,
    postgres,
    scanner_of,
    storage_of,
    switchboard_of,
)
from enamel.worker.centers import keeping
from enamel.worker.loops import Tools, loops
from enamel.worker.metrics import Metrics
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
    payments, archives, bots = payments_of(settings), archives_of(settings), bots_from(settings)
    calling = calling_from(settings)
    database, darkroom = Database(database_url, pool=settings.database_pool), Darkroom(settings.darkroom_processes)
    board = switchboard_of(settings, fallbacks_of(settings), keeping(database))
    metrics = Metrics()
    if settings.metrics_port:
        metrics.serve(settings.metrics_host, settings.metrics_port)
    try:
        await darkroom.start()
        secrets = Keys(settings.secret.get_secret_value()).secrets
        tools = Tools(
            database, board, storage_of(settings), darkroom, scanner_of(settings), archives, payments, bots, calling,
            arrival_key=secrets.arrival_key,
            means=Means(secrets),
            links=links_from(settings),
            metrics=metrics,
            push_lease=timedelta(seconds=settings.push_lease_seconds),
            journey_pause=timedelta(seconds=settings.journey_pause_seconds),
        )  # fmt: skip
        # What was loaded until now stays: no collection need look through it again, which takes a tenth of a second.
        gc.collect()
        gc.freeze()
        return 0 if await run_worker(loops(tools), stop) else 1
    finally:
        for each in (darkroom, board, archives.archive, bots.http, calling.http):
            await each.close()
        if payments is not None:
            await payments.close()
        await database.close()
