"""What the words of `enamel journey` share: a document from a file, and a clinic's database."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from automation.journey.document import Journey
from automation.journey.written import MOST_BYTES, read_document
from clinic.queries import clinic_exists
from core.database import Database, Scope
from core.errors import Fault
from core.settings import Settings
from enamel.migrate import check_schema
from enamel.problems import CannotStart
from enamel.start import postgres

T = TypeVar("T")


def document_of(file: Path) -> Journey:
    """The journey that stands in it. Raises `CannotStart` for no such file, `Invalid` for what is no journey."""
    try:
        with file.open("rb") as opened:
            said = opened.read(MOST_BYTES + 1)
        return read_document(said.decode("utf-8"))
    except OSError as error:
        raise CannotStart(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise CannotStart(f"{file} is not UTF-8") from None


def in_database(settings: Settings, clinic_id: UUID, work: Callable[[Database], Awaitable[T]]) -> T:
    """Raises `CannotStart` where there is no such clinic: its rows are bound to none by a key of the database."""
    with postgres(settings) as server:
        check_schema(server.url)
        return asyncio.run(_worked(server.url, clinic_id, work))


async def _worked(url: str, clinic_id: UUID, work: Callable[[Database], Awaitable[T]]) -> T:
    database = Database(url, pool=1)
    try:
        async with database.reading(Scope(clinic_id)) as reading:
            if not await clinic_exists(reading, clinic_id):
                raise CannotStart("there is no such clinic")
        return await work(database)
    finally:
        await database.close()


def say(lines: Sequence[str]) -> None:
    for line in lines:
        print(shown(line))


def shown(line: str) -> str:
    """A document may come from anywhere: what would move the cursor or turn the line around is shown and not done."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in line)


def faults_said(faults: Sequence[Fault]) -> list[str]:
    """`/steps/3/next: not-a-later-step`."""
    return [f"{fault.pointer or '/'}: {fault.code}" for fault in faults]
