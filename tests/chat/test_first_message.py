"""A conversation that somebody else is making, or holds, is waited for by its own senders only."""

import asyncio

from chat.commands import Author, post_message
from chat.conversation import Side
from chat.log import Thread
from chat.sending import WAITING_AT_ONCE
from core.clock import now
from core.ids import new_id
from tests.chat.speaking import patient_of, say
from tests.world import World


async def test_a_conversation_that_is_being_made_holds_nobody_else(world: World) -> None:
    here, there = patient_of(world, world.here), patient_of(world, world.there)
    await say(world, there, "Ciao")
    reminder = (Author(Side.AUTOMATION, new_id()), new_id(), "Promemoria", None, now())
    async with world.database.writing(world.here.scope) as writing:
        await post_message(writing, Thread(world.here.clinic_id, world.here.patient_id), *reminder)
        stuck = [asyncio.create_task(say(world, here, f"a{n}")) for n in range(3)]
        await asyncio.sleep(0.1)  # they are on their way, and wait
        async with asyncio.timeout(3):
            free = [await say(world, there, f"b{n}") for n in range(3)]
        assert not any(task.done() for task in stuck)
    assert [each.seq for each in free] == [2, 3, 4]
    assert sorted(each.seq for each in await asyncio.gather(*stuck)) == [2, 3, 4]


async def test_those_who_wait_never_take_the_whole_pool(world: World) -> None:
    here, there = patient_of(world, world.here), patient_of(world, world.there)
    await say(world, here, "Ciao")
    await say(world, there, "Ciao")
    async with world.database.sweeping() as sweeping:  # of another pool
        await (await sweeping.connection()).exec_driver_sql(
            f"select from conversation where patient_id = '{world.here.patient_id}' for no key update"
        )
        stuck = [asyncio.create_task(say(world, here, f"a{n}")) for n in range(12)]
        await asyncio.sleep(0.2)
        assert world.database.engine.pool.checkedout() <= WAITING_AT_ONCE + 1  # type: ignore[attr-defined]
        async with asyncio.timeout(3):
            await say(world, there, "Libero")
    assert sorted(each.seq for each in await asyncio.gather(*stuck)) == list(range(2, 14))
