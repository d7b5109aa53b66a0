"""One contender of the previews benchmark, in a process of its own: does the whole mix each time it is told to.

`python -m benchmarks.previews_contender pillow|vips|enamel`: says `ready`, then answers each line of its input with a
line of JSON, the seconds that each kind of file took (`enamel`: all together).
"""

import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path
from uuid import UUID

import asyncpg
import uvloop
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
from benchmarks.previews_mix import TIMES, File, Previews, keep, kept, mix, with_pillow, with_vips
from clinic.commands import found_clinic, open_branch, take_patients
from clinic.facts import PatientFact
from core.clock import now
from core.database import Database, Scope, asyncpg_url
from core.events import SYSTEM
from core.ids import new_id
from core.schema import create_schema
from enamel.worker.media import TURNS, Looking, look_into_pictures
from media.darkroom import Darkroom
from media.folder import FolderStorage
from media.kinds import PictureKind, PictureState, Variant
from media.scanner import PlainScanner
from media.storage import file_key
from media.tables import Picture

assert api.app  # every package's tables are known once the whole API is imported

_ANEW = (
    "delete from picture_dicom; update picture set state = 'uploaded', attempts = 0, lease_until = null,"
    " ready_at = null, size_download = null"
)

Round = Callable[[], Awaitable[dict[str, float]]]


def main() -> None:
    uvloop.run(_enamel() if sys.argv[1] == "enamel" else _bare(with_vips if sys.argv[1] == "vips" else with_pillow))


async def _answer(do: Round) -> None:
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await do()), flush=True)


async def _bare(previews: Callable[[File], Previews]) -> None:
    files = kept(Path(os.environ["BENCH_FOLDER"]) / "mix")

    async def do() -> dict[str, float]:
        seconds: dict[str, float] = {}
        for file in files:
            started = time.perf_counter()
            previews(file)
            seconds[file.media_type] = seconds.get(file.media_type, 0.0) + time.perf_counter() - started
        return seconds

    await _answer(do)


async def _enamel() -> None:
    """The worker's own loops, over rows that wait: everything that happens to a picture after it was sent."""
    url, folder, processes = os.environ["BENCH_URL"], Path(os.environ["BENCH_FOLDER"]), int(os.environ["BENCH_CORES"])
    database, owner = Database(url), await asyncpg.connect(url)
    await owner.execute("set session_replication_role = replica")
    async with Darkroom(processes) as darkroom:
        looking = Looking(database, FolderStorage(folder / "files"), darkroom, PlainScanner())

        async def do() -> dict[str, float]:
            await owner.execute(_ANEW)
            _forget_what_was_made(folder / "files")
            started = time.perf_counter()
            await asyncio.gather(*(_until_nothing_waits(looking) for _ in range(TURNS)))
            seconds = time.perf_counter() - started
            left = await owner.fetch("select media_type, state, reason from picture where state <> 'ready'")
            if left:
                raise RuntimeError(f"not every picture became ready: {left}")
            return {"all": seconds}

        await _answer(do)


def _forget_what_was_made(files: Path) -> None:
    """A picture comes to a clinic once: nothing of it is there that its previews would replace."""
    for path in files.rglob("*"):
        if path.is_file() and path.name != Variant.ORIGINAL:
            path.unlink()


async def _until_nothing_waits(looking: Looking) -> None:
    """One of the worker's loops."""
    while await look_into_pictures(looking, now()):
        pass


async def settled(url: str, folder: Path) -> None:
    """Make the schema, and clinics with one patient each, the whole mix as pictures of theirs that wait."""
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    await engine.dispose()
    database, files = Database(url), mix()
    (folder / "mix").mkdir()
    keep(folder / "mix", files)
    for _ in range(TIMES):  # a clinic keeps the same file once
        await _sent(database, FolderStorage(folder / "files"), files)
    await database.close()


async def _sent(database: Database, storage: FolderStorage, files: list[File]) -> None:
    """To a clinic of their own."""
    clinic_id, at = new_id(), now()
    async with database.writing(Scope(clinic_id)) as writing:
        await found_clinic(writing, clinic_id, "Clinic", "IT", "EUR", "it", at)
        await open_branch(writing, clinic_id, "Centro", "Europe/Rome")
        patients, faults = await take_patients(writing, clinic_id, "mis", [(0, _anna())], SYSTEM, at)
        assert not faults
        await writing.execute(
            insert(Picture), [await _kept(storage, clinic_id, patients[0].id, file) for file in files]
        )


def _anna() -> PatientFact:
    return PatientFact(
        external_id="anna", version=1, branch="Centro", given_name="Anna", family_name="Rossi",
        birth_date=date(1985, 5, 17), language="it",
    )  # fmt: skip


async def _kept(storage: FolderStorage, clinic_id: UUID, patient_id: UUID, file: File) -> dict[str, object]:
    sha256 = hashlib.sha256(file.content).hexdigest()
    await storage.put(file_key(clinic_id, sha256, Variant.ORIGINAL), file.content, file.media_type)
    return {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "kind": PictureKind.XRAY.value,
        "state": PictureState.UPLOADED.value, "media_type": file.media_type.value, "sha256": sha256,
        "size_bytes": len(file.content), "uploaded_at": now(), "attempts": 0,
    }  # fmt: skip


if __name__ == "__main__":
    main()
