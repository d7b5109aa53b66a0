"""Who is connected, as nodes say in batches: for the push, and for the desk."""

import asyncio
from uuid import UUID

from sqlalchemy import select, text
from sqlmodel import col

from chat.attendance import Attendance
from chat.commands import Target, send
from chat.commands.presence import NODE_LIVES
from chat.queries import lines_of_threads
from chat.queries.presence import attended_desks, connected
from chat.wakeups import MemoryWakeups
from clinic.tables import Patient
from core.clock import now
from core.database import Reading
from core.ids import new_id
from tests.chat.listening import SOON, desk_of, phone_of, running
from tests.conftest import Queries
from tests.world import World


async def in_the_app(reading: Reading, clinic_id: UUID) -> set[UUID]:
    statement = select(col(Patient.id)).where(
        col(Patient.clinic_id) == clinic_id, connected(clinic_id, col(Patient.id), now(), front=True)
    )
    return set((await reading.execute(statement)).scalars())


async def present(world: World) -> set[UUID]:
    here = world.here
    async with world.database.reading(here.scope) as reading:
        return await in_the_app(reading, here.clinic_id)


async def rows(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return int((await sweeping.execute(text("select count(*) from chat_presence"))).scalar_one())


async def test_who_comes_looks_and_leaves_is_told_once_each(world: World, at_most: Queries) -> None:
    attendance, phone = Attendance(world.database), phone_of(world, world.here)
    attendance.note(phone)
    with at_most(2):
        await attendance.tell(0.0, now())
    assert (await present(world), await rows(world)) == (set(), 1)
    phone.front = True
    attendance.note(phone)
    with at_most(1):
        assert len(await attendance.tell(1.0, now())) == 1
    assert await present(world) == {world.here.patient_id}
    with at_most(0):
        assert await attendance.tell(2.0, now()) == set()
        attendance.note(phone)
        assert await attendance.tell(2.5, now()) == set()
    attendance.note(phone, here=False)
    await attendance.tell(3.0, now())
    assert (await present(world), await rows(world)) == (set(), 0)


async def test_many_sockets_are_one_statement(world: World, at_most: Queries) -> None:
    attendance, phones = Attendance(world.database), [phone_of(world, world.here) for _ in range(500)]
    for phone in phones:
        attendance.note(phone)
    with at_most(2):
        await attendance.tell(0.0, now())
    assert await rows(world) == 500
    await attendance.close()
    assert await rows(world) == 0


async def test_a_node_that_was_thought_dead_tells_everything_anew(world: World) -> None:
    attendance, other, phone = Attendance(world.database), Attendance(world.database), phone_of(world, world.here)
    phone.front = True
    attendance.note(phone)
    await attendance.tell(0.0, now())
    await other.tell(0.0, now() + 2 * NODE_LIVES)
    assert (await present(world), await rows(world)) == (set(), 0)
    await attendance.tell(30.0, now())
    assert await present(world) == {world.here.patient_id}


async def test_what_came_between_patients_of_two_clinics_stays_apart_and_the_desk_is_seen(world: World) -> None:
    attendance, desk = Attendance(world.database), desk_of(world, world.there)
    phone = phone_of(world, world.there)
    phone.front = True
    attendance.note(phone)
    attendance.note(desk)
    await attendance.tell(0.0, now())
    assert await present(world) == set()
    async with world.database.reading(world.there.scope) as reading:
        assert await in_the_app(reading, world.there.clinic_id)
        clinics = [world.here.clinic_id, world.there.clinic_id]
        assert await attended_desks(reading, clinics, now()) == {world.there.clinic_id}
    async with world.database.reading(world.here.scope) as reading:
        assert await attended_desks(reading, [world.here.clinic_id], now()) == set()


async def test_the_desks_line_says_who_is_in_the_app_and_the_hub_tells_by_itself(world: World) -> None:
    desk, phone = desk_of(world, world.here), phone_of(world, world.here)
    sent = await send(world.database, desk.speaker, Target(patient_id=world.here.patient_id), new_id(), "Venga", now())

    async def is_seen() -> bool:
        async with world.database.sweeping() as sweeping:
            return (await lines_of_threads(sweeping, [sent.thread]))[0][1].in_app

    assert not await is_seen()
    phone.front = True
    async with running(world, MemoryWakeups(), SOON) as hub:
        hub.join(phone)
        async with asyncio.timeout(10):
            while not await is_seen():  # noqa: ASYNC110  the row tells nobody
                await asyncio.sleep(SOON)
    assert not await is_seen()  # the hub closed
    assert await rows(world) == 0
