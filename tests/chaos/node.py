"""The nodes of the proof: processes of their own, forked from one that has built the application, so up at once."""

import asyncio
import logging
import multiprocessing
import os
import random
import signal
import socket
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import NamedTuple

import uvicorn

from api.app import create_app
from api.ports import Ports
from cabinet.seal import Seal
from chat.conversation import LARGEST_HEARD, Rate
from chat.hub import Hub
from chat.wakeups import Wakeups
from core.database import Database
from identity.commands import Keys
from media.folder import FolderStorage
from push.printed import Printed, PrintedTexts
from tests.chaos.failpoints import Death, DyingDatabase, DyingWakeups, Failpoint
from tests.chaos.mutants import MUTANTS
from tests.world import HOST, SECRET

UNHURRIED = Rate(1_000_000, 0.000_001)
_LOOK_SECONDS = 0.01
ERRORS = "errors.log"
"""Beside the nodes' files: what they could not answer for."""
_NOWHERE = "postgresql://nowhere/nothing"
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["tests.chaos.node"])


def begin_to_import() -> None:
    """Let the process that all nodes come from import everything, while we do something else."""
    ensure_running()


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is told at its start. `at`: the how-manieth time a failpoint is the last."""

    url: str
    deaf: bool = False
    mutant: str = ""
    failpoint: Failpoint = Failpoint.NEVER
    at: int = 0


class _Up(NamedTuple):
    number: int
    port: int
    pid: int


class _Gone(NamedTuple):
    number: int


def ports_of(database: Database, bus: Wakeups, folder: Path, *, sweep_seconds: float = 1.0) -> Ports:
    """Of a node that pings soon and lets everybody in from one address."""
    return Ports(
        database=database,
        keys=Keys(SECRET),
        texts=PrintedTexts(Printed(folder / "printed.jsonl")),
        storage=FolderStorage(folder / "files"),
        hub=Hub(database, bus, sweep_seconds=sweep_seconds, ping_seconds=3.0, handshakes=UNHURRIED),
        public_url=HOST,
        seal=Seal.from_secret(SECRET),
    )


def served(ports: Ports) -> uvicorn.Server:
    """The server as `enamel serve` configures it."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(ports, {"127.0.0.1"}),
            ws="websockets-sansio",
            ws_max_size=LARGEST_HEARD,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            access_log=False,
            log_config=None,
            timeout_graceful_shutdown=1,
        )
    )


@dataclass(frozen=True, slots=True)
class _Seed:
    """A node that is built and not yet alive: it has no loop, no connection and no address of a database."""

    death: Death
    database: DyingDatabase
    bus: DyingWakeups
    server: uvicorn.Server

    def live(self, settings: NodeSettings, door: socket.socket) -> None:
        """Become the node of these settings. What forked nodes must not share is made anew: chance, names, pools."""
        random.seed()
        self.database.__init__(settings.url, self.death)  # type: ignore[misc]
        self.bus.__init__(settings.url, self.death, deaf=settings.deaf)  # type: ignore[misc]
        self.death.await_at(settings.failpoint, settings.at)
        if settings.mutant:
            MUTANTS[settings.mutant]()
        self.server.run(sockets=[door])


def _seed(folder: Path) -> _Seed:
    death = Death()
    database, bus = DyingDatabase(_NOWHERE, death), DyingWakeups(_NOWHERE, death)
    return _Seed(death, database, bus, served(ports_of(database, bus, folder)))


def _bear_nodes(folder: Path, asked: Connection) -> None:
    """The process all nodes are forked from: builds the application once, says who is up and who is gone."""
    logging.basicConfig(filename=folder / ERRORS, level=logging.ERROR)
    seed = _seed(folder)
    children: dict[int, int] = {}
    while True:
        if asked.poll(_LOOK_SECONDS):
            try:
                number, settings = asked.recv()
            except EOFError:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                os._exit(0)
            up = _forked(number, settings, seed, asked)
            children[up.pid] = number
            asked.send(up)
        pid = os.waitpid(-1, os.WNOHANG)[0] if children else 0
        if pid:
            asked.send(_Gone(children.pop(pid)))


def _forked(number: int, settings: NodeSettings, seed: _Seed, asked: Connection) -> _Up:
    door = socket.create_server(("127.0.0.1", 0), backlog=256)
    pid = os.fork()
    if not pid:
        asked.close()
        try:
            seed.live(settings, door)
        finally:
            os._exit(1)
    port: int = door.getsockname()[1]
    door.close()
    return _Up(number, port, pid)


class Node:
    """One node's place: whatever process lives there now."""

    def __init__(self) -> None:
        self.port = self.pid = 0
        self.deaths = 0
        self.up, self.gone = asyncio.Event(), asyncio.Event()


class Nodes:
    """Places for nodes, and the process they come from. Close it inside a loop."""

    def __init__(self, folder: Path, count: int = 2) -> None:
        self.folder = folder
        self.places = [Node() for _ in range(count)]
        self._is_orphaned = False
        self._ours, theirs = _FORKS.Pipe()
        self._mother = _FORKS.Process(target=_bear_nodes, args=(folder, theirs), daemon=True)
        self._mother.start()
        theirs.close()

    async def start(self, number: int, settings: NodeSettings) -> None:
        """Put a node there, where none is."""
        node = self.places[number]
        node.up.clear()
        node.gone.clear()
        asyncio.get_running_loop().add_reader(self._ours.fileno(), self._hear)
        self._ours.send((number, settings))
        await node.up.wait()
        assert not self._is_orphaned, "the process that all nodes come from has ended"

    def _hear(self) -> None:
        try:
            self._hear_all()
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._ours.fileno())
            self._is_orphaned = True
            for node in self.places:
                node.pid = 0
                node.up.set()
                node.gone.set()

    def _hear_all(self) -> None:
        while self._ours.poll():
            told = self._ours.recv()
            node = self.places[told.number]
            if isinstance(told, _Up):
                node.port, node.pid = told.port, told.pid
                node.up.set()
            else:
                node.deaths += 1
                node.pid = 0
                node.gone.set()

    def kill(self, number: int, sign: int) -> bool:
        """Whether there was somebody to kill."""
        if pid := self.places[number].pid:
            os.kill(pid, sign)  # its mother has not yet buried it, so the number is nobody else's
        return bool(pid)

    async def kill_all(self) -> None:
        """Until every place is empty."""
        for number, node in enumerate(self.places):
            if self.kill(number, signal.SIGKILL):
                await node.gone.wait()

    async def close(self) -> None:
        await self.kill_all()
        asyncio.get_running_loop().remove_reader(self._ours.fileno())
        self._ours.close()
        await asyncio.to_thread(self._mother.join)
        self._mother.close()
