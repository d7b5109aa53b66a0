"""`enamel push dead` and `enamel push replay`: what failed for good, and sending it again."""

import argparse
import asyncio
from datetime import UTC, datetime
from uuid import UUID

from core.clock import now
from core.database import Database
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.problems import CannotStart
from enamel.start import postgres
from push.commands.dead_letters import replay
from push.queries.dead_letters import DeadLetters, dead_letters


def push_command(settings: Settings, given: argparse.Namespace) -> int:
    since = moment_of(given.since)
    with postgres(settings) as server:
        check_schema(server.url)
        if given.push_word == "dead":
            for line in asyncio.run(_dead(server.url, since, given.clinic)):
                print(line)
            return 0
        count = asyncio.run(replayed(server.url, given.reason, since, given.clinic))
    print(f"{count} notices go out again")
    return 0


def moment_of(said: str) -> datetime:
    """A day or a moment as it is typed, in UTC where it names no zone."""
    try:
        moment = datetime.fromisoformat(said)
    except ValueError:
        raise CannotStart("--since is a day or a moment: 2026-11-23 or 2026-11-23T08:00+01:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def _dead(url: str, since: datetime, clinic_id: UUID | None) -> list[str]:
    database = Database(url, pool=1)
    try:
        async with database.sweeping() as sweeping:
            return [spoken(each) for each in await dead_letters(sweeping, since, clinic_id)]
    finally:
        await database.close()


def spoken(letters: DeadLetters) -> str:
    return (
        f"{letters.messages:>7}  {letters.clinic_id}  {letters.channel:<9}  {letters.reason}"
        f"  (last {letters.newest:%Y-%m-%d %H:%M} UTC)"
    )


async def replayed(url: str, reason: str, since: datetime, clinic_id: UUID | None) -> int:
    """In batches, each its own transaction: what was put back before a crash is put back."""
    database, count = Database(url, pool=1), 0
    try:
        while True:
            async with database.sweeping() as sweeping:
                done = await replay(sweeping, reason, since, clinic_id, now())
            count += done
            if not done:
                return count
    finally:
        await database.close()
