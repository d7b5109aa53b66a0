"""Asks of one moment go together: in few statements, each with its own answer, and none spoiled by its neighbour."""

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from core.gathering import Ask, Gathering


class Counter:
    """Remembers who was asked together, and answers while it is `open`."""

    def __init__(self, *bad: int) -> None:
        self.calls: list[tuple[Any, list[int]]] = []
        self.heard: asyncio.Queue[None] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self._bad = bad

    async def __call__(self, key: Any, asks: Sequence[Ask]) -> list[bytes | None]:
        numbers = [ask["number"] for ask in asks]
        self.calls.append((key, numbers))
        self.heard.put_nowait(None)
        await self.open.wait()
        if any(number in self._bad for number in numbers):
            raise asyncpg.DataError
        return [b"%d" % number if number % 2 else None for number in numbers]


async def test_what_waits_goes_together_in_order_and_each_hears_its_own_answer() -> None:
    counter = Counter()
    gathering = Gathering(counter, at_once=1, most=4)
    answers = await asyncio.gather(*(gathering.ask("k", {"number": number}) for number in range(10)))
    assert answers == [b"%d" % number if number % 2 else None for number in range(10)]
    assert [numbers for _, numbers in counter.calls] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


async def test_keys_take_turns_and_never_share_a_statement() -> None:
    counter = Counter()
    gathering = Gathering(counter, at_once=1, most=2)
    asks = [gathering.ask(key, {"number": number}) for key in "ab" for number in (1, 3, 5)]
    await asyncio.gather(*asks)
    assert counter.calls == [("a", [1, 3]), ("b", [1, 3]), ("a", [5]), ("b", [5])]


async def test_an_ask_alone_waits_for_nobody_and_no_more_run_at_once_than_may() -> None:
    counter = Counter()
    gathering = Gathering(counter, at_once=2, most=8)
    assert await gathering.ask("k", {"number": 1}) == b"1"
    counter.open.clear()
    await counter.heard.get()
    asks: list[asyncio.Task[bytes | None]] = []
    for number in (3, 5):
        asks.append(asyncio.create_task(gathering.ask("k", {"number": number})))
        await counter.heard.get()
    asks += [asyncio.create_task(gathering.ask("k", {"number": number})) for number in (7, 9)]
    await asyncio.sleep(0)
    assert [numbers for _, numbers in counter.calls] == [[1], [3], [5]], "two run, and two wait"
    counter.open.set()
    assert await asyncio.gather(*asks) == [b"3", b"5", b"7", b"9"]
    assert [numbers for _, numbers in counter.calls][3:] == [[7, 9]]


async def test_what_postgresql_refuses_fails_whoever_asked_it_and_not_the_neighbours() -> None:
    gathering = Gathering(Counter(2), at_once=1, most=8)
    asks = [gathering.ask("k", {"number": number}) for number in (1, 2, 3)]
    one, two, three = await asyncio.gather(*asks, return_exceptions=True)
    assert (one, three) == (b"1", b"3")
    assert isinstance(two, asyncpg.DataError)


async def test_who_gives_up_does_not_take_the_others_answer_away() -> None:
    counter = Counter()
    gathering = Gathering(counter, at_once=1, most=1)
    counter.open.clear()
    first, second, third = (asyncio.create_task(gathering.ask("k", {"number": number})) for number in (1, 3, 5))
    await counter.heard.get()
    first.cancel()
    second.cancel()
    counter.open.set()
    assert await third == b"5"
    assert [numbers for _, numbers in counter.calls] == [[1], [5]]
    with pytest.raises(asyncio.CancelledError):
        await second


async def test_a_lost_connection_is_heard_by_all_who_asked_and_the_next_is_served() -> None:
    lost = [True]

    async def answer(_: Any, asks: Sequence[Ask]) -> list[bytes | None]:
        if lost.pop() if lost else False:
            raise ConnectionResetError
        return [b"x"] * len(asks)

    gathering = Gathering(answer, at_once=1, most=8)
    both = await asyncio.gather(*(gathering.ask("k", {}) for _ in range(2)), return_exceptions=True)
    assert [type(each) for each in both] == [ConnectionResetError] * 2
    assert await gathering.ask("k", {}) == b"x"


async def test_who_asks_again_as_soon_as_answered_is_heard() -> None:
    """The runner that gave the answer has nothing left to do, and is not over yet."""
    gathering = Gathering(Counter(), at_once=1, most=4)
    async with asyncio.timeout(5):
        assert [await gathering.ask("k", {"number": number}) for number in (1, 3, 5)] == [b"1", b"3", b"5"]
