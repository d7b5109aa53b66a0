"""`enamel journey validate`: what is wrong with a document, each fault with its place."""

import argparse

from automation.commands.publishing import UNDONE
from automation.journey.checks import faults_of, named_by
from automation.journey.document import Journey
from automation.journey.ways import reach
from automation.queries.journey_known import faults_here
from core.clock import now
from core.database import Database, Scope
from core.errors import Fault, Invalid
from core.settings import Settings
from enamel.journey.terminal import document_of, faults_said, in_database, say


def run(settings: Settings, given: argparse.Namespace) -> int:
    """1 where there is a fault. Without a clinic whatever the document names is taken to be there."""
    try:
        journey = document_of(given.file)
    except Invalid as refused:
        say(faults_said(refused.faults))
        return 1

    async def here(database: Database) -> list[Fault]:
        async with database.reading(Scope(given.clinic)) as reading:
            return await faults_here(reading, given.clinic, journey, now(), UNDONE)

    faults = (
        faults_of(journey, named_by(journey)) if given.clinic is None else in_database(settings, given.clinic, here)
    )
    say(faults_said(faults) or [sound(journey)])
    return 1 if faults else 0


def sound(journey: Journey) -> str:
    """What a journey without faults may come to for one patient."""
    most = reach(journey)
    around = ", not counting the wait for a visit" if most.around_visit else ""
    return f"{journey.key}: at most {most.messages} messages, {most.days} days{around}"
