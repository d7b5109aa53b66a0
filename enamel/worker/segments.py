"""Keeps the segments of every clinic that have criteria.

Crash safety. `refresh_rule` is one transaction for each distinct tree: it locks the marks of its segments, writes who
joined and who left together with the line of the log that says so (one statement), and moves the marks. Killed before
the commit, nothing of it is there and the marks stand where they stood, so the next round asks about the same patients
again. Killed after it, members, log and marks agree. Between two trees nothing is held.

Two workers never keep the same segment at once: the second passes by a mark that is locked. Were a mark to stand too
far back, the same patients would be asked about twice and found as they are. It never stands too far ahead: it moves to
the oldest transaction that ran when it was read, and whatever that or a younger one writes is asked about next time.
A long transaction elsewhere (a dump) therefore costs asking again, and nothing else.

A tree that fails (too slow, a member that no longer parses) keeps no other from its turn.
"""

from datetime import datetime

from automation.commands.segment_refresh import refresh_rule
from automation.queries.rules import rules
from core.database import Database

AT_ONCE = 20_000
"""Members of one statement: all of a large clinic at once do not fit into its time."""
PAUSE_SECONDS = 2.0


async def keep_segments(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One round; how many joined or left a segment (0: nothing was due). Call again at once while somebody did."""
    async with database.sweeping() as sweeping:
        found = await rules(sweeping)
    changed, failures = 0, []
    for rule in found:
        try:
            async with database.sweeping() as sweeping:
                changed += await refresh_rule(sweeping, rule, now, at_once)
        except Exception as failure:  # noqa: BLE001  raised below, and logged by the loop
            failures.append(failure)
    if failures:
        raise ExceptionGroup("segments of a round", failures)
    return changed
