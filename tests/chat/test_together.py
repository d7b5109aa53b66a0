"""What is sent at the same moment goes together, and nobody suffers from a neighbour."""

import asyncio
from collections import Counter

import asyncpg
import pytest

from chat.commands import OWN, IdReused, Sent, Speaker, Target, mark, note, send
from chat.functions import ALL
from core.clock import now
from core.database import Database
from core.errors import Invalid, NotFound, Unavailable
from core.ids import new_id
from tests.chat.speaking import change_row, desk_of, patient_of, rows, say, two_nodes
from tests.conftest import Queries
from tests.world import World


async def test_what_comes_while_a_batch_is_under_way_is_one_commit(world: World, at_most: Queries) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    boris = Target(patient_id=world.here.other_patient_id)
    await say(world, desk, "Salve", boris)
    await say(world, anna, "Ciao")
    with at_most(4) as seen:
        await asyncio.gather(
            *(say(world, anna, f"a{n}") for n in range(30)), *(say(world, desk, f"b{n}", boris) for n in range(30))
        )
    assert set(seen) == {ALL}
    commits = await rows(world, "select xid::text from chat_event where kind = 'msg'")
    assert max(Counter(commits).values()) > 10
    assert await rows(world, "select count(*), count(distinct (conversation_id, seq)) from message") == [(62, 62)]


async def test_a_poisoned_frame_fails_alone(world: World) -> None:
    """What the front door would never let through: NUL, a number out of range, half a letter."""
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    poison = (
        send(world.database, anna, OWN, new_id(), "\x00", now()),
        send(world.database, anna, OWN, new_id(), "\ud800", now()),
        mark(world.database, anna, OWN, 2**40, 0, now()),
        note(world.database, desk, Target(patient_id=world.here.patient_id), new_id(), "a\x00b", now()),
        send(world.database, anna, Target(new_id()), new_id(), "?", now()),
    )
    tried = await asyncio.gather(
        *(say(world, anna, f"a{n}") for n in range(10)), *poison, *(say(world, anna, f"b{n}") for n in range(10)),
        return_exceptions=True,
    )  # fmt: skip
    assert [type(each) for each in tried[10:15]] == [Invalid, Invalid, Invalid, Invalid, NotFound]
    kept = [each for each in tried[:10] + tried[15:] if isinstance(each, Sent)]
    assert sorted(each.seq for each in kept) == list(range(1, 21))
    assert await rows(world, "select count(*), max(seq) from message") == [(20, 20)]


async def test_a_held_conversation_holds_nobody_else(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    boris = Target(patient_id=world.here.other_patient_id)
    await say(world, anna, "Ciao")
    await say(world, desk, "Salve", boris)
    async with world.database.writing(world.here.scope) as writing:
        await (await writing.connection()).exec_driver_sql(
            f"select from conversation where patient_id = '{world.here.patient_id}' for update"
        )
        stuck = [asyncio.create_task(say(world, anna, f"a{n}")) for n in range(3)]
        free = await asyncio.gather(*(say(world, desk, f"b{n}", boris) for n in range(10)))
        assert not any(task.done() for task in stuck)
    assert sorted(each.seq for each in free) == list(range(2, 12))
    assert sorted(each.seq for each in await asyncio.gather(*stuck)) == [2, 3, 4]


async def test_two_nodes_that_begin_the_same_conversations_do_not_block_each_other(world: World, migrated: str) -> None:
    desk = desk_of(world, world.here)
    targets = [Target(patient_id=world.here.patient_id), Target(patient_id=world.here.other_patient_id)]
    async with two_nodes(world, migrated) as nodes:
        sent = await asyncio.gather(
            *(send(nodes[n % 2], desk, targets[(n + n // 2) % 2], new_id(), str(n), now()) for n in range(80))
        )
    for patient in targets:
        seqs = sorted(each.seq for each in sent if each.thread.patient_id == patient.patient_id)
        assert seqs == list(range(1, 41))


async def test_neighbours_of_other_clinics_stay_apart_in_one_batch(world: World) -> None:
    here, there = patient_of(world, world.here), patient_of(world, world.there)
    crossed = Speaker(here.side, there.clinic_id, here.account_id, here.session_id)
    sent = await asyncio.gather(
        *(say(world, here, f"h{n}") for n in range(10)),
        *(say(world, there, f"t{n}") for n in range(10)),
        *(say(world, crossed, f"x{n}") for n in range(5)),
        return_exceptions=True,
    )
    assert {type(each).__name__ for each in sent[20:]} == {"SessionEnded"}
    assert await rows(world, "select body from message order by seq") == [(f"h{n}",) for n in range(10)]


async def test_rights_are_asked_for_each_of_a_batch(world: World) -> None:
    anna, desk = patient_of(world, world.here), desk_of(world, world.here)
    await change_row(world, "update staff set permissions = array_remove(permissions, 'chat.reply')")
    target = Target(patient_id=world.here.patient_id)
    tried = await asyncio.gather(*(say(world, each, "?", target) for each in (anna, desk) * 10), return_exceptions=True)
    assert [type(each).__name__ for each in tried] == ["Sent", "NotAllowed"] * 10


async def test_one_id_twice_in_a_batch_is_one_message(world: World) -> None:
    anna, name = patient_of(world, world.here), new_id()
    tried = await asyncio.gather(
        *(say(world, anna, "Ciao", client_id=name) for _ in range(10)),
        *(say(world, anna, "Addio", client_id=name) for _ in range(10)),
        return_exceptions=True,
    )
    assert [type(each) for each in tried[10:]] == [IdReused] * 10
    assert await rows(world, "select body, seq from message") == [("Ciao", 1)]


async def test_a_commit_that_is_lost_is_answered_from_the_log(world: World, migrated: str) -> None:
    """The connection is cut while the batch waits: nobody knows, everybody asks again, nothing is lost or doubled."""
    anna = patient_of(world, world.here)
    names = [new_id() for _ in range(20)]
    other = Database(migrated, pool=2)
    killer = await asyncpg.connect(migrated)
    # Idle in this process's pool, others' connections have run the same statement: they are not ours to cut.
    others = [row["pid"] for row in await killer.fetch("select pid from pg_stat_activity")]
    sending = [asyncio.create_task(send(other, anna, OWN, name, str(place), now())) for place, name in enumerate(names)]
    while not all(each.done() for each in sending):
        await killer.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'select chat_all%'"
            " and pid <> all($1)",
            others,
        )
        await asyncio.sleep(0.002)
    await killer.close()
    outcome = await asyncio.gather(*sending, return_exceptions=True)
    assert {type(each).__name__ for each in outcome} <= {"Sent", Unavailable.__name__}
    again = [await send(world.database, anna, OWN, name, str(place), now()) for place, name in enumerate(names)]
    await other.close()
    assert all(now_.dup for now_, then in zip(again, outcome, strict=True) if not isinstance(then, BaseException))
    assert sorted(each.seq for each in again) == list(range(1, 21))
    assert await rows(world, "select count(*), max(seq) from message") == [(20, 20)]


@pytest.mark.parametrize("asks", [1, 3])
async def test_an_ask_alone_is_one_trip(world: World, at_most: Queries, asks: int) -> None:
    anna = patient_of(world, world.here)
    with at_most(asks):
        for number in range(asks):
            await say(world, anna, str(number))
