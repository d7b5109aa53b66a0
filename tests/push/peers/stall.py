"""Measures for how long the event loop was away at the longest."""

import asyncio
from collections.abc import Awaitable, Callable

_STEP = 0.001


async def longest_stall(work: Callable[[], Awaitable[object]], tries: int = 5) -> float:
    """For how many seconds `work` kept a task that only sleeps from waking, in the best of some tries.

    The best: other processes of the machine take the processor too, but not in every try at the same place.
    """
    return min([await _longest(work) for _ in range(tries)])


async def _longest(work: Callable[[], Awaitable[object]]) -> float:
    loop, worst = asyncio.get_running_loop(), [0.0]

    async def watch() -> None:
        while True:
            before = loop.time()
            await asyncio.sleep(_STEP)
            worst[0] = max(worst[0], loop.time() - before - _STEP)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    try:
        await work()
        await asyncio.sleep(0)
    finally:
        watching.cancel()
    return worst[0]
