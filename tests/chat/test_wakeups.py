"""Every bus between nodes does the same, against real servers; what one loses, the others may lose too."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from chat.log import Thread
from chat.wakeups import (
    BusNotInstalled,
    GatheredWakeups,
    Hint,
    MemoryWakeups,
    PostgresWakeups,
    Wakeups,
    hints_of,
    is_bus,
    payload_of,
    payloads_of_hints,
    threads_of,
    wakeups_of,
)
from chat.wakeups.gathered import MOST_HINTS
from chat.wakeups.payload import LARGEST
from tests.buses import PASSWORD, BusServer, bus_server

SOON = 0.05
BUSES = ("postgres", "redis", "nats")


class Bus:
    """One of the buses, and how to break it."""

    def __init__(
        self, make: Callable[[], GatheredWakeups], down: Callable[[], object], up: Callable[[], object]
    ) -> None:
        self.make, self.down, self.up = make, down, up


@pytest.fixture(params=BUSES)
def bus(request: pytest.FixtureRequest, migrated: str, tmp_path: Path) -> Iterator[Bus]:
    if request.param == "postgres":
        yield Bus(
            lambda: PostgresWakeups(migrated, pause_seconds=SOON),
            lambda: asyncio.run(_let_go(migrated)), lambda: None,
        )  # fmt: skip
        return
    server = bus_server(request.param, tmp_path)
    yield Bus(lambda: _quick(server), server.stop, server.start)
    server.stop()


def _quick(server: BusServer) -> GatheredWakeups:
    made = wakeups_of(server.url, "")
    assert isinstance(made, GatheredWakeups)
    made._pause_seconds = SOON
    return made


async def _let_go(url: str) -> None:
    """PostgreSQL stays for the other tests; the connections of the bus end."""
    killer = await asyncpg.connect(url)
    await killer.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'enamel:wakeups'"
    )
    await killer.close()


class Node:
    """What came to one node."""

    def __init__(self, wakeups: Wakeups) -> None:
        self.wakeups = wakeups
        self.threads: set[Thread] = set()
        self.hints: list[Hint] = []
        self._came = asyncio.Event()

    def heard(self, threads: Collection[Thread]) -> None:
        self.threads.update(threads)
        self._came.set()

    def hinted(self, hints: Sequence[Hint]) -> None:
        self.hints += hints
        self._came.set()

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not true():
                self._came.clear()
                await self._came.wait()


@asynccontextmanager
async def nodes(*buses: Wakeups) -> AsyncIterator[list[Node]]:
    made = [Node(each) for each in buses]
    for each in made:
        await each.wakeups.listen(each.heard, each.hinted)
    try:
        yield made
    finally:
        for each in made:
            await each.wakeups.close()


def threads(count: int) -> list[Thread]:
    return [Thread(uuid4(), uuid4()) for _ in range(count)]


def hint(frame: str = '{"t":"typing"}') -> Hint:
    return Hint(uuid4(), uuid4(), uuid4(), frame)


async def test_every_other_node_hears_what_one_publishes_and_it_does_not_hear_itself(bus: Bus) -> None:
    async with nodes(bus.make(), bus.make(), bus.make()) as (here, there, elsewhere):
        said, answered = threads(1), threads(1)
        here.wakeups.publish(said)
        for other in (there, elsewhere):
            await other.until(lambda other=other: other.threads == set(said))  # type: ignore[misc]
        there.wakeups.publish(answered)
        await here.until(lambda: bool(here.threads))
        assert here.threads == set(answered)


async def test_a_burst_arrives_whole(bus: Bus) -> None:
    async with nodes(bus.make(), bus.make()) as (here, there):
        said = threads(1_000)
        for each in said:
            here.wakeups.publish((each,))
        await there.until(lambda: len(there.threads) == len(said))
        assert there.threads == set(said)


async def test_hints_arrive_in_order_beside_the_ids(bus: Bus) -> None:
    async with nodes(bus.make(), bus.make()) as (here, there):
        hints = [hint(f'{{"t":"typing","n":{number}}}') for number in range(100)]
        everybody = hint()._replace(patient_id=None)
        said = threads(2)
        here.wakeups.publish(said, [*hints, everybody])
        await there.until(lambda: len(there.hints) == 101 and len(there.threads) == 2)
        assert there.hints == [*hints, everybody]


async def test_a_bus_that_was_down_carries_again_when_it_is_back(bus: Bus) -> None:
    async with nodes(bus.make(), bus.make()) as (here, there):
        await asyncio.to_thread(bus.down)
        lost, found = threads(1), threads(1)
        here.wakeups.publish(lost)
        await asyncio.to_thread(bus.up)
        async with asyncio.timeout(20):
            while not set(found) <= there.threads:
                here.wakeups.publish(found)
                await asyncio.sleep(SOON)
        async with asyncio.timeout(20):
            while not set(found) <= here.threads:
                there.wakeups.publish(found)
                await asyncio.sleep(SOON)


async def test_a_node_starts_while_its_bus_is_down_and_publishing_never_fails(bus: Bus) -> None:
    late = bus.make()
    late.publish(threads(3), [hint()])
    await asyncio.to_thread(bus.down)
    async with nodes(late, bus.make()) as (here, there):
        for _ in range(50):
            here.wakeups.publish(threads(1), [hint() for _ in range(MOST_HINTS)])
        await asyncio.to_thread(bus.up)
        found = threads(1)
        async with asyncio.timeout(20):
            while not set(found) <= there.threads:
                here.wakeups.publish(found)
                await asyncio.sleep(SOON)
    await late.close()


@pytest.mark.parametrize("kind", ["redis", "nats"])
async def test_a_refused_password_is_logged_by_the_kind_of_failure_alone(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = bus_server(kind, tmp_path)
    wrong = wakeups_of(server.url_with(f"{PASSWORD}-either"), "")
    with caplog.at_level(logging.DEBUG):
        await wrong.listen(lambda _: None)
        await wrong.close()
    server.stop()
    assert "wake-ups interrupted" in caplog.text
    assert PASSWORD not in caplog.text


async def test_a_server_that_says_nothing_any_more_is_given_up(tmp_path: Path) -> None:
    """The connection stands and nobody answers on it: without asking, nothing would ever be heard again."""
    server = bus_server("redis", tmp_path)
    from chat.wakeups.over_redis import RedisWakeups

    async with nodes(*(RedisWakeups(server.url, pause_seconds=SOON, silence_seconds=0.1) for _ in range(2))) as both:
        here, there = both
        async with asyncio.timeout(10):
            while not there.threads:  # asked several times meanwhile, it answered
                await asyncio.sleep(0.3)
                here.wakeups.publish(threads(1))
        server.pause()
        await asyncio.sleep(0.5)
        server.go_on()
        found = threads(1)
        async with asyncio.timeout(20):
            while not set(found) <= there.threads:
                here.wakeups.publish(found)
                await asyncio.sleep(SOON)
    server.stop()


async def test_in_memory_nobody_hears_anything_and_nothing_fails() -> None:
    async with nodes(MemoryWakeups(), MemoryWakeups()) as (here, there):
        here.wakeups.publish(threads(1), [hint()])
        await asyncio.sleep(0)
        assert (here.threads, there.threads, there.hints) == (set(), set(), [])


def test_hints_go_in_as_few_texts_as_fit_and_one_too_long_is_left_out() -> None:
    small, long = [hint("x" * 500) for _ in range(40)], hint("x" * LARGEST)
    texts = list(payloads_of_hints([*small[:20], long, *small[20:]]))
    assert 1 < len(texts) < 10
    assert max(map(len, texts)) <= LARGEST
    assert [each for text in texts for each in hints_of(text)] == small
    assert list(payloads_of_hints([])) == []


@pytest.mark.parametrize("text", ["", "[", "no base64 !", "[1]", "{}", "[[null,null,null,null]]", "AAAA"])
def test_nonsense_wakes_nobody(text: str) -> None:
    assert threads_of(text) == []
    assert hints_of(text) == []


def test_ids_and_hints_are_never_taken_for_each_other() -> None:
    for count in range(1, 180):
        assert hints_of(payload_of(threads(count))) == []
    assert [threads_of(text) for text in payloads_of_hints([hint()])] == [[]]


def test_an_operator_chooses_the_bus_by_its_address() -> None:
    assert isinstance(wakeups_of("postgres", "postgresql://localhost/x"), PostgresWakeups)
    assert isinstance(wakeups_of("memory", ""), MemoryWakeups)
    assert not is_bus("kafka://localhost")
    with pytest.raises(ValueError, match=r"^no bus$"):
        wakeups_of("kafka://user:secret@localhost", "")


def test_a_bus_whose_package_is_missing_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "chat.wakeups.over_redis", None)
    with pytest.raises(BusNotInstalled):
        wakeups_of("redis://localhost", "")


async def test_whenever_postgresql_hangs_up_it_is_a_loss_that_the_bus_knows(migrated: str) -> None:
    """Also in the turns of the loop between its last words and the end of the line, where asyncpg says it otherwise."""
    bus = PostgresWakeups(migrated)
    met = [await _told_of_the_loss(bus, migrated, turns) for turns in range(6)]
    assert all(issubclass(each, bus.lost) for each in met)
    assert asyncpg.InternalClientError in met, "that turn was among them"


async def _told_of_the_loss(bus: PostgresWakeups, url: str, turns: int) -> type[Exception]:
    async with bus._connected(lambda _: None, lambda: None) as line:
        killer = threading.Thread(target=asyncio.run, args=(_let_go(url),))
        killer.start()
        killer.join()
        threading.Event().wait(SOON)  # the loop stands still: what PostgreSQL says waits for it
        for _ in range(turns):
            await asyncio.sleep(0)
        try:
            while True:
                await line.send("x")
        except (*bus.lost, asyncpg.InternalClientError) as error:
            return type(error)
