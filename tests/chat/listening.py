"""Places at the hub without a socket: what they hear is taken by the test."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from api.saying import speaker_of
from chat.frames import Close
from chat.hub import Hub
from chat.listener import Listener
from chat.log import Log, Thread
from chat.wakeups import Wakeups
from core.clock import now
from identity.sign_in import Audience
from tests.world import Party, World

SOON = 0.02
NEVER = 3600.0


def phone_of(world: World, party: Party) -> Listener:
    claims = world.keys.tokens.verify(party.patient_token, Audience.PATIENT, now())
    return Listener(speaker_of(claims), [party.patient_id], claims.expires_at)


def desk_of(world: World, party: Party) -> Listener:
    claims = world.keys.tokens.verify(party.staff_token, Audience.STAFF, now())
    return Listener(speaker_of(claims), (), claims.expires_at)


def joined_desk(hub: Hub, world: World, party: Party) -> Listener:
    """A desk that has joined and watches both patients of its clinic."""
    desk = desk_of(world, party)
    hub.join(desk)
    for patient_id in (party.patient_id, party.other_patient_id):
        hub.watch(desk, patient_id, Thread(party.clinic_id, patient_id))  # any name will do for the conversation
    return desk


@asynccontextmanager
async def running(world: World, wakeups: Wakeups, sweep_seconds: float) -> AsyncIterator[Hub]:
    hub = Hub(world.database, wakeups, sweep_seconds=sweep_seconds, ping_seconds=NEVER)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.close()


async def next_of(listener: Listener) -> str | None:
    """The next frame to write; None when it is over."""
    news = asyncio.Event()
    listener.news = news.set
    while (frame := listener.take()) is None and listener.ended is None:
        await news.wait()
        news.clear()
    return frame


async def heard(listener: Listener, log: Log = Log.SHARED, seconds: float = 10) -> dict[str, Any]:
    """The next event of this log."""
    async with asyncio.timeout(seconds):
        while True:
            frame = await next_of(listener)
            assert frame is not None, f"ended with {listener.ended!r}"
            value: dict[str, Any] = json.loads(frame)
            if value.get("log") == log:
                return value


async def ended(listener: Listener) -> Close | None:
    async with asyncio.timeout(10):
        while await next_of(listener) is not None:
            pass
    return listener.ended


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(SOON)
