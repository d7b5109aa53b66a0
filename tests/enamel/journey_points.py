"""A place in the database where a worker's transaction stops, so that it can be killed just there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from tests.enamel.test_worker_killed import until

_KEY = 20_261_124
_STALL = """create or replace function stall_here() returns trigger language plpgsql as $$
begin perform pg_advisory_xact_lock_shared(20261124); return coalesce(new, old); end $$"""
_WAITS = "select exists (select from pg_locks where locktype = 'advisory' and objid = $1 and not granted)"


@dataclass(frozen=True)
class Point:
    """Where a transaction stops: at this change of a row of `table`, or, `committing`, in its commit after it.

    Killed at a change, nothing of the transaction remains. Killed in its commit, all of it does, and nobody was told.
    """

    name: str
    table: str
    change: str
    when: str = "true"
    committing: bool = False

    def trigger(self) -> str:
        kind, moment = ("constraint ", "after") if self.committing else ("", "before")
        late = "deferrable initially deferred " if self.committing else ""
        made = f"create {kind}trigger stall_here {moment} {self.change} on {self.table} {late}for each row"
        return f"{made} when ({self.when}) execute function stall_here()"


@asynccontextmanager
async def stopped_at(owner: asyncpg.Connection, point: Point) -> AsyncIterator[None]:
    """Whoever comes to the point in the block stops there until it ends. Yields before anybody has come."""
    await owner.execute(_STALL)
    await owner.execute("select pg_advisory_lock($1)", _KEY)
    try:
        await owner.execute(point.trigger())
        yield
    finally:
        await owner.execute("select pg_advisory_unlock($1)", _KEY)
        await owner.execute(f"drop trigger if exists stall_here on {point.table}")


async def somebody_stopped(owner: asyncpg.Connection) -> None:
    async def waits() -> bool:
        return bool(await owner.fetchval(_WAITS, _KEY))

    await until(waits)
