"""Wakes nodes by LISTEN and NOTIFY.

NOTIFY goes over a connection of its own and never inside a message's transaction: there it takes a lock of the whole
cluster until the commit is on disk.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from sqlalchemy import make_url

from chat.wakeups.gathered import GatheredWakeups, Line, Tell
from core.connection_loss import CONNECTION_LOST
from core.database import APP_ROLE

_CHANNEL = "enamel_chat"


class PostgresWakeups(GatheredWakeups):
    """One connection a node, which must be direct: poolers do not carry LISTEN."""

    lost = (asyncpg.PostgresError, *CONNECTION_LOST)

    def __init__(self, url: str, *, pause_seconds: float = 1.0) -> None:
        super().__init__(pause_seconds=pause_seconds)
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    @asynccontextmanager
    async def _connected(self, tell: Tell, wake: Callable[[], None]) -> AsyncIterator[Line]:
        settings = {"role": APP_ROLE, "application_name": "enamel:wakeups"}
        connection = await asyncpg.connect(self._url, server_settings=settings, timeout=5, command_timeout=5)

        def told(_: Any, __: int, ___: str, payload: str) -> None:
            tell(payload)

        async def send(text: str) -> None:
            await connection.execute("select pg_notify($1, $2)", _CHANNEL, text)

        try:
            connection.add_termination_listener(lambda _: wake())
            await connection.add_listener(_CHANNEL, told)
            yield Line(send, connection.is_closed)
        finally:
            connection.terminate()
