"""What every test stands on: the database between tests, and the two clinics in it."""

import time
from collections.abc import Awaitable, Callable

import asyncpg
from sqlmodel import SQLModel

from tests.world import Party

STANDS_SECONDS = 60.0
"""The tokens of a party live longer, and what happened `now` is not yet long ago."""


class Ground:
    """The database between tests, and the two clinics that stand in it.

    To make them costs more than most tests, and most tests only ask: where no transaction was given a number since they
    were made, nothing was written, and the next test stands in the same clinics.
    """

    def __init__(self, owner: asyncpg.Connection) -> None:
        self._owner = owner
        self._parties: tuple[Party, Party] | None = None
        self._made_at = 0.0
        self._next: object = None

    async def parties(self, make: Callable[[], Awaitable[tuple[Party, Party]]]) -> tuple[Party, Party]:
        if time.monotonic() > self._made_at + STANDS_SECONDS:
            await self.clear()
        if self._parties is None:
            self._parties, self._made_at = await make(), time.monotonic()
            self._next = await self._next_transaction()
        return self._parties

    async def settle(self) -> None:
        """After a test: empty, unless nothing was written."""
        if self._parties is None or self._next != await self._next_transaction():
            await self.empty()

    async def clear(self) -> None:
        """Nobody stands here any more."""
        if self._parties is not None:
            await self.empty()

    async def empty(self) -> None:
        """Every table in one trip."""
        self._parties = None
        await self._owner.execute(";".join(str(table.delete()) for table in SQLModel.metadata.tables.values()))

    async def _next_transaction(self) -> object:
        return await self._owner.fetchval("select pg_snapshot_xmax(pg_current_snapshot())::text")
