"""`enamel push check`: proves a line's or an app build's credentials and says what it found, a sentence each."""

import asyncio
from datetime import timedelta
from uuid import UUID

from core import clock
from core.database import Database, Scope
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.problems import CannotStart
from enamel.start import postgres, switchboard_of
from push.commands.lines import note_check
from push.line import Line, Provider
from push.outcome import Outcome, Result
from push.queries.lines import lines_named
from push.switchboard import Switchboard

_DEADLINE = timedelta(seconds=15)
_WORDS = {
    Result.ACCEPTED: "is proven",
    Result.CONFIG: "is refused: mend its settings or credentials",
    Result.THROTTLED: "is asked to wait: try again later",
    Result.NOT_SENT: "cannot be reached, or its credentials get no token",
    Result.AMBIGUOUS: "gave no answer that says anything",
    Result.BAD_MESSAGE: "refused the question itself",
    Result.DEAD: "refused the question itself",
}
# Proven without being asked: no push service knows a key before a browser has subscribed with it.
_UNASKED = frozenset({Provider.WEBPUSH})


def check_lines(settings: Settings, clinic_id: UUID, name: str) -> int:
    """The process's exit status: 1 where a line is not proven. Raises `CannotStart` where there is none."""
    with postgres(settings) as server:
        check_schema(server.url)
        return asyncio.run(_checked(settings, server.url, clinic_id, name))


async def _checked(settings: Settings, database_url: str, clinic_id: UUID, name: str) -> int:
    database, board = Database(database_url, pool=1), switchboard_of(settings, {})
    try:
        findings = await found(database, board, clinic_id, name)
    finally:
        await board.close()
        await database.close()
    if not findings:
        raise CannotStart("the clinic has no such line: `GET /v1/staff/lines` lists them")
    for line, outcome in findings:
        print(sentence(line, outcome))
    return 0 if all(outcome.result is Result.ACCEPTED for _, outcome in findings) else 1


async def found(database: Database, board: Switchboard, clinic_id: UUID, name: str) -> list[tuple[Line, Outcome]]:
    """Every line of that name or id with what its check came to, which is noted too. No transaction waits for it."""
    scope = Scope(clinic_id)
    async with database.reading(scope) as reading:
        lines = await lines_named(reading, name)
    outcomes = await asyncio.gather(*(board.check(line, _DEADLINE) for line in lines))
    findings = list(zip(lines, outcomes, strict=True))
    async with database.writing(scope) as writing:
        for line, outcome in findings:
            await note_check(writing, line, outcome, clock.now())
    return findings


def sentence(line: Line, outcome: Outcome) -> str:
    """Without an address, a setting or a secret."""
    code = f" ({outcome.code})" if outcome.code else ""
    if outcome.result is Result.ACCEPTED and line.provider in _UNASKED:
        return (
            f"{line.name} by {line.provider.value}: its key signs; a push service knows it once a browser subscribed."
        )
    return f"{line.name} by {line.provider.value}: {_WORDS[outcome.result]}{code}."
