"""`enamel journey draw`: a picture of a journey, with live counts where it is one of a clinic."""

import argparse
import sys
from pathlib import Path

from automation.journey.checks import faults_of, named_by
from automation.journey.document import Journey
from automation.journey.picture import Count, picture
from automation.queries.journey_versions import running_journey, step_counts
from core.database import Database, Scope
from core.errors import Invalid
from core.settings import Settings
from enamel.journey.terminal import document_of, faults_said, in_database, say
from enamel.problems import CannotStart


def run(settings: Settings, given: argparse.Namespace) -> int:
    """1 where its ways lead nowhere: such a journey has no picture."""
    try:
        journey, counts = _asked(settings, given)
    except Invalid as refused:
        say(faults_said(refused.faults))
        return 1
    wrong = [
        fault for fault in faults_of(journey, named_by(journey)) if fault.code in ("no-such-step", "not-a-later-step")
    ]
    if wrong:
        say(faults_said(wrong))
        return 1
    svg = picture(journey, given.language, counts)
    if given.out is None:
        sys.stdout.write(svg)
    else:
        try:
            given.out.write_text(svg, encoding="utf-8")
        except OSError as error:
            raise CannotStart(f"{given.out}: {error.strerror}") from None
    return 0


def _asked(settings: Settings, given: argparse.Namespace) -> tuple[Journey, dict[str, Count] | None]:
    if given.clinic is None:
        return document_of(Path(given.journey)), None
    return in_database(settings, given.clinic, lambda database: _live(database, given))


async def _live(database: Database, given: argparse.Namespace) -> tuple[Journey, dict[str, Count]]:
    async with database.reading(Scope(given.clinic)) as reading:
        found = await running_journey(reading, given.clinic, given.journey)
        if found is None or found.journey is None:
            raise CannotStart(f"this clinic has no journey {given.journey}")
        counts = await step_counts(reading, given.clinic, found.journey_id, clinical=True)
    return found.journey, {each.step: Count(each.standing or 0, each.passed or 0) for each in counts}
