"""The connection that is kept for whoever makes one trip after the other.

To take a connection from a pool and to give it back costs a message of the chat a tenth of its way: there is much code
in it, which is cold whenever PostgreSQL ran on the same core meanwhile. So of all that go around the pool's sessions
(one statement each, as its own transaction) the last one leaves its connection here.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.ext.asyncio import AsyncEngine

T = TypeVar("T")


class KeptConnection:
    """Trips of one engine, over the connection that is kept where nobody has it, else over another of the pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        self._is_over = False

    async def asked(self, question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """The answer to one statement, its own transaction, of a connection that nobody else has meanwhile."""
        connection = await self._taken()
        try:
            answer = await question(_driver(connection))
        except asyncpg.PostgresError:
            self._give_back(connection)  # PostgreSQL refused the statement; the connection is as good as before
            raise
        except BaseException:
            connection.invalidate()  # cancelled or torn: what the server still sends belongs to nobody
            raise
        self._give_back(connection)
        return answer

    async def _taken(self) -> PoolProxiedConnection:
        """One that PostgreSQL closed while it lay here is not given out again."""
        kept, self._connection = self._connection, None
        if kept is not None:
            if not _driver(kept).is_closed():
                return kept
            kept.invalidate()
        return await self._engine.raw_connection()

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        if self._connection is None and not self._is_over and not _driver(connection).is_closed():
            self._connection = connection
        else:
            connection.close()

    def close(self) -> None:
        """Keep none any more; what is out still goes to the pool."""
        self._is_over = True
        kept, self._connection = self._connection, None
        if kept is not None:
            kept.close()


def _driver(connection: PoolProxiedConnection) -> asyncpg.Connection:
    driver = connection.driver_connection
    assert driver is not None
    return driver
