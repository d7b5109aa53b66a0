"""A round of a worker that has several things to do: each in its own transaction, none in the way of the others."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from core.database import Database, Sweeping

Step = Callable[[Sweeping, datetime, int], Awaitable[int]]
"""Does up to so many things of a kind, and says how many."""


async def one_round(database: Database, steps: Sequence[Step], now: datetime, at_once: int) -> int:
    """One round of everything; how much was done (0: nothing was due).

    A step that fails does not keep the others from being done; what failed is raised when all had their turn.
    """
    done = 0
    failures: list[Exception] = []
    for step in steps:
        try:
            async with database.sweeping() as sweeping:
                done += await step(sweeping, now, at_once)
        except Exception as failure:  # noqa: BLE001  raised below, and logged by the loop
            failures.append(failure)
    if failures:
        raise ExceptionGroup("steps of a round", failures)
    return done
