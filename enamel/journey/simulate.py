"""`enamel journey simulate`: what a journey would have done over the clinic's past, month by month."""

import argparse
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from automation.journey.document import Journey
from automation.queries.lives import lives, patients_living
from automation.simulation import Month, Way, months_of, simulated
from core.clock import now
from core.database import Reading
from core.settings import Settings
from enamel.journey.asked import asked
from enamel.journey.terminal import say

DAYS_OF_A_MONTH = 30
_NAMES = ("came in", "held out", "messages", "other", "left", "came back", "cost")
_HONEST = "What patients really did is taken for how they would have answered; states of plans are those of today."


def run(settings: Settings, given: argparse.Namespace) -> int:
    """Tells nobody's name: counts of each month, and what its messages would have cost at most."""

    async def answer(reading: Reading, journey: Journey) -> list[Way]:
        return await _ways(reading, given, journey)

    say(_lines(months_of(asked(settings, given, answer)), given.price))
    return 0


async def _ways(reading: Reading, given: argparse.Namespace, journey: Journey) -> list[Way]:
    at, days = now(), given.months * DAYS_OF_A_MONTH
    since = (at - timedelta(days=days)).date()
    ways: list[Way] = []
    with _progress() as shown:
        bar = shown.add_task("patients", total=await patients_living(reading, given.clinic))
        async for batch in lives(reading, given.clinic, journey, at):
            ways += simulated(journey, batch, since, days, lambda _: shown.advance(bar))
    return ways


def _lines(months: dict[str, Month], price_minor: int) -> list[str]:
    """`came back`: of who came in, met the goal of themselves."""
    lines = [f"{'month':<8}" + "".join(f"{name:>10}" for name in _NAMES)]
    for name, month in months.items():
        other, left = sum(month.by_kind.values()) - month.messages, sum(month.out.values())
        cost = f"{month.messages * price_minor / 100:.2f}"
        row = (month.entered, month.held_out, month.messages, other, left, month.came_back, cost)
        lines.append(f"{name:<8}" + "".join(f"{each:>10}" for each in row))
    return [*lines, _HONEST]


def _progress() -> Progress:
    """On a terminal a bar on the error stream; elsewhere nothing."""
    console = Console(stderr=True)
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)
