"""What every node asks every second costs what is new, and not what was ever said."""

from chat import watch
from tests.chat.speaking import change_row, patient_of, rows, say
from tests.world import World

_MANY = """
insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
select c.clinic_id, c.id, 's', 100 + n, 'none', '{}', now() from conversation c, generate_series(1, 4000) n
"""


async def test_what_is_new_is_found_by_its_transaction_however_long_the_log_is(world: World) -> None:
    """Even while PostgreSQL has not counted how long it is."""
    await say(world, patient_of(world, world.here), "Ciao")
    await change_row(world, _MANY)
    horizon = (await watch.changes_since(world.database, None)).horizon
    async with world.database.sweeping() as sweeping:
        connection = await sweeping.connection()
        plan = await connection.exec_driver_sql("explain " + watch._CHANGES.replace("$1", f"'{horizon}'"))
        told = "\n".join(row[0] for row in plan)
    found, _, joined = told.partition("InitPlan")
    assert "CTE recent" in found, "looked for before anything is joined to it"
    assert "chat_event_xid" in found
    assert "conversation " not in found
    assert "chat_event" not in joined


async def test_a_thread_is_told_once_with_where_each_log_stands(world: World) -> None:
    anna = patient_of(world, world.here)
    before = (await watch.changes_since(world.database, None)).horizon
    for number in range(3):
        await say(world, anna, str(number))
    changes = await watch.changes_since(world.database, before)
    [(revs,)] = await rows(world, "select array_agg((log, rev)::text order by log, rev) from chat_event")
    stands = {(log, rev) for clinic, _, log, rev in changes.threads if clinic == world.here.clinic_id}
    assert len(stands) == 2
    assert all(f"({log},{rev})" in revs for log, rev in stands)
    assert max(rev for log, rev in stands if log == "s") == 3
