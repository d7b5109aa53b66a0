"""`enamel journey dry-run`: what a journey would do if it began now. Counts, and nobody's name."""

import argparse

from automation.journey.document import Journey
from automation.queries.dry_run import DryRun, ReachedBy, dry_run
from core.clock import now
from core.database import Reading
from core.settings import Settings
from enamel.journey.asked import asked
from enamel.journey.terminal import say


def run(settings: Settings, given: argparse.Namespace) -> int:
    async def answer(reading: Reading, journey: Journey) -> DryRun:
        return await dry_run(reading, given.clinic, journey, now(), clinical=True)

    say(_lines(asked(settings, given, answer)))
    return 0


def _lines(found: DryRun) -> list[str]:
    return [
        f"match               {found.matching}",
        f"would come in       {found.entering} ({found.first_day} on the first day)",
        f"kept by the group   {found.in_group}",
        f"no room under caps  {found.without_room}",
        *(f"branch {each.branch_id}  {each.count}" for each in found.branches),
        *map(_reached, found.channels),
        *(f"{each.step} -> {each.to or '(on)'}  {each.count}" for each in found.ways),
    ]


def _reached(by: ReachedBy) -> str:
    """Who of a clinic's patients linked a messenger is not counted."""
    reachable = "not known" if by.reachable is None else by.reachable
    return f"{by.channel.value:<10} agreed {by.agreed}, reachable {reachable}"
