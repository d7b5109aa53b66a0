"""A worker's process with the loops of privacy alone: `python -m tests.enamel.privacy_worker URL FOLDER`."""

import asyncio
import sys
from pathlib import Path

from core.clock import now
from core.database import Database
from enamel.worker.privacy import carry_out_erasures, make_copies
from enamel.worker.process import Loop, run_worker, stop_on_signals
from media.folder import FolderStorage

PAUSE_SECONDS = 0.05


async def work(url: str, folder: Path) -> None:
    database, storage = Database(url, pool=2), FolderStorage(folder)
    loops = [
        Loop("copies", lambda: make_copies(database, storage, now()), PAUSE_SECONDS),
        Loop("erasures", lambda: carry_out_erasures(database, storage, now()), PAUSE_SECONDS),
    ]
    await run_worker(loops, stop_on_signals())
    await database.close()


if __name__ == "__main__":
    asyncio.run(work(sys.argv[1], Path(sys.argv[2])))
