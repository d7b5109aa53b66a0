"""The journey that a word asks about: one of a clinic by its key, or a document that need not be stored."""

import argparse
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from automation.journey.document import Journey
from automation.queries.journey_versions import running_journey
from core.database import Database, Reading, Scope
from core.errors import Invalid
from core.settings import Settings
from enamel.journey.terminal import document_of, faults_said, in_database, shown
from enamel.problems import CannotStart

T = TypeVar("T")
_FILES = {".yaml", ".yml", ".json"}


def asked(settings: Settings, given: argparse.Namespace, answer: Callable[[Reading, Journey], Awaitable[T]]) -> T:
    """What `answer` says of it. Raises `CannotStart` for no such journey, or one without criteria of its own."""
    written = _written(Path(given.journey))
    return in_database(settings, given.clinic, lambda database: _answered(database, given, written, answer))


def _written(path: Path) -> Journey | None:
    if path.suffix not in _FILES:
        return None
    try:
        return document_of(path)
    except Invalid as refused:
        raise CannotStart("; ".join(map(shown, faults_said(refused.faults)))) from None


async def _answered(
    database: Database,
    given: argparse.Namespace,
    written: Journey | None,
    answer: Callable[[Reading, Journey], Awaitable[T]],
) -> T:
    async with database.reading(Scope(given.clinic)) as reading:
        journey = written
        if journey is None:
            found = await running_journey(reading, given.clinic, given.journey)
            journey = found.journey if found is not None else None
        if journey is None:
            raise CannotStart(f"this clinic has no journey {given.journey}")
        if journey.trigger.criteria is None:
            raise CannotStart("only of a journey with criteria of its own can be told who would come in")
        return await answer(reading, journey)
