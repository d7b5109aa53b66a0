"""What every node asks every second costs what is new, and not what was ever said."""

import asyncio

from chat import each_second
from chat.each_second import Question, ask
from chat.wakeups import MemoryWakeups
from core.clock import now
from tests.chat.listening import SOON, joined_desk, phone_of, running
from tests.chat.speaking import change_row, patient_of, rows, say
from tests.conftest import Queries
from tests.world import World

_MANY = """
insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
select c.clinic_id, c.id, 's', 100 + n, 'none', '{}', now() from conversation c, generate_series(1, 4000) n
"""


async def test_what_is_new_is_found_by_its_transaction_however_long_the_log_is(world: World) -> None:
    """Even while PostgreSQL has not counted how long it is."""
    await say(world, patient_of(world, world.here), "Ciao")
    await change_row(world, _MANY)
    horizon = (await ask(world.database, Question(now()))).horizon
    async with world.database.sweeping() as sweeping:
        connection = await sweeping.connection()
        plan = await connection.exec_driver_sql("explain " + each_second._THREADS.replace("$1", f"'{horizon}'"))
        told = "\n".join(row[0] for row in plan)
    found, _, joined = told.partition("\n  ->  ")
    assert "CTE recent" in found, "looked for before anything is joined to it"
    assert "chat_event_xid" in found
    assert "conversation " not in found
    assert "chat_event" not in joined


async def test_a_thread_is_told_once_with_where_each_log_stands(world: World) -> None:
    anna = patient_of(world, world.here)
    before = (await ask(world.database, Question(now()))).horizon
    for number in range(3):
        await say(world, anna, str(number))
    changes = await ask(world.database, Question(now(), before))
    [(revs,)] = await rows(world, "select array_agg((log, rev)::text order by log, rev) from chat_event")
    stands = {(log, rev) for clinic, _, log, rev in changes.threads if clinic == world.here.clinic_id}
    assert len(stands) == 2
    assert all(f"({log},{rev})" in revs for log, rev in stands)
    assert max(rev for log, rev in stands if log == "s") == 3


async def test_all_that_is_asked_for_all_sockets_is_one_trip_a_sweep(world: World, at_most: Queries) -> None:
    """Whatever changed, whoever sits where and watches whom."""
    async with running(world, MemoryWakeups(), SOON) as hub:
        hub.join(phone_of(world, world.here))
        joined_desk(hub, world, world.here)
        await asyncio.sleep(SOON * 10)  # they are told of
        with at_most(100) as seen:
            await asyncio.sleep(SOON * 10)
    assert len(seen) >= 3
    assert all("pg_snapshot_xmax" in sql and "chat_presence" in sql and "tied_xid" in sql for sql in seen)
