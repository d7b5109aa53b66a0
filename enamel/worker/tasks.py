"""Keeps the tasks of every clinic: calls that push wants become tasks, reminders fall due, what is too late is missed.
Numbers of strangers who called are let go of after a month.

Crash safety: each line of `keep_tasks` is one transaction, and each marks the rows it has dealt with in it
(`handed_over`, `reminded_at`, `state`, `number`). Before its commit nothing has happened and the next tick finds the
rows again; after it they are not found. A call is one task for each notice, whichever worker takes it over.
"""

from datetime import datetime

from automation.commands.calls import forget_numbers
from automation.commands.task_sweeps import miss_tasks, remind_of_tasks, take_over_calls
from core.database import Database

AT_ONCE = 1_000
PAUSE_SECONDS = 2.0


async def keep_tasks(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One tick; how many rows changed (0: nothing was due)."""
    changed = 0
    for sweep in (take_over_calls, remind_of_tasks, miss_tasks, forget_numbers):
        async with database.sweeping() as sweeping:
            changed += await sweep(sweeping, now, at_once)
    return changed
