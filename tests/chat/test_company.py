"""A node that is alone tells nobody of its messages; it learns of others by their word, and lost words lose nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

from chat.commands import OWN, send
from chat.log import Thread
from chat.wakeups import GatheredWakeups, Tell
from chat.wakeups.gathered import Line
from core.clock import now
from core.ids import new_id
from tests.chat.listening import SOON, heard, joined_desk, phone_of, running
from tests.world import World


class Air:
    """What is said in one room: everybody hears it, unless it is `deaf`."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.ears: list[Tell] = []
        self.deaf = False

    async def say(self, text: str) -> None:
        self.said.append(text[8:])
        for ear in [] if self.deaf else self.ears:
            ear(text)


class AirWakeups(GatheredWakeups):
    here_seconds = 0.05

    def __init__(self, air: Air) -> None:
        super().__init__(pause_seconds=SOON)
        self._air = air

    @asynccontextmanager
    async def _connected(self, tell: Tell, wake: Callable[[], None]) -> AsyncIterator[Line]:  # noqa: ARG002  never lost
        self._air.ears.append(tell)
        try:
            yield Line(self._air.say, lambda: False)
        finally:
            self._air.ears.remove(tell)


@asynccontextmanager
async def nodes(air: Air, count: int) -> AsyncIterator[list[tuple[AirWakeups, set[Thread]]]]:
    async with AsyncExitStack() as stack:
        made = [(AirWakeups(air), set[Thread]()) for _ in range(count)]
        for wakeups, threads in made:
            await wakeups.listen(threads.update)
            stack.push_async_callback(wakeups.close)
        yield made


def one() -> Thread:
    return Thread(new_id(), new_id())


async def quiet(air: Air) -> None:
    """Until whoever is alone knows it."""
    await asyncio.sleep(4 * AirWakeups.here_seconds)
    air.said.clear()


async def test_a_node_alone_says_only_that_it_is_there() -> None:
    air = Air()
    async with nodes(air, 1) as ((here, _),):
        here.publish([one()])  # who is there had no time to say so
        await asyncio.sleep(0.01)
        assert air.said[0] == "?"
        assert len(air.said) == 2
        await quiet(air)
        here.publish([one()])
        await asyncio.sleep(2 * AirWakeups.here_seconds)
        assert set(air.said) == {"!"}


async def test_a_newcomer_is_known_at_once_and_knows_the_others() -> None:
    air = Air()
    async with nodes(air, 1) as ((here, heard_here),):
        await quiet(air)
        async with nodes(air, 1) as ((new, heard_new),):
            await asyncio.sleep(0.02)
            there, back = one(), one()
            here.publish([there])
            new.publish([back])
            await asyncio.sleep(0.02)
            assert (heard_new, heard_here) == ({there}, {back})
            await asyncio.sleep(5 * AirWakeups.here_seconds)  # by its repeated word alone it stays known
            later = one()
            here.publish([later])
            await asyncio.sleep(0.02)
            assert later in heard_new
        await quiet(air)
        here.publish([one()])
        await asyncio.sleep(0.02)
        assert set(air.said) <= {"!"}  # who left is forgotten


async def test_while_every_word_is_lost_the_sweep_tells_and_the_next_word_heals(world: World) -> None:
    air = Air()
    air.deaf = True
    wakeups, far = AirWakeups(air), AirWakeups(air)
    async with running(world, wakeups, SOON) as here, running(world, far, SOON) as elsewhere:
        await quiet(air)
        phone, desk = phone_of(world, world.here), joined_desk(elsewhere, world, world.here)
        for number in range(3):
            sent = await send(world.database, phone.speaker, OWN, new_id(), f"n{number}", now())
            here.announce(sent.thread, sent.event)
            assert (await heard(desk))["d"]["body"] == f"n{number}"
        assert set(air.said) == {"!"}
        air.deaf = False
        await asyncio.sleep(2 * AirWakeups.here_seconds)
        here.announce(sent.thread, sent.event)
        await asyncio.sleep(0.02)
        assert any(len(text) > 1 for text in air.said)


async def test_many_messages_of_a_moment_go_together() -> None:
    air = Air()
    async with nodes(air, 2) as ((here, _), (_, heard_there)):
        await asyncio.sleep(0.02)
        air.said.clear()
        sent = [one() for _ in range(40)]
        for each in sent:
            here.publish([each])
            await asyncio.sleep(0.0005)
        await asyncio.sleep(0.02)
        assert heard_there == set(sent)
        assert len([text for text in air.said if len(text) > 1]) < len(sent) / 2
