"""One connection is kept for whoever asks again, and nobody is worse off for it."""

import asyncio

import asyncpg

from core.database import Database, Scope

_OURS = "select pg_backend_pid()::text"
_SLOW = "select pg_sleep(0.1)::text"


async def test_whoever_asks_again_gets_the_same_connection_and_who_comes_meanwhile_another(migrated: str) -> None:
    database = Database(migrated, pool=2)
    first = await database.trip(_OURS)
    _, other = await asyncio.gather(database.trip(_SLOW), database.trip(_OURS))
    assert other != first
    assert await database.trip(_OURS) in (first, other)
    await database.close()


async def test_one_that_was_cut_while_it_lay_there_is_not_given_out(migrated: str) -> None:
    database = Database(migrated, pool=1)
    kept = await database.trip(_OURS)
    assert kept is not None
    killer = await asyncpg.connect(migrated)
    await killer.execute("select pg_terminate_backend($1)", int(kept))
    while await killer.fetchval("select count(*) from pg_stat_activity where pid = $1", int(kept)):  # noqa: ASYNC110  another process's end
        await asyncio.sleep(0.01)
    await killer.close()
    await asyncio.sleep(0.1)  # until it is heard of here
    assert await database.trip(_OURS) not in (None, kept)
    await database.close()


async def test_what_is_kept_is_not_missed_by_transactions(migrated: str) -> None:
    database = Database(migrated, pool=1)
    await database.trip(_OURS)
    async with asyncio.timeout(4), database.writing(Scope()) as writing:
        await writing.connection()
    await database.close()


async def test_closing_leaves_no_connection_open(migrated: str) -> None:
    database = Database(migrated, pool=2)
    backends = [await database.trip(_OURS), *await asyncio.gather(*(database.trip(_OURS) for _ in range(2)))]
    await database.close()
    killer = await asyncpg.connect(migrated)
    pids = [int(each) for each in backends if each is not None]
    async with asyncio.timeout(5):
        while await killer.fetchval("select count(*) from pg_stat_activity where pid = any($1)", pids):  # noqa: ASYNC110  the same
            await asyncio.sleep(0.01)
    await killer.close()
