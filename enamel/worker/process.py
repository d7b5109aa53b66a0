"""The worker process: runs each loop until it is told to stop, then lets every step end."""

import asyncio
import json
import logging
import random
import signal
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

PAUSE_SECONDS = 1.0
MOST_DOUBLINGS = 6
DRAIN_SECONDS = 25.0

_LOG = logging.getLogger("enamel.worker")
_dice = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Loop:
    """`step` does what is due and says how much that was; it commits by itself and may be killed anywhere."""

    name: str
    step: Callable[[], Awaitable[int]]
    pause_seconds: float = PAUSE_SECONDS
    """How long it rests when nothing was due."""


def stop_on_signals() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets. Call it on the loop that waits for it."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


async def run_worker(loops: Sequence[Loop], stop: asyncio.Event) -> bool:
    """Run all loops until `stop` is set, then wait for the steps under way; what outlasts that is cancelled.

    A cancelled step is like a killed one: its lease ends and another worker goes on. False where a loop ended
    by itself: that stops the others too, so that whoever watches over the process starts a whole one.
    """
    running = [asyncio.create_task(_run(loop, stop), name=loop.name) for loop in loops]
    told = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([told, *running], return_when=asyncio.FIRST_COMPLETED)
        was_told = stop.is_set()
        stop.set()
        await asyncio.wait(running, timeout=DRAIN_SECONDS)
    finally:
        for task in (told, *running):
            task.cancel()
        ends = await asyncio.gather(*running, return_exceptions=True)
    for loop, end in zip(loops, ends, strict=True):
        if end is not None:
            log_failure(loop.name, end)
    return was_told


async def _run(loop: Loop, stop: asyncio.Event) -> None:
    failures = 0
    while not stop.is_set():
        try:
            did = await loop.step()
        except Exception as error:  # noqa: BLE001  a loop outlives any failure of its step; it is logged and tried later
            failures += 1
            log_failure(loop.name, error)
            await _pause(stop, PAUSE_SECONDS * 2 ** min(failures, MOST_DOUBLINGS))
            continue
        failures = 0
        if not did:
            await _pause(stop, loop.pause_seconds)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    """Half to one and a half of `seconds`, so that many workers do not ask together; ends early on `stop`."""
    try:
        await asyncio.wait_for(stop.wait(), seconds * (0.5 + _dice.random()))
    except TimeoutError:
        return


def log_failure(name: str, error: BaseException) -> None:
    """Type and place. Not the message, which may quote a row."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    ours = next(
        (f"{each.filename}:{each.lineno}" for each in reversed(frames) if "site-packages" not in each.filename), ""
    )
    _LOG.error(json.dumps({"loop": name, "error": type(error).__name__, "place": place, "ours": ours}))
