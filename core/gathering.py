"""Gathers what many ask at the same moment, so that one statement answers them all.

Setting a large statement up costs PostgreSQL more than one answer of it. While as many statements run as are let run
at once, new asks wait for the next one and go together; nobody waits for company, so an ask alone is not slower.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

Ask = Mapping[str, Any]
Answerer = Callable[[Any, Sequence[Ask]], Awaitable[Sequence[bytes | None]]]


@dataclass(frozen=True, slots=True)
class _Waiting:
    ask: Ask
    answer: asyncio.Future[bytes | None]


class Gathering:
    """`answerer` answers asks of one key, in their order; `at_once` of them run, each for `most` asks at most."""

    def __init__(self, answerer: Answerer, *, at_once: int, most: int) -> None:
        self._answerer, self._at_once, self._most = answerer, at_once, most
        self._waiting: dict[Hashable, deque[_Waiting]] = {}
        self._runners: set[asyncio.Task[None]] = set()

    async def ask(self, key: Hashable, ask: Ask) -> bytes | None:
        """The answer; raises what the answerer raised of this ask."""
        waiting = _Waiting(ask, asyncio.get_running_loop().create_future())
        self._waiting.setdefault(key, deque()).append(waiting)
        if len(self._runners) < self._at_once:
            runner = asyncio.create_task(self._run())
            self._runners.add(runner)
            runner.add_done_callback(self._runners.discard)
        return await waiting.answer

    async def _run(self) -> None:
        try:
            await self._work()
        finally:
            # Here, and not only when the task is known to be done: whoever has just been answered may ask before that.
            self._runners.discard(asyncio.current_task())

    async def _work(self) -> None:
        while self._waiting:
            key, queue = next(iter(self._waiting.items()))
            taken = [queue.popleft() for _ in range(min(self._most, len(queue)))]
            del self._waiting[key]
            if queue:
                self._waiting[key] = queue  # behind the other keys: their turn comes first
            still = [each for each in taken if not each.answer.done()]
            try:
                if still:
                    await self._answer(key, still)
            finally:
                _fail(still, asyncio.CancelledError())  # only who has no answer yet: this runner is being ended

    async def _answer(self, key: Hashable, taken: list[_Waiting]) -> None:
        """An ask that PostgreSQL refuses does not fail its neighbours: they are asked once more, one by one."""
        try:
            answers = await self._answerer(key, [each.ask for each in taken])
        except asyncpg.PostgresError as error:
            if len(taken) == 1:
                _fail(taken, error)
                return
            for each in taken:
                await self._answer(key, [each])
        except Exception as error:  # noqa: BLE001  whoever asked hears it
            _fail(taken, error)
        else:
            _give(taken, answers)


def _give(taken: Sequence[_Waiting], answers: Sequence[bytes | None]) -> None:
    for each, answer in zip(taken, answers, strict=True):
        if not each.answer.done():  # who asked may be gone
            each.answer.set_result(answer)


def _fail(taken: Sequence[_Waiting], error: BaseException) -> None:
    for each in taken:
        if not each.answer.done():
            each.answer.set_exception(error)
