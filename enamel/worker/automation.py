"""Runs the journeys of every clinic: one tick lets out, takes in and moves on.

Crash safety, line by line of `run_journeys`. Each line is one transaction; nothing is held between them, and
the next tick, on whichever machine, starts again from the rows.

- Before `exit_converted` commits: nobody left. A repeat finds them again; one that committed finds nobody.
- Between exit and enrol: who left has no timer and no message that waits, so nothing more reaches them.
- Inside `enrol`: enrolment, timer and log line of all are one statement. Before its commit there is none of
  them; after it a repeat meets the unique indexes and adds nobody.
- Inside `advance`: decision, message, log and next timer are one commit. Before it the timer is still due and
  no message exists; after it the timer lies ahead. A message that two could have made has one dedupe key
  (enrolment, number, rung), so push keeps one.
- Between two batches of `advance`: what was moved stays moved, the rest is still due.

Leaving wins over sending without a second exit at the end: `advance` judges every exit on facts that it reads
in its own transaction. What is booked after that reading is let out by the next tick, which takes back
whatever push has not handed over yet.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from automation.commands import advance, enrol, exit_converted
from core.database import Database, Sweeping

AT_ONCE = 2_000
"""Enrolments of one transaction: their rows stay locked for about a second."""


async def run_journeys(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One tick; how many enrolments changed (0: nothing was due).

    Takes in at most `at_once` newcomers of each journey, so that a launch over a large clinic keeps nobody
    waiting whose timer is due; call again at once while something changed.
    """
    changed = await _all(database, exit_converted, now, at_once)
    async with database.sweeping() as sweeping:
        changed += await enrol(sweeping, now, at_once)
    return changed + await _all(database, advance, now, at_once)


async def _all(
    database: Database, sweep: Callable[[Sweeping, datetime, int], Awaitable[int]], now: datetime, at_once: int
) -> int:
    """Sweep in transactions of `at_once` until nothing is left; how many there were."""
    total = 0
    while True:
        async with database.sweeping() as sweeping:
            swept = await sweep(sweeping, now, at_once)
        total += swept
        if swept < at_once:
            return total
