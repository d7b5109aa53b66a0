"""A process of ours whose storage stops at a chosen line and stays there, to be killed: the API, or the worker.

`python -m tests.enamel.stalling api|worker <database url> <folder> <method> before|after`: at the first call of that
method of the storage it says `stalled` and waits. The API says its port before that.
"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

import uvicorn

from api.app import create_app
from api.ports import Ports
from cabinet.seal import Seal
from chat.hub import Hub
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.database import Database
from enamel.worker.media import Looking, look_into_pictures
from identity.commands import Keys
from media.darkroom import Darkroom
from media.folder import FolderStorage
from media.scanner import PlainScanner
from push.printed import Printed, PrintedTexts
from tests.world import HOST, SECRET


class Stalling(FolderStorage):
    """The folder, but for one method, which never comes back: `before` it did anything, or `after`."""

    def __init__(self, root: Path, method: str, when: str) -> None:
        super().__init__(root)
        inner = getattr(self, method)

        async def stalls(*arguments: Any, **named: Any) -> None:
            if when == "after":
                await inner(*arguments, **named)
            _say("stalled")
            await asyncio.Event().wait()

        setattr(self, method, stalls)


def _say(word: str) -> None:
    print(word, flush=True)  # noqa: T201  the test reads it


def main() -> None:
    role, url, folder, method, when = sys.argv[1:]
    storage = Stalling(Path(folder) / "files", method, when)
    if role == "worker":
        asyncio.run(_work(Database(url, pool=2), storage))
    else:
        _serve(Database(url, pool=4), storage, Path(folder))


async def _work(database: Database, storage: FolderStorage) -> None:
    async with Darkroom(1) as darkroom:
        while True:
            await look_into_pictures(Looking(database, storage, darkroom, PlainScanner()), now())
            await asyncio.sleep(0.05)


def _serve(database: Database, storage: FolderStorage, folder: Path) -> None:
    ports = Ports(
        database=database,
        keys=Keys(SECRET),
        texts=PrintedTexts(Printed(folder / "printed.jsonl")),
        storage=storage,
        hub=Hub(database, MemoryWakeups()),
        public_url=HOST,
        seal=Seal.from_secret(SECRET),
    )
    door = socket.create_server(("127.0.0.1", 0))
    _say(str(door.getsockname()[1]))
    server = uvicorn.Server(uvicorn.Config(create_app(ports, {"127.0.0.1"}), log_level="error"))
    server.run(sockets=[door])


if __name__ == "__main__":
    main()
