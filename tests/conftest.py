"""Fixtures of all tests: one embedded PostgreSQL a run, one database, two clinics in every test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from core.database import Database, asyncpg_url
from core.embedded_postgres import EmbeddedPostgres, create_database
from core.schema import create_schema
from enamel.migrate import upgrade
from tests import frames_seen
from tests.ground import Ground
from tests.world import World, make_parties, make_world


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long bytes are named by their argument: what each process makes anew would name a test differently in each."""
    return argname if isinstance(val, bytes) and len(val) > 32 else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that start whole processes first: a minute of one of them at the end would leave the other core idle."""
    items.sort(key=lambda item: item.path.parent.name not in _LONG)


_LONG = {"chaos", "clients", "enamel"}


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Every async test runs on one loop (`anyio_mode = "auto"`), where the connection pool lives."""
    return "asyncio"


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    # Not pytest's own temp folder: that is closed to the user PostgreSQL runs as when we are root.
    folder = Path(tempfile.mkdtemp(prefix="enamel-test-"))
    folder.chmod(0o711)
    # ENAMEL_POSTGRES_BIN runs the same tests on another PostgreSQL: CI does so with Debian's 15.
    server = EmbeddedPostgres.start(folder, binaries=os.environ.get("ENAMEL_POSTGRES_BIN", ""), durable=False)
    yield server
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def migrated(postgres: EmbeddedPostgres) -> str:
    """The address of a database that every migration has been run on, as an installed Enamel has it."""
    url = postgres.url("enamel_test")
    asyncio.run(create_database(postgres, "enamel_test"))
    make_schema(url)
    return url


def make_schema(url: str) -> None:
    """As an installed Enamel has it."""
    # While tables are being designed there is no migration yet; the check itself never runs so.
    if os.environ.get("ENAMEL_TEST_SCHEMA") == "declared":
        asyncio.run(declare(url))
    else:
        upgrade(url)


async def declare(url: str) -> None:
    """Make the schema straight from the tables, without migrations."""
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    await engine.dispose()


@pytest.fixture(scope="session")
async def database(migrated: str) -> AsyncIterator[Database]:
    opened = Database(migrated)
    yield opened
    await opened.close()


@pytest.fixture(scope="session")
async def owner(migrated: str) -> AsyncIterator[asyncpg.Connection]:
    """The owner of the tables, of whom no trigger tells and no key is asked."""
    connection = await asyncpg.connect(migrated)
    await connection.execute("set session_replication_role = replica")
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def ground(owner: asyncpg.Connection) -> Ground:
    return Ground(owner)


@pytest.fixture
async def clean(database: Database, ground: Ground, request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """The database, empty but for the two clinics of a test that asks for them."""
    if "world" not in request.fixturenames:
        await ground.clear()
    yield database
    await ground.settle()


@pytest.fixture
async def world(clean: Database, ground: Ground, tmp_path: Path) -> AsyncIterator[World]:
    made = make_world(clean, tmp_path, *await ground.parties(lambda: make_parties(clean)))
    yield made
    await made.http.aclose()


Queries = Callable[[int], AbstractContextManager[list[str]]]


@pytest.fixture
def at_most(database: Database) -> Queries:
    """`with at_most(2): …` fails when more SQL statements than that were run (the scope's own not counted)."""

    @contextmanager
    def counting(most: int) -> Iterator[list[str]]:
        seen: list[str] = []

        def note(_c: object, _cur: object, statement: str, *_: object) -> None:
            if "set_config('enamel.clinic_id'" not in statement:
                seen.append(statement)

        engines = [engine.sync_engine for engine in (database.engine, database._worker)]
        for engine in engines:
            event.listen(engine, "before_cursor_execute", note)
        database.on_trip = seen.append
        try:
            yield seen
        finally:
            for engine in engines:
                event.remove(engine, "before_cursor_execute", note)
            database.on_trip = None
        assert len(seen) <= most, f"{len(seen)} statements, at most {most} allowed:\n" + "\n".join(seen)

    return counting


def pytest_testnodedown(node: Any) -> None:
    """A worker of xdist is done: what it saw is seen."""
    frames_seen.SEEN.update(getattr(node, "workeroutput", {}).get("frames", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A run of all tests must have seen every message of the AsyncAPI document; a part of them need not."""
    config = session.config
    if hasattr(config, "workeroutput"):
        config.workeroutput["frames"] = sorted(frames_seen.SEEN)
        return
    is_whole = config.args == config.getini("testpaths") and not config.option.keyword and not config.option.markexpr
    unseen = frames_seen.unseen(frames_seen.SEEN)
    if exitstatus == 0 and is_whole and not config.option.collectonly and unseen:
        print(f"\nno test ever saw these messages of openapi/chat.asyncapi.yaml: {', '.join(unseen)}")  # noqa: T201  pytest's own end
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
