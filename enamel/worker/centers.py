"""Stays bound to message centers (SMPP), so that what they tell is heard also while nothing is sent."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from chat.commands.told import take_incoming
from core.clock import now as clock_now
from core.database import Database, Scope
from push.commands.line_outcomes import LineOutcome, take_line_outcomes
from push.commands.reports import take_reports
from push.line import Line, Provider
from push.outcome import Result
from push.queries.lines import lines_by
from push.report import Incoming, Report
from push.switchboard import Switchboard

PAUSE_SECONDS = 30.0
_DEADLINE = timedelta(seconds=15)


def keeping(database: Database) -> Callable[[Line], Callable[[Report | Incoming], Awaitable[None]]]:
    """What takes in what a line's center tells, before the center hears that we have it. A crash in between makes it
    tell it again, which changes nothing.
    """

    def of(line: Line) -> Callable[[Report | Incoming], Awaitable[None]]:
        async def keep(told: Report | Incoming) -> None:
            now = clock_now()
            async with database.writing(Scope(line.clinic_id)) as writing:
                if isinstance(told, Report):
                    await take_reports(writing, line.clinic_id, line.line_id, line.way, [told], now)
                else:
                    await take_incoming(writing, line, told, None, now)

        return keep

    return of


async def listen_to_centers(database: Database, board: Switchboard, now: datetime) -> int:
    """Bind each line that is not bound, ask the others whether they still are; how many do not answer.

    What a center refuses counts as of a message: two in a row let the line rest. A session that stands is no message.
    """
    async with database.sweeping() as sweeping:
        lines = [line for line in await lines_by(sweeping, Provider.SMPP, now) if line.rests_until is None]
    outcomes = await asyncio.gather(*(board.channel(line, line.way).check(_DEADLINE) for line in lines))
    refused = [pair for pair in zip(lines, outcomes, strict=True) if pair[1].result is Result.CONFIG]
    told = [LineOutcome(line.line_id, outcome) for line, outcome in refused]
    async with database.sweeping() as sweeping:
        await take_line_outcomes(sweeping, told, now)
    return 0
