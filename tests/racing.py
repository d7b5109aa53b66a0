"""Two at once, in an order that a test says: the first stops in the middle of its transaction, the second comes."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from tests.enamel.journey_points import Point, somebody_stopped, stopped_at
from tests.enamel.test_worker_killed import until

A = TypeVar("A")
B = TypeVar("B")
_WAITS = "select exists (select from pg_locks where locktype <> 'advisory' and not granted)"


async def second_waits(
    owner: asyncpg.Connection, point: Point, first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]]
) -> tuple[A, B]:
    """The second comes while the first has stopped at the point, must wait for it, and goes on after its commit."""
    async with stopped_at(owner, point):
        stopped = asyncio.ensure_future(first())
        await somebody_stopped(owner)
        waiting = asyncio.ensure_future(second())

        async def waits() -> bool:
            assert not waiting.done(), "it did not wait"
            return bool(await owner.fetchval(_WAITS))

        await until(waits)
    return await stopped, await waiting


async def second_passes(
    owner: asyncpg.Connection, point: Point, first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]]
) -> tuple[A, B]:
    """The second comes while the first has stopped at the point, and is done before it."""
    async with stopped_at(owner, point):
        stopped = asyncio.ensure_future(first())
        await somebody_stopped(owner)
        passed = await second()
        assert not stopped.done()
    return await stopped, passed
