"""What a node could not read, or what befell its database meanwhile, leaves nobody with less than there is."""

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from chat.commands import Target, send
from chat.frames import Close
from chat.hub import ANEW_WITHIN, Hub
from chat.listener import Listener
from chat.queries.greeting import seatable
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.database import WORKER_ROLE
from core.epoch import begin_epoch
from core.ids import new_id
from tests.chat.listening import NEVER, SOON, desk_of, ended, next_of, phone_of, running, until
from tests.world import World


async def line_of(desk: Listener) -> dict[str, Any]:
    async with asyncio.timeout(10):
        while (frame := json.loads(await next_of(desk) or "{}")).get("t") != "inbox":
            pass
    told: dict[str, Any] = frame
    return told


async def test_a_line_that_could_not_be_read_is_told_when_it_can(
    world: World, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """The sweep went on meanwhile, and asks for nothing before it."""
    desk, target = desk_of(world, world.here), Target(patient_id=world.here.patient_id)
    async with running(world, MemoryWakeups(), SOON) as hub:
        hub.join(desk)
        # Only the lines need a case: the rest of the node's work goes on.
        await owner.execute(f"revoke select on chat_case from {WORKER_ROLE}")  # noqa: S608  a role of ours
        try:
            await send(world.database, desk.speaker, target, new_id(), "Venga", now())
            await until(lambda: len(failures(caplog)) > 0)
            await asyncio.sleep(10 * SOON)
        finally:
            await owner.execute(f"grant select on chat_case to {WORKER_ROLE}")
        assert (await line_of(desk))["row"]["preview"]["text"] == "Venga"


def failures(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [each for each in caplog.messages if "InsufficientPrivilege" in each or "ProgrammingError" in each]


async def greeted(world: World) -> Listener:
    """As the socket does it, but not joined yet."""
    phone = phone_of(world, world.here)
    who = phone.speaker
    found = await seatable(world.database, who.side, who.clinic_id, who.account_id, who.session_id, now())
    phone.epoch = found.cursor.epoch
    return phone


async def restored(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await begin_epoch(writing, now())


async def comes_back(hub: Hub, listener: Listener) -> None:
    hub.join(listener)
    assert (await ended(listener), listener.wait) == (Close.RESTART, (0, ANEW_WITHIN))


async def test_who_was_greeted_before_a_restore_and_sits_down_after_it_comes_back(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        sits, late = await greeted(world), await greeted(world)
        hub.join(sits)
        assert sits.ended is None
        await restored(world)
        assert await ended(sits) is Close.RESTART
        await comes_back(hub, late)
        again = await greeted(world)
        hub.join(again)
        assert again.ended is None


async def test_who_is_greeted_after_a_restore_that_the_node_has_not_seen_comes_back(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        await restored(world)
        await comes_back(hub, await greeted(world))
