"""Runs an import: batch after batch of files, each looked at, matched and taken; then waits for the worker if asked to.

A run may be killed at any line and started again: what is a picture already is known by its name and size, and is
neither read nor changed; what was half sent goes on. Of such a file alone the bytes are hashed once more.
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from pydantic import TypeAdapter, ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
from sqlalchemy.exc import SQLAlchemyError

from clinic.facts import ExternalId
from clinic.queries import clinic_exists, named_patients
from core.database import Database, Scope
from core.errors import Unavailable
from core.settings import Settings
from enamel.media_import.found import HIDDEN, Found, files_in
from enamel.media_import.take import Looked, NotTaken, Order, looked_at, take
from enamel.media_import.tally import Tally
from enamel.migrate import check_schema
from enamel.problems import CannotStart
from enamel.start import postgres, quota_of, storage_of
from media.darkroom import Darkroom
from media.kinds import PictureState
from media.queries import NamedPicture, named_pictures
from media.storage import Storage
from media.upload import Quota

_BATCH = 200
_LOOK_SECONDS = 0.5
_PATIENCE_SECONDS = 120
"""Longer than a look at any file takes: if nothing moved for so long, no worker runs."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Taking:
    """What files are taken in with (`api.ports.MediaPorts`)."""

    database: Database
    storage: Storage
    quota: Quota


@dataclass(frozen=True, slots=True)
class Import:
    folder: Path
    order: Order
    workers: int
    ours: frozenset[Path]
    """The report and the list, which may lie in the folder and are no pictures."""
    report: Path | None
    wait: bool


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A picture that the worker has not looked into yet; `is_new`: it came with this run."""

    name: str
    is_new: bool


def run_import(settings: Settings, asked: Import) -> int:
    """The process's exit status: 0, or 3 where a file was not taken or is held back. Raises `CannotStart`."""
    if not asked.folder.is_dir():
        raise CannotStart("the archive is no folder that can be read")
    with postgres(settings) as server:
        check_schema(server.url)
        tally = asyncio.run(_import(settings, server.url, asked))
    if asked.report is not None:
        tally.write(asked.report)
    print("\n".join(tally.lines(dry_run=asked.order.dry_run)))
    return tally.status


async def _import(settings: Settings, url: str, asked: Import) -> Tally:
    database = Database(url, pool=asked.workers + 1)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        taking = Taking(database, storage_of(settings), quota_of(settings))
        darkroom = Darkroom(settings.darkroom_processes) if asked.order.match.reads_header else None
        if darkroom is not None:
            await stack.enter_async_context(darkroom)
        try:
            async with database.reading(Scope(asked.order.clinic_id)) as reading:
                if not await clinic_exists(reading, asked.order.clinic_id):
                    raise CannotStart("--clinic: there is no such clinic")
            return await _Run(asked, taking, darkroom).whole()
        except* (Unavailable, SQLAlchemyError, OSError):
            raise CannotStart(
                "the database, the storage or the darkroom does not answer: start it again, it goes on"
            ) from None


class _Run:
    """One import under way."""

    def __init__(self, asked: Import, taking: Taking, darkroom: Darkroom | None) -> None:
        self._asked = asked
        self._order = asked.order
        self._scope = Scope(asked.order.clinic_id)
        self._taking = taking
        self._darkroom = darkroom
        self._turn = asyncio.Semaphore(asked.workers)
        self._tally = Tally()
        self._waits: dict[str, _Waiting] = {}
        console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)

    async def whole(self) -> Tally:
        files = await asyncio.to_thread(self._files)
        with self._progress:
            bar = self._progress.add_task("files", total=len(files))
            for batch in _batches(files, _BATCH):
                await self._take(batch)
                self._progress.advance(bar, len(batch))
        seen = {str(each.name) for each in files}
        self._tally.out += [(name, "missing") for name in self._order.match.left(seen)]
        if self._asked.wait and not self._order.dry_run:
            await self._wait()
        return self._tally

    def _files(self) -> list[Found]:
        found = [each for each in files_in(self._asked.folder) if each.path not in self._asked.ours]
        self._tally.hidden = sum(each.refused == HIDDEN for each in found)
        return [each for each in found if each.refused != HIDDEN]

    async def _take(self, batch: Sequence[Found]) -> None:
        """Know what is there, look at the others, find whose they are, take them."""
        known = await self._known([each.external_id for each in batch])
        looked = await self._each(batch, known)
        patients = await self._patients({each.told.patient for each in looked})
        async with asyncio.TaskGroup() as tasks:
            for each in looked:
                tasks.create_task(self._one(each, patients.get(each.told.patient)))

    async def _known(self, names: Sequence[str]) -> Mapping[str, NamedPicture]:
        async with self._taking.database.reading(self._scope) as reading:
            return await named_pictures(reading, self._order.source, names)

    async def _each(self, batch: Sequence[Found], known: Mapping[str, NamedPicture]) -> list[Looked]:
        fresh = []
        for each in batch:
            picture = known.get(each.external_id)
            if picture is not None and each.refused is None and picture.size_bytes == each.size_bytes:
                self._there(each, picture)
            else:
                fresh.append(each)
        async with asyncio.TaskGroup() as tasks:
            looking = [tasks.create_task(self._look(each)) for each in fresh]
        return [found for task in looking if (found := task.result()) is not None]

    def _there(self, found: Found, picture: NamedPicture) -> None:
        if picture.state is PictureState.QUARANTINED:
            self._out(found, f"quarantined: {picture.reason}")
            return
        self._tally.there += 1
        if picture.state is PictureState.UPLOADED:
            self._waits[found.external_id] = _Waiting(str(found.name), is_new=False)

    async def _look(self, found: Found) -> Looked | None:
        async with self._turn:
            try:
                return await looked_at(self._order, self._darkroom, found)
            except NotTaken as error:
                self._out(found, error.reason)
                return None

    async def _patients(self, names: set[str]) -> dict[str, UUID]:
        """Those whom this system told of, by their external ids."""
        async with self._taking.database.reading(self._scope) as reading:
            named = await named_patients(reading, self._order.source, {name for name in names if _is_id(name)})
        return {name: each.id for name, each in named.items()}

    async def _one(self, looked: Looked, patient_id: UUID | None) -> None:
        if patient_id is None:
            self._out(looked.found, "unknown-patient")
            return
        async with self._turn:
            try:
                if not self._order.dry_run:
                    await take(self._taking, self._order, looked, patient_id)
            except NotTaken as error:
                self._out(looked.found, error.reason)
                return
        self._tally.taken += 1
        self._waits[looked.found.external_id] = _Waiting(str(looked.found.name), is_new=True)

    def _out(self, found: Found, reason: str) -> None:
        self._tally.out.append((str(found.name), reason))

    async def _wait(self) -> None:
        """Until the worker looked into them all, or nothing has moved for a while."""
        still, moved_at = len(self._waits), asyncio.get_running_loop().time()
        with self._progress:
            bar = self._progress.add_task("looked into", total=still)
            while self._waits and asyncio.get_running_loop().time() < moved_at + _PATIENCE_SECONDS:
                for names in _batches(list(self._waits), 10 * _BATCH):
                    self._settle(await self._known(names))
                if len(self._waits) < still:
                    self._progress.advance(bar, still - len(self._waits))
                    still, moved_at = len(self._waits), asyncio.get_running_loop().time()
                await asyncio.sleep(_LOOK_SECONDS if self._waits else 0)
        for waiting in self._waits.values():
            self._hold_back(waiting, "not-looked-into")

    def _settle(self, pictures: Mapping[str, NamedPicture]) -> None:
        for external_id, picture in pictures.items():
            if picture.state is PictureState.UPLOADED:
                continue
            waiting = self._waits.pop(external_id)
            if picture.state is PictureState.QUARANTINED:
                self._hold_back(waiting, f"quarantined: {picture.reason}")

    def _hold_back(self, waiting: _Waiting, reason: str) -> None:
        """Every file is counted once: this one is neither taken nor there."""
        if waiting.is_new:
            self._tally.taken -= 1
        else:
            self._tally.there -= 1
        self._tally.out.append((waiting.name, reason))


_EXTERNAL_ID: TypeAdapter[str] = TypeAdapter(ExternalId)


def _is_id(words: str) -> bool:
    """Whether a system may call a patient so: what cannot be stored is nobody's."""
    try:
        _EXTERNAL_ID.validate_python(words)
    except ValidationError:
        return False
    return True


def _batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
