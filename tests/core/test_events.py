"""Events are written with the change or not at all, in one statement, by a known actor."""

import pytest
from sqlalchemy import text

from core.clock import now
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from tests.conftest import Queries
from tests.world import World

ALL = text("select kind, subject_id, patient_id, actor_kind, actor_id, facts, at from event where kind like 'test.%'")


def happenings(world: World, count: int) -> list[Happening]:
    return [Happening(f"test.{number}", new_id(), world.here.patient_id, {"number": number}) for number in range(count)]


async def test_an_event_says_who_did_what_to_whom_and_when(world: World) -> None:
    actor, at, (happening,) = Actor(ActorKind.STAFF, world.here.staff_id), now(), happenings(world, 1)
    async with world.database.writing(world.here.scope) as writing:
        await record(writing, world.here.clinic_id, actor, [happening], at)
    async with world.database.reading(world.here.scope) as reading:
        row = (await reading.execute(ALL)).one()
    patient = world.here.patient_id
    assert tuple(row) == ("test.0", happening.subject_id, patient, "staff", world.here.staff_id, {"number": 0}, at)


async def test_an_event_of_an_undone_change_is_undone_with_it(world: World) -> None:

    async def fails_after_recording() -> None:
        async with world.database.writing(world.here.scope) as writing:
            await record(writing, world.here.clinic_id, Actor(ActorKind.SYSTEM), happenings(world, 3), now())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails_after_recording()
    async with world.database.reading(world.here.scope) as reading:
        assert (await reading.execute(ALL)).all() == []


async def test_many_events_take_one_statement_and_none_take_none(world: World, at_most: Queries) -> None:
    async with world.database.writing(world.here.scope) as writing:
        with at_most(1):
            await record(writing, world.here.clinic_id, Actor(ActorKind.SYSTEM), happenings(world, 500), now())
        with at_most(0):
            await record(writing, world.here.clinic_id, Actor(ActorKind.SYSTEM), [], now())


async def test_a_reader_bounded_by_the_snapshot_misses_no_event_of_a_slow_transaction(world: World) -> None:
    """Commit order is not id order: the slow writer's older event appears after the quick one's."""
    settled = text("select kind from event where kind like 'test.%' and xid < pg_snapshot_xmin(pg_current_snapshot())")
    slow, quick = happenings(world, 2)

    async def seen() -> list[str]:
        async with world.database.reading(world.here.scope) as reading:
            return sorted((await reading.execute(settled)).scalars())

    async with world.database.writing(world.here.scope) as writing:
        await record(writing, world.here.clinic_id, Actor(ActorKind.SYSTEM), [slow], now())
        async with world.database.writing(world.here.scope) as other:
            await record(other, world.here.clinic_id, Actor(ActorKind.SYSTEM), [quick], now())
        assert await seen() == [], "the quick event waits for the slow one"
    assert await seen() == ["test.0", "test.1"]
