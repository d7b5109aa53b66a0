"""`enamel journey publish`: a document becomes the version that runs, unless it is that already."""

import argparse

from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, publish
from automation.journey.document import Journey
from automation.journey.words import Carrying, JourneyState
from automation.queries.journey_versions import Choice, digest, publishing_choices, running_journey
from core.clock import now
from core.database import Database, Scope
from core.errors import Refusal
from core.events import SYSTEM
from core.settings import Settings
from enamel.journey.terminal import document_of, faults_said, in_database, say

_RUNS = (JourneyState.ACTIVE, JourneyState.PAUSED)


class _OnlyLooked(Exception):
    """Rolls back what a preview made."""


def run(settings: Settings, given: argparse.Namespace) -> int:
    try:
        journey = document_of(given.file)
        say(in_database(settings, given.clinic, lambda database: _published(database, journey, given)))
    except Refusal as refused:
        say([f"refused: {refused.slug}", *faults_said(refused.faults)])
        return 1
    return 0


async def _published(database: Database, journey: Journey, given: argparse.Namespace) -> list[str]:
    """Draft and version are one transaction: what is refused leaves nothing behind."""
    said: list[str] = []
    deed = Deed(given.clinic, SYSTEM, now())
    try:
        async with database.writing(Scope(given.clinic)) as writing:
            running = await running_journey(writing, given.clinic, journey.key)
            if running is not None and running.state in _RUNS and running.digest == digest(journey.definition()):
                return [f"{journey.key} runs as version {running.version}: nothing to do"]
            draft = await make_draft(writing, given.clinic, journey, SYSTEM, deed.now)
            if given.preview:
                choices = await publishing_choices(writing, given.clinic, draft.journey_id, clinical=True)
                said += [spoken(each) for each in choices]
            made = await publish(writing, deed, draft.journey_id, draft.digest, Carrying(given.carrying))
            if given.preview:
                raise _OnlyLooked
            said.append(f"{made.key} runs as version {made.version}, journey {made.journey_id}")
    except _OnlyLooked:
        pass
    return said


def spoken(choice: Choice) -> str:
    counts = f"{choice.stay} stay, {choice.move} move, {choice.restart} restart, {choice.leave} leave"
    return f"{choice.carrying}: {counts}"
