"""Wakes nodes over a NATS server: for many nodes, or where no connection can LISTEN."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from chat.wakeups.gathered import GatheredWakeups, Line, Tell

_SUBJECT = "enamel.chat"
_SECONDS = 5


class NatsWakeups(GatheredWakeups):
    """One connection a node. `nats://`, or `tls://`; several servers of a cluster are divided by commas.

    `ping_seconds`: how often it is asked whether it still lives; it is given up after two answers that did not come.
    """

    lost = (Error, OSError, TimeoutError, asyncio.IncompleteReadError)

    def __init__(self, url: str, *, pause_seconds: float = 1.0, ping_seconds: int = 10) -> None:
        super().__init__(pause_seconds=pause_seconds)
        self._servers = url.split(",")
        self._ping_seconds = ping_seconds

    @asynccontextmanager
    async def _connected(self, tell: Tell, wake: Callable[[], None]) -> AsyncIterator[Line]:
        async def told(message: Msg) -> None:
            tell(message.data.decode(errors="replace"))

        async def over() -> None:
            wake()

        client = Client()

        async def send(text: str) -> None:
            await client.publish(_SUBJECT, text.encode())
            await client.flush(_SECONDS)  # so that what comes meanwhile goes together

        try:
            # One round over the servers each time: connecting again is the owner's, who says so.
            async with asyncio.timeout(2 * _SECONDS):
                await client.connect(
                    self._servers, connect_timeout=_SECONDS, no_echo=True, allow_reconnect=False,
                    max_reconnect_attempts=1, reconnect_time_wait=0, ping_interval=self._ping_seconds,
                    max_outstanding_pings=2, error_cb=_quietly, disconnected_cb=over, closed_cb=over,
                )  # fmt: skip
            await client.subscribe(_SUBJECT, cb=told)
            await client.flush(_SECONDS)
            yield Line(send, lambda: not client.is_connected)
        finally:
            await _closed(client)


async def _closed(client: Client) -> None:
    with suppress(Error, OSError, TimeoutError):
        await client.close()


async def _quietly(_error: Exception) -> None:
    """Its own way is to log the error with its words, which may hold an address with a password."""
