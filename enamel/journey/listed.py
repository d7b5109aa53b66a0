"""`enamel journey list`: the journeys of a clinic and how many are on each."""

import argparse

from automation.queries.journeys import JourneyCard, journey_cards
from core.database import Database, Scope
from core.settings import Settings
from enamel.journey.terminal import in_database, say


def run(settings: Settings, given: argparse.Namespace) -> int:
    async def cards(database: Database) -> list[JourneyCard]:
        async with database.reading(Scope(given.clinic)) as reading:
            return await journey_cards(reading, clinical=True)

    say([spoken(card) for card in in_database(settings, given.clinic, cards)] or ["no journey"])
    return 0


def spoken(card: JourneyCard) -> str:
    version = f"version {card.version}" if card.version else "draft"
    return (
        f"{card.key:<30} {version:<11} {card.state:<9} {card.active:>7} on it {card.exited:>7} left"
        f" {card.completed:>7} came to its end"
    )
