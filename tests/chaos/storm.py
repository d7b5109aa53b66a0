"""Real processes in bad weather: nodes killed where it hurts, lines cut, PostgreSQL crashed, frozen and cut off."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import ClassVar

import asyncpg

from core.embedded_postgres import EmbeddedPostgres, create_database
from tests.chaos.devices import Device, make_devices
from tests.chaos.failpoints import KILLING, Failpoint
from tests.chaos.lines import Line
from tests.chaos.node import Nodes, NodeSettings
from tests.chaos.people import People, made_people
from tests.chaos.truth import behind, read_table, unsaid, violations
from tests.conftest import make_schema as schema_at

DATABASE = "enamel_chaos"
CUT_EACH_SECOND = 0.3
PATIENTS, STAFF = 10, 5
_PATIENCE_SECONDS = 30
_DIES_WITHIN_SECONDS = 30
# Only a node that speaks can die of speaking.
_SPEAKING = (Failpoint.AFTER_ACK, Failpoint.AFTER_NOTIFY)


class Cluster:
    """A PostgreSQL of its own, which may be crashed, and the address of a database in it."""

    def __init__(self, folder: Path) -> None:

        self._folder = folder
        self._server = EmbeddedPostgres.start(folder, durable=True)
        self.url = self._server.url(DATABASE)

    def make_schema(self) -> None:
        asyncio.run(create_database(self._server, DATABASE))
        schema_at(self.url)

    def crash(self) -> None:
        """An immediate shutdown, and a start that recovers from the log."""
        process = self._server.process
        assert process is not None
        process.send_signal(signal.SIGQUIT)
        process.wait()
        self._server = EmbeddedPostgres.start(self._folder, durable=True)

    async def freeze(self, seconds: float) -> None:
        """Every process of the server stands still for that long."""
        pids = self._pids()
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(seconds)
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    async def kill_listeners(self) -> None:
        """The connections that LISTEN end, as when a proxy between was restarted."""
        connection = await asyncpg.connect(self.url)
        await connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'enamel:wakeups'"
        )
        await connection.close()

    async def copy(self, name: str) -> str:
        """The address of another database like this one, which nobody may use meanwhile."""
        connection = await asyncpg.connect(self._server.url("postgres"))
        try:
            await connection.execute(f'create database "{name}" template "{DATABASE}"')
        finally:
            await connection.close()
        return self._server.url(name)

    def stop(self) -> None:
        self._server.stop()

    def _pids(self) -> list[int]:
        process = self._server.process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        return [process.pid, *map(int, children)]


@dataclass
class Weather:
    """What happens when. `troubles` are told in seconds from the start; sockets are cut all the time."""

    seconds: float
    pause: float
    seed: int
    troubles: list[tuple[float, str]] = field(default_factory=list)


@dataclass
class Report:
    """What came of it."""

    faults: list[str]
    messages: int
    cuts: int
    deaths: int
    """Of nodes, beside the kills we sent: at failpoints, or because PostgreSQL was away when they started."""
    reconnects: int
    seconds: float


class Storm:
    """Two nodes behind bad lines, and thirty devices."""

    def __init__(self, cluster: Cluster, people: People, nodes: Nodes, weather: Weather) -> None:
        self._cluster, self._people, self._nodes, self._weather = cluster, people, nodes, weather
        self._chance = Random(weather.seed)  # noqa: S311  a run can be repeated
        self._lines = [Line(partial(getattr, node, "port")) for node in nodes.places]
        self._devices: list[Device] = []
        self._next = [Failpoint.NEVER, Failpoint.NEVER]
        self._armed = 0

    async def rage(self) -> Report:
        begun_at = time.monotonic()
        async with self._standing():
            addresses = [await line.open() for line in self._lines]
            self._devices = make_devices(self._people, addresses, self._weather.seed)
            for device in self._devices:
                device.start()
            try:
                await self._weathered()
                faults = await self._calmed()
            finally:
                for device in self._devices:
                    await device.stop()
                for line in self._lines:
                    await line.close()
        return self._report(faults, time.monotonic() - begun_at)

    @asynccontextmanager
    async def _standing(self) -> AsyncIterator[None]:
        places = range(len(self._nodes.places))
        keepers = [asyncio.create_task(self._keep(number)) for number in places]
        try:
            for node in self._nodes.places:
                await node.up.wait()
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()
            await asyncio.gather(*keepers, return_exceptions=True)

    async def _keep(self, number: int) -> None:
        """After each death another node, with the bus that the last one did not have. A death may await it too."""
        node, settings = self._nodes.places[number], NodeSettings(self._cluster.url)
        while True:
            await self._nodes.start(number, settings)
            await node.gone.wait()
            failpoint, self._next[number] = self._next[number], Failpoint.NEVER
            deaf = failpoint not in _SPEAKING and not settings.deaf
            at = self._chance.randint(1, 3)
            settings = NodeSettings(self._cluster.url, deaf, failpoint=failpoint, at=at)

    async def _weathered(self) -> None:
        tasks = [asyncio.create_task(device.talk(self._weather.pause)) for device in self._devices]
        tasks += [asyncio.create_task(self._cut()), asyncio.create_task(self._trouble())]
        try:
            await asyncio.sleep(self._weather.seconds)
            await tasks[-1]
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for each in ended:
            if isinstance(each, Exception):
                raise each

    async def _cut(self) -> None:
        while True:
            await asyncio.sleep(1.0)
            for line in self._lines:
                line.cut(CUT_EACH_SECOND, self._chance)

    async def _trouble(self) -> None:
        begun = time.monotonic()
        for at, what in self._weather.troubles:
            await asyncio.sleep(max(begun + at - time.monotonic(), 0))
            if what in KILLING:
                await self._kill(Failpoint(what))
            else:
                await self._TROUBLES[what](self)

    async def _kill(self, failpoint: Failpoint) -> None:
        """A node is killed, and the one after it dies at this point of a send: both before we go on."""
        number = self._armed % len(self._next)
        node, self._next[number] = self._nodes.places[number], failpoint
        before = node.deaths
        if self._nodes.kill(number, signal.SIGKILL):
            self._armed += 1
            self._lines[1 - number].cut(0.5, self._chance)  # or they would all stay with the other one
            async with asyncio.timeout(_DIES_WITHIN_SECONDS):  # else the failpoint is at no place that is ever passed
                while node.deaths < before + 2:  # noqa: ASYNC110  another process sets no event of ours
                    await asyncio.sleep(0.02)

    async def _calmed(self) -> list[str]:
        """Everybody comes back; when all have everything, the table is compared."""
        clinic_id = self._people.party.clinic_id
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            late = unsaid(self._devices)
            table = await read_table(self._cluster.url, clinic_id)
            late += behind(table, self._devices)
            if not late or time.monotonic() > deadline:
                return [*late, *violations(table, self._devices, begun=len(self._people.patients))]
            await asyncio.sleep(0.2)

    def _report(self, faults: list[str], seconds: float) -> Report:
        return Report(
            faults,
            messages=sum(len(device.said) for device in self._devices),
            cuts=sum(line.cuts for line in self._lines),
            deaths=sum(node.deaths for node in self._nodes.places) - self._armed,
            reconnects=sum(device.client.reconnects for device in self._devices),
            seconds=seconds,
        )

    async def _crash(self) -> None:
        self._cluster.crash()

    async def _freeze(self) -> None:
        await self._cluster.freeze(1.0)

    async def _freeze_long(self) -> None:
        await self._cluster.freeze(5.0)

    async def _deafen(self) -> None:
        await self._cluster.kill_listeners()

    _TROUBLES: ClassVar[dict[str, Callable[["Storm"], Awaitable[None]]]] = {
        "postgresql crashes": _crash,
        "postgresql stands still": _freeze,
        "postgresql stands still for long": _freeze_long,
        "listeners are cut off": _deafen,
    }


async def raged(cluster: Cluster, nodes: Nodes, weather: Weather) -> Report:
    """One storm over a clinic of its own."""
    people = await made_people(cluster.url, patients=PATIENTS, staff=STAFF)
    try:
        return await Storm(cluster, people, nodes, weather).rage()
    finally:
        await nodes.kill_all()
