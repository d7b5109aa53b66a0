"""Runs the journeys of every clinic: one tick lets out, takes in and moves on.

Crash safety, line by line of `run_journeys`. Each batch is one transaction; nothing is held between them, and
the next tick, on whichever machine, starts again from the rows.

- Before `carry_over` commits: who is on an older version still is, and that version says what is to become of them;
  a repeat finds them again. Of who was carried it finds none.
- Inside `listen`: who leaves, who is woken, whose goal is counted, who comes in, and the mark that says how far was
  listened to are one commit. Before it the mark stands where it stood, and the same events are gone through
  again: who left is not there to leave, a timer that rings rings, a goal is counted where there is none, and the
  unique indexes of `enrolment` let nobody in twice. Events are taken up to the oldest transaction that still
  runs, so none is committed behind the mark.
- Between exit and enrol: who left has no timer and no message that waits, so nothing more reaches them.
- Inside `enrol`: enrolment, timer and log line of all are one statement; of a date the moment up to which it was
  looked is moved in the same commit. Before it there is none of them; after it a repeat adds nobody.
- Inside `advance`: decision, message, what is done beside, log and next timer are one commit. Before it the timer is
  still due and nothing exists; after it the timer lies ahead. A message that two could have made has one dedupe key
  (enrolment, number, rung), so push keeps one; what is done beside is named by (enrolment, number) and is one too.
- Between two batches of `advance`: what was moved stays moved, the rest is still due.

Leaving wins over sending: `advance` judges every exit on facts that it reads in its own transaction. What is booked
after that reading is heard by the next tick, which waits for the enrolment if it is still held, lets it out and takes
back whatever push has not handed over yet.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from automation.commands import Means, advance, enrol, listen
from automation.commands.carrying import carry_over
from core.database import Database, Sweeping

AT_ONCE = 2_000
"""Enrolments of one transaction: their rows stay locked for about a second."""
_NOTHING = Means()
# Of one tick: then it is looked again who came in and who is out.
_MOST_PASSES = 1_000


async def run_journeys(database: Database, now: datetime, at_once: int = AT_ONCE, means: Means = _NOTHING) -> int:
    """One tick; how many enrolments changed (0: nothing was due).

    Takes in at most `at_once` newcomers of each journey, so that a launch over a large clinic keeps nobody
    waiting whose timer is due; call again at once while something changed.
    """

    changed = await _all(database, carry_over, now, at_once)
    changed += await _listened(database, now, at_once)
    async with database.sweeping() as sweeping:
        changed += await enrol(sweeping, now, at_once)
    for _ in range(_MOST_PASSES):
        async with database.sweeping() as sweeping:
            moved = await advance(sweeping, now, at_once, means)
        changed += moved
        if moved == 0:  # who did something beside goes on in the next batch, on what is then true
            break
    return changed


async def _listened(database: Database, now: datetime, at_once: int) -> int:
    changed = 0
    while True:
        async with database.sweeping() as sweeping:
            heard = await listen(sweeping, now, at_once)
        changed += heard.changed
        if not heard.more:
            return changed


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
