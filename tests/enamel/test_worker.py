"""The worker process: loops that outlive their failures and stop when told."""

import asyncio
import logging

import pytest

from enamel.worker import process
from enamel.worker.process import Loop, run_worker


async def test_a_failing_step_is_logged_by_type_and_place_and_stops_no_other_loop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    stop, steps = asyncio.Event(), 0

    async def fails() -> int:
        raise ValueError("Anna Rossi, +39025550")

    async def works() -> int:
        nonlocal steps
        steps += 1
        if steps == 3:
            stop.set()
        return 1

    with caplog.at_level(logging.ERROR, "enamel.worker"):
        await run_worker([Loop("bad", fails), Loop("good", works)], stop)
    assert steps == 3
    assert "ValueError" in caplog.text
    assert "test_worker.py" in caplog.text
    assert "Anna" not in caplog.text


async def test_a_step_under_way_ends_before_the_worker_does() -> None:
    stop, ended = asyncio.Event(), False

    async def step() -> int:
        nonlocal ended
        stop.set()
        await asyncio.sleep(0.05)
        ended = True
        return 1

    await run_worker([Loop("slow", step)], stop)
    assert ended


async def test_a_loop_outlives_more_failures_than_a_power_of_two_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "PAUSE_SECONDS", 0.0)
    stop, steps = asyncio.Event(), 0

    async def fails() -> int:
        nonlocal steps
        steps += 1
        if steps == 1_100:
            stop.set()
        raise ValueError

    async with asyncio.timeout(10):
        assert await run_worker([Loop("bad", fails)], stop)
    assert steps == 1_100


async def test_a_loop_that_ends_by_itself_ends_the_worker_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()

    async def ends() -> int:
        raise asyncio.CancelledError

    async def idle() -> int:
        return 0

    with caplog.at_level(logging.ERROR, "enamel.worker"):
        async with asyncio.timeout(10):
            assert not await run_worker([Loop("bad", ends), Loop("good", idle)], stop)
    assert '"loop": "bad"' in caplog.text
    assert "good" not in caplog.text
