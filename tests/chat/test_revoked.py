"""Who loses a right is shown out on every node by the next sweep, whatever the bus loses, and forgets what it held."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from sqlalchemy import text

from chat.commands import Target, send
from chat.frames import Close
from chat.hub import Hub
from chat.listener import Listener
from chat.log import Thread
from chat.wakeups import MemoryWakeups, PostgresWakeups, Wakeups
from clinic.commands import grant_access
from core.clock import now
from core.ids import new_id
from identity.commands import end_session
from tests.chat.listening import SOON, desk_of, ended, heard, phone_of, running, until
from tests.enamel.test_erasing import confirmed, erased, somebody
from tests.world import World

NODES = 3


def bus(kind: str, url: str) -> Wakeups:
    """One that carries everything, and one that loses everything."""
    return PostgresWakeups(url, pause_seconds=SOON) if kind == "whole" else MemoryWakeups()


@pytest.fixture(params=["whole", "loses all"])
def kind(request: pytest.FixtureRequest) -> str:
    made: str = request.param
    return made


@asynccontextmanager
async def nodes(world: World, kind: str, url: str) -> AsyncIterator[list[Hub]]:
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(world, bus(kind, url), SOON)) for _ in range(NODES)]


TAKEN = {
    "signed out": None,
    "access taken": "update access set revoked_at = now()",
    "access ended": "update access set ends_at = now() - interval '1 second'",
    "access narrowed": "update access set relation = 'carer', scopes = '{view_plans}'",
}
OF_STAFF = {
    "permission taken": "update staff set permissions = array_remove(permissions, 'chat.reply')",
    "left": "update staff set left_at = now()",
    "signed out": None,
}


@pytest.mark.parametrize("how", TAKEN)
async def test_a_patient_who_loses_the_right_is_shown_out_of_every_node(
    world: World, migrated: str, kind: str, how: str
) -> None:
    async with nodes(world, kind, migrated) as hubs:
        phones = [phone_of(world, world.here) for _ in hubs]
        stays = phone_of(world, world.there)
        hubs[0].join(stays)
        for hub, phone in zip(hubs, phones, strict=True):
            hub.join(phone)
        await take(world, TAKEN[how], phones[0])
        assert [await ended(phone) for phone in phones] == [Close.NO_RIGHT] * NODES
        assert stays.ended is None


@pytest.mark.parametrize("how", OF_STAFF)
async def test_staff_who_loses_the_right_is_shown_out_of_every_node(
    world: World, migrated: str, kind: str, how: str
) -> None:
    async with nodes(world, kind, migrated) as hubs:
        desks = [desk_of(world, world.here) for _ in hubs]
        stays = desk_of(world, world.there)
        hubs[0].join(stays)
        for hub, desk in zip(hubs, desks, strict=True):
            hub.join(desk)
        await take(world, OF_STAFF[how], desks[0])
        assert [await ended(desk) for desk in desks] == [Close.NO_RIGHT] * NODES
        assert stays.ended is None


async def take(world: World, statement: str | None, listener: Listener) -> None:
    async with world.database.writing(world.here.scope) as writing:
        if statement is None:
            await end_session(writing, listener.speaker.account_id, listener.speaker.session_id, now())
        else:
            await writing.execute(text(statement))


async def test_a_guardians_device_is_told_which_conversation_to_forget(world: World, migrated: str, kind: str) -> None:
    here = world.here
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    desk = desk_of(world, here).speaker
    sent = await send(world.database, desk, Target(patient_id=here.other_patient_id), new_id(), "Venga", now())
    async with nodes(world, kind, migrated) as hubs:
        phone = phone_of(world, here)
        phone.patients = frozenset({here.patient_id, here.other_patient_id})
        hubs[1].join(phone)
        async with world.database.writing(here.scope) as writing:
            await writing.execute(text("update access set revoked_at = now() where relation = 'carer'"))
        frame = await reset_of(phone)
        assert (frame["c"], frame["why"]) == (str(sent.event.conversation_id), "right-lost")
        assert phone.patients == {here.patient_id}
        assert phone.ended is None


async def test_an_erased_patients_conversation_is_forgotten_at_every_desk_and_its_socket_ends(
    world: World, migrated: str, kind: str
) -> None:
    here, patient_id = world.here, await somebody(world)
    desk = desk_of(world, here).speaker
    sent = await send(world.database, desk, Target(patient_id=patient_id), new_id(), "Venga", now())
    async with nodes(world, kind, migrated) as hubs:
        desks = [desk_of(world, here) for _ in hubs]
        for hub, each in zip(hubs, desks, strict=True):
            hub.join(each)
            hub.watch(each, sent.event.conversation_id, sent.thread)
            hub.watch(each, here.patient_id, Thread(here.clinic_id, here.patient_id))
        await confirmed(world, patient_id)
        await erased(world)
        for each in desks:
            frame = await reset_of(each)
            assert (frame["c"], frame["why"]) == (str(sent.event.conversation_id), "erased")
            await until(lambda each=each: len(each.watched or {}) == 1)  # type: ignore[misc]
            assert each.ended is None
    page = await world.get(f"/v1/staff/conversations/{sent.event.conversation_id}/events", here.staff)
    absent = await world.get(f"/v1/staff/conversations/{new_id()}/events", here.staff)
    assert (page.status_code, absent.status_code) == (404, 404)
    assert {**page.json(), "request_id": "", "instance": ""} == {**absent.json(), "request_id": "", "instance": ""}


async def reset_of(listener: Listener) -> dict[str, str]:
    async with asyncio.timeout(10):
        while (frame := await heard(listener))["t"] != "reset":
            pass
    told: dict[str, str] = json.loads(json.dumps(frame))
    return told
