"""Real workers, killed with SIGKILL in the middle of a copy and of an erasure: another one brings both to their end."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from core.database import Database, asyncpg_url
from core.embedded_postgres import EmbeddedPostgres
from tests.enamel.test_erasing import confirmed, files_that_say, folder, said_anywhere, somebody
from tests.world import World

PATIENCE_SECONDS = 40

Worker = asyncio.subprocess.Process


@pytest.fixture
async def start(world: World, postgres: EmbeddedPostgres) -> AsyncIterator[Callable[[], Awaitable[Worker]]]:
    started: list[Worker] = []
    program = [sys.executable, "-m", "tests.enamel.privacy_worker", postgres.url("enamel_test"), str(folder(world))]

    async def start() -> Worker:
        worker = await asyncio.create_subprocess_exec(*program)
        started.append(worker)
        return worker

    yield start
    for worker in started:
        if worker.returncode is None:
            worker.kill()
            await worker.wait()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await true():  # noqa: ASYNC110  another process sets no event of ours
            await asyncio.sleep(0.02)


@asynccontextmanager
async def no_event_recorded(postgres: EmbeddedPostgres) -> AsyncIterator[None]:
    """Nobody can record an event while the block lasts, which is the last word of every step; reading goes on."""
    owner = create_async_engine(asyncpg_url(postgres.url("enamel_test")))
    async with owner.begin() as connection:
        await connection.execute(text("lock table event in share row exclusive mode"))
        yield
    await owner.dispose()


async def lease_over(database: Database, table: str) -> None:
    """As if the lease of the killed worker had run out."""
    async with database.sweeping() as sweeping:
        await sweeping.execute(text(f"update {table} set lease_until = now() - interval '1 second'"))  # noqa: S608


async def value(database: Database, query: str) -> object:
    async with database.sweeping() as sweeping:
        return (await sweeping.execute(text(query))).scalar_one()


async def waits(database: Database) -> bool:
    return bool(await value(database, "select exists (select from pg_locks where not granted)"))


async def test_a_copy_whose_worker_died_is_made_by_another(
    world: World, postgres: EmbeddedPostgres, start: Callable[[], Awaitable[Worker]]
) -> None:
    database = world.database
    asked = await world.post("/v1/me/privacy/exports", world.here.patient, None)
    worker = await start()

    async def taken() -> bool:
        return await value(database, "select attempts from privacy_export") == 1

    # The file is stored; that it is ready cannot be written down.
    async with no_event_recorded(postgres):
        await until(taken)
        await until(lambda: waits(database))
        worker.kill()
        await worker.wait()
    assert await value(database, "select state from privacy_export") == "asked"
    await lease_over(database, "privacy_export")
    await start()

    async def ready() -> bool:
        return await value(database, "select state from privacy_export") == "ready"

    await until(ready)
    link = await world.post(f"/v1/me/privacy/exports/{asked.json()['export_id']}/link", world.here.patient, None)
    fetched = await world.get(link.json()["url"].removeprefix(world.ports.public_url), world.here.patient)
    assert fetched.status_code == 200
    copies = [each for each in folder(world).rglob("*") if each.is_file() and "copies" in each.parts]
    assert len(copies) == 1, "the second worker's file took the place of the first one's"


async def test_an_erasure_whose_worker_died_before_the_commit_is_done_by_another(
    world: World, postgres: EmbeddedPostgres, start: Callable[[], Awaitable[Worker]]
) -> None:
    database = world.database
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    async with no_event_recorded(postgres):
        worker = await start()
        await until(lambda: waits(database))
        worker.kill()
        await worker.wait()
    assert await said_anywhere(world) != {}, "nothing was committed"
    await lease_over(database, "erasure")
    await start()

    async def done() -> bool:
        return await value(database, "select state from erasure") == "done"

    await until(done)
    assert await said_anywhere(world) == {}
    assert len(files_that_say(folder(world))) == 1


async def test_an_erasure_whose_worker_died_after_the_commit_has_its_files_erased_by_another(
    world: World, start: Callable[[], Awaitable[Worker]]
) -> None:
    database = world.database
    patient_id = await somebody(world)
    await confirmed(world, patient_id)
    worker = await start()

    async def emptied() -> bool:
        return await value(database, "select state from erasure") in ("emptied", "done")

    await until(emptied)
    worker.kill()
    await worker.wait()
    await lease_over(database, "erasure")
    async with database.sweeping() as sweeping:  # whatever it came to: as if it had died right after the commit
        await sweeping.execute(text("update erasure set state = 'emptied', done_at = null"))
    (folder(world) / str(world.here.clinic_id) / str(patient_id) / "late").mkdir(parents=True, exist_ok=True)
    await start()

    async def done() -> bool:
        return await value(database, "select state from erasure") == "done"

    await until(done)
    assert not (folder(world) / str(world.here.clinic_id) / str(patient_id)).exists()
    assert await said_anywhere(world) == {}
