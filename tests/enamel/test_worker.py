"""The worker process: loops that outlive their failures and stop when told."""

import asyncio
import logging

import pytest

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
