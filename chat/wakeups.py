"""The bus that wakes other nodes: ids only, after the commit, and allowed to lose everything.

What it loses, each node's sweep finds within a second (`chat.hub`). `PostgresWakeups` speaks NOTIFY on a
connection of its own and never inside a message's transaction: there it takes a lock of the whole cluster
until the commit is on disk.
"""

import asyncio
import base64
import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any, Protocol
from uuid import UUID

import asyncpg
from sqlalchemy import make_url

from chat.log import Thread
from core.database import APP_ROLE

Heard = Callable[[Collection[Thread]], None]

_CHANNEL = "enamel_chat"
_ID = 16
# 180 threads of 32 bytes are 7,680 signs of base64; PostgreSQL takes fewer than 8,000.
MOST_AT_ONCE = 180
_LOG = logging.getLogger("enamel.chat")
_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class Wakeups(Protocol):
    """Tells other nodes that something of these threads was committed. `publish` never waits and never fails."""

    async def listen(self, heard: Heard) -> None: ...

    def publish(self, threads: Collection[Thread]) -> None: ...

    async def close(self) -> None: ...


class MemoryWakeups:
    """For one node: there is nobody else to wake."""

    async def listen(self, heard: Heard) -> None:
        """Nothing ever comes."""

    def publish(self, threads: Collection[Thread]) -> None:
        """Nobody has to hear it."""

    async def close(self) -> None:
        """Nothing is open."""


class PostgresWakeups:
    """LISTEN and NOTIFY over one connection a node, which must be direct: poolers do not carry LISTEN.

    One task owns the connection: it sends what has gathered while the last NOTIFY was under way, and
    connects again after a loss. What was to be sent meanwhile is dropped; the sweep has it.
    """

    def __init__(self, url: str, *, pause_seconds: float = 1.0) -> None:
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        self._pause_seconds = pause_seconds
        self._waiting: dict[Thread, None] = {}
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def listen(self, heard: Heard) -> None:
        """Returns once the first LISTEN stands (or failed, and is tried again in the background)."""
        first = asyncio.Event()
        self._task = asyncio.create_task(self._run(heard, first))
        await first.wait()

    def publish(self, threads: Collection[Thread]) -> None:
        self._waiting.update(dict.fromkeys(threads))
        self._work.set()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self, heard: Heard, first: asyncio.Event) -> None:
        while True:
            try:
                await self._while_connected(heard, first)
            except _LOST as error:
                _LOG.warning("wake-ups interrupted: %s", type(error).__name__)
            first.set()
            self._waiting.clear()
            await asyncio.sleep(self._pause_seconds)

    async def _while_connected(self, heard: Heard, first: asyncio.Event) -> None:
        settings = {"role": APP_ROLE, "application_name": "enamel:wakeups"}
        connection = await asyncpg.connect(self._url, server_settings=settings, timeout=5, command_timeout=5)
        own = connection.get_server_pid()

        def told(_: Any, sender: int, __: str, payload: str) -> None:
            if sender != own:
                heard(threads_of(payload))

        try:
            connection.add_termination_listener(lambda _: self._work.set())
            await connection.add_listener(_CHANNEL, told)
            first.set()
            while not connection.is_closed():
                await self._work.wait()
                self._work.clear()
                await self._send_gathered(connection)
        finally:
            connection.terminate()

    async def _send_gathered(self, connection: asyncpg.Connection) -> None:
        while self._waiting and not connection.is_closed():
            batch = list(self._waiting)[:MOST_AT_ONCE]
            for thread in batch:
                del self._waiting[thread]
            await connection.execute("select pg_notify($1, $2)", _CHANNEL, payload_of(batch))


def payload_of(threads: Collection[Thread]) -> str:
    """Ids as one text: 32 bytes a thread, base64."""
    return base64.b64encode(b"".join(part.bytes for thread in threads for part in thread)).decode()


def threads_of(payload: str) -> list[Thread]:
    """The inverse; what is no such text names nobody."""
    try:
        raw = base64.b64decode(payload, validate=True)
    except ValueError:
        return []
    ids = [UUID(bytes=raw[start : start + _ID]) for start in range(0, len(raw) - len(raw) % (2 * _ID), _ID)]
    return [Thread(*pair) for pair in zip(ids[::2], ids[1::2], strict=True)]
