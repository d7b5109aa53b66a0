"""Sends sign-in and signing codes as SMS, by the line of a clinic that knows the number."""

from datetime import timedelta

from api.ports import Texts
from clinic.queries.addressees import clinics_that_know
from core.clock import now
from core.database import Database
from core.ids import new_id
from push.channel import Message, Target, Way
from push.commands.line_outcomes import LineOutcome, take_line_outcomes
from push.line import Line
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.queries.lines import lines_of
from push.switchboard import Switchboard
from push.ways import awake

MOST_LINES = 3
LIFE, _DEADLINE = timedelta(minutes=5), timedelta(seconds=10)
# The message may be with its reader: another line would send it twice.
_ENDS = frozenset({Result.ACCEPTED, Result.AMBIGUOUS})


class LineTexts:
    """`spare` sends where no clinic's line can: the plain twin, in development."""

    def __init__(self, database: Database, board: Switchboard, spare: Texts | None = None) -> None:
        self._database, self._board, self._spare = database, board, spare

    async def send(self, phone: str, text: str) -> None:
        """At most three lines are tried, each once; a code that is lost is asked for again."""
        lines = await self._lines(phone)
        for line in lines[:MOST_LINES]:
            outcome = await self._sent(line, phone, text)
            async with self._database.sweeping() as sweeping:
                await take_line_outcomes(sweeping, [LineOutcome(line.line_id, outcome)], now())
            if outcome.result in _ENDS:
                return
        if not lines and self._spare is not None:
            await self._spare.send(phone, text)

    async def close(self) -> None:
        await self._board.close()

    async def _lines(self, phone: str) -> list[Line]:
        async with self._database.sweeping() as sweeping:  # whoever signs in names no clinic
            clinics = await clinics_that_know(sweeping, phone)
            found = await lines_of(sweeping, clinics, now()) if clinics else {}
        return [line for clinic_id in clinics for line in awake(found, clinic_id, Way.SMS)]

    async def _sent(self, line: Line, phone: str, text: str) -> Outcome:
        message = Message(new_id(), NoticeKind.ORGANISATIONAL, "", text, None, now() + LIFE, LIFE)
        return await self._board.channel(line, line.way).send(Target("", line.name, phone), message, _DEADLINE)
