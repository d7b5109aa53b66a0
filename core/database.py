"""The way to PostgreSQL: sessions that know their clinic, and the documents PostgreSQL builds.

Three kinds of session, told apart by type so that mypy refuses the wrong one:
`Reading` (a read-only transaction), `Writing` (may change rows; is also a `Reading`) and `Sweeping`
(the worker's, which alone crosses clinics). All three run as roles that own nothing, under row-level
security: a query that forgets its clinic finds nothing.
"""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType, TypeVar
from uuid import UUID

from sqlalchemy import (
    URL,
    BindParameter,
    ColumnElement,
    DateTime,
    Select,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    literal_column,
    make_url,
    select,
    text,
    true,
)
from sqlalchemy.dialects.postgresql.asyncpg import PGCompiler_asyncpg, PGDialect_asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import Field, SQLModel

from core.gathering import Ask, Gathering
from core.ids import new_id
from core.kept_connection import KeptConnection

APP_ROLE = "enamel_app"
WORKER_ROLE = "enamel_worker"

GATHERED_AT_ONCE, MOST_GATHERED = 2, 16
_ROUNDS_AT_ONCE = 3
T = TypeVar("T")

Reading = NewType("Reading", AsyncSession)
Writing = NewType("Writing", Reading)
Sweeping = NewType("Sweeping", Writing)

# Who sees what is private without being the patient: staff, partner apps, our own jobs.
CLINIC_VIEWER = "clinic"

# One statement for all settings, so that opening a scope costs one trip.
# The policies compare with the first two; the last is PostgreSQL's own.
_SCOPE = text(
    "select set_config('enamel.clinic_id', :clinic, true), set_config('enamel.viewer', :viewer, true),"
    " set_config('transaction_read_only', :read_only, true)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose rows a transaction may touch: one clinic's, or nobody's."""

    clinic_id: UUID | None = None
    guarded: bool = False
    """A patient's call: what is private stays hidden until the call opens the record it belongs to."""

    @property
    def viewer(self) -> str:
        """Who looks, for row-level security: the clinic sees what is private; a patient's own id sees their own."""
        return "" if self.guarded or self.clinic_id is None else CLINIC_VIEWER


NOBODY = Scope()
"""Only tables that belong to no clinic (accounts, sessions) can be seen."""


class TenantRow(SQLModel):
    """Base of every table that belongs to a clinic: `clinic_id` leads the primary key.

    Foreign keys carry it too, so a row cannot point into another clinic, and tables can be
    distributed by it. Each such table gets the policies of `tenant_rules` in its migration.
    """

    clinic_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)


# Types of the named parameters that documents and fragments bind.
UUID_PARAMETER = Uuid()
MOMENT_PARAMETER = DateTime(timezone=True)


class _DocumentCompiler(PGCompiler_asyncpg):
    """Writes a statement's constants (member names, states, limits) into its text; only named parameters are sent."""

    def visit_bindparam(self, bindparam: BindParameter[Any], *places: Any, **options: Any) -> str:
        constant = bindparam.unique and bindparam.value is not None
        options["literal_binds"] = options.get("literal_binds", False) or constant
        return str(super().visit_bindparam(bindparam, *places, **options))  # type: ignore[no-untyped-call]  # SQLAlchemy's own


class _DocumentDialect(PGDialect_asyncpg):
    statement_compiler = _DocumentCompiler


def scope_row() -> ColumnElement[Any]:
    """SQL: the clinic of a read document, to select from before anything else: `:clinic` as a subquery's column.

    Row-level security compares with a setting, and a document has one trip: no statement before it could
    make the setting. So the statement makes it itself. `select … from (select set_config(…)) scope` sets
    the clinic when the row of `scope` is read; everything else must be *correlated* with that row: scalar
    subqueries, or LATERAL subqueries that end in LIMIT, on `scope_row()`. Why the order holds:
    the subquery's column is volatile, so PostgreSQL never pulls it up; a scalar subquery that takes a value
    of a row cannot run before there is the row; a LATERAL subquery with LIMIT cannot be pulled up or hashed,
    so it is the inner side of a nested loop, run anew for each outer row; and the policies' `current_setting`
    is stable, not immutable, so it is asked while a scan runs and never while the plan is made. A statement
    that forgets the correlation reads under the empty setting and finds nothing: it fails closed.
    `is_local` ends the setting with the statement's own transaction, before the connection is used again.
    """
    clinic = bindparam("clinic", type_=Uuid())
    setting: ColumnElement[str] = literal_column("'enamel.clinic_id'")
    made = func.set_config(setting, clinic.cast(Text), true()).cast(Uuid())
    return select(made.label("clinic_id")).subquery("scope").c.clinic_id


_DOCUMENT_DIALECT: Any = _DocumentDialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's own gap


def written(statement: Select[Any] | ColumnElement[Any]) -> str:
    """A statement or condition without parameters as text, for database functions and what is written by hand."""
    return str(statement.compile(dialect=_DOCUMENT_DIALECT))


class Document:
    """A screen as one JSON document that PostgreSQL builds: compiled once, read as bytes.

    The statement selects one JSON value; one that answers many asks (`Database.documents`) selects the place of each
    before it. It must take its clinic from `scope_row` (see there), for
    row-level security to know it within the one trip. Parameters are bound by name.
    """

    def __init__(self, statement: Select[Any]) -> None:
        # As text: SQLAlchemy has taught its connections to parse json, which a document never needs.
        *named, whole = statement.selected_columns
        written = statement.with_only_columns(*named, cast(whole, Text), maintain_column_froms=True)
        compiled = written.compile(dialect=_DOCUMENT_DIALECT)
        self.sql = str(compiled)
        self.order: list[str] = list(compiled.positiontup or ())

    def arguments(self, values: dict[str, Any]) -> list[Any]:
        return [values[name] for name in self.order]


class Database:
    """All connections of one process. `on_trip` hears of every statement that goes past SQLAlchemy."""

    def __init__(self, url: str, *, pool: int = 8) -> None:
        self.on_trip: Callable[[str], None] | None = None
        self._url = asyncpg_url(url)
        self._gatherings: dict[Hashable, Gathering] = {}
        self._app = self._engine(APP_ROLE, pool + 1)  # one is kept for trips
        self._worker = self._engine(WORKER_ROLE, pool)
        # What all nodes ask every second is planned once: making its plan took four times as long as running it.
        self._rounds = self._engine(WORKER_ROLE, _ROUNDS_AT_ONCE, plan_cache_mode="force_generic_plan")
        self._kept = {engine: KeptConnection(engine) for engine in (self._app, self._rounds)}

    def _engine(self, role: str, pool: int, **more: str) -> AsyncEngine:
        settings = {
            **more,
            # Set in the connection's first packet, so no query can run before it.
            "role": role,
            "application_name": f"enamel:{role}",
            "timezone": "UTC",
            "jit": "off",
            "statement_timeout": "15s",
            "lock_timeout": "5s",
            "idle_in_transaction_session_timeout": "30s",
        }
        return create_async_engine(
            self._url,
            pool_size=pool,
            max_overflow=0,
            # The backend that was used last has its plans in the cache still.
            pool_use_lifo=True,
            pool_timeout=5,
            pool_pre_ping=False,
            connect_args={
                "server_settings": settings,
                "timeout": 5,
                # asyncpg prepares anything longer than 15 KiB anew each time, and the cabinet's document is longer.
                "max_cacheable_statement_size": 0,
            },
        )

    @property
    def engine(self) -> AsyncEngine:
        return self._app

    @asynccontextmanager
    async def reading(self, scope: Scope) -> AsyncIterator[Reading]:
        """A read-only transaction of one clinic; nothing it does can be committed."""
        async with self._session(self._app, scope, read_only=True) as session:
            yield Reading(session)

    @asynccontextmanager
    async def writing(self, scope: Scope) -> AsyncIterator[Writing]:
        """One unit of work of one clinic: commits when the block ends, rolls back when it raises."""
        async with self._session(self._app, scope, read_only=False) as session:
            yield Writing(Reading(session))

    @asynccontextmanager
    async def sweeping(self) -> AsyncIterator[Sweeping]:
        """The worker's unit of work over all clinics."""
        async with self._session(self._worker, NOBODY, read_only=False) as session:
            yield Sweeping(Writing(Reading(session)))

    @asynccontextmanager
    async def _session(self, engine: AsyncEngine, scope: Scope, *, read_only: bool) -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            connection = await session.connection()
            await connection.execute(_SCOPE, _scope_values(scope, read_only=read_only))
            yield session

    async def document(self, document: Document, **values: Any) -> bytes | None:
        """Run `document` in one trip, as its own transaction, and give its JSON untouched."""
        return await self.trip(document.sql, *document.arguments(values))

    async def documents(self, document: Document, asks: Sequence[Ask], **values: Any) -> list[bytes | None]:
        """Run a `document` of many `asks` in one trip: the JSON of each in their order, None where it has none."""
        listed = json.dumps([{"n": place, **ask} for place, ask in enumerate(asks)], default=str)
        arguments = document.arguments({**values, "asks": listed})
        rows = await self._asked(self._app, document.sql, lambda driver: driver.fetch(document.sql, *arguments))
        found: dict[int, str] = dict(rows)
        return [found[place].encode() if place in found else None for place in range(len(asks))]

    async def gathered(self, document: Document, ask: Ask, now: datetime, **values: Any) -> bytes | None:
        """One of the `documents` that are asked for at this moment with the same `values`: at the latest `now`."""

        async def together(key: Any, asks: Sequence[Ask]) -> list[bytes | None]:
            return await self.documents(document, asks, now=max(each["now"] for each in asks), **dict(key))

        gathering = self.gathering(document, lambda: Gathering(together, at_once=GATHERED_AT_ONCE, most=MOST_GATHERED))
        return await gathering.ask(tuple(values.items()), {**ask, "now": now})

    def gathering(self, of: Hashable, make: Callable[[], Gathering]) -> Gathering:
        """This process's one gathering of what is asked of this database, made when it is first asked for."""
        gathering = self._gatherings.get(of)
        if gathering is None:
            gathering = self._gatherings[of] = make()
        return gathering

    async def trip(self, sql: str, *arguments: Any, sweeping: bool = False) -> bytes | None:
        """One statement on the driver's own connection: for hot paths that are one statement.

        The statement carries its own clinic (`scope_row`, or a database function that sets it);
        a `sweeping` one runs as the worker, over all clinics, and its plan is fit for any values.
        """
        engine = self._rounds if sweeping else self._app
        value: str | None = await self._asked(engine, sql, lambda driver: driver.fetchval(sql, *arguments))
        return None if value is None else value.encode()

    async def _asked(self, engine: AsyncEngine, sql: str, question: Callable[[Any], Awaitable[T]]) -> T:
        if self.on_trip is not None:
            self.on_trip(sql)
        return await self._kept[engine].asked(question)

    async def schema_revision(self) -> str | None:
        """Which migration this database is at; None where none was ever run."""
        if await self.trip("select to_regclass('public.alembic_version')::text") is None:
            return None
        found = await self.trip("select version_num from alembic_version")
        return found.decode() if found else None

    async def close(self) -> None:
        for kept in self._kept.values():
            kept.close()
        await self._app.dispose()
        await self._worker.dispose()
        await self._rounds.dispose()


def asyncpg_url(url: str) -> URL:
    """`postgresql://…` (any driver named or none) as SQLAlchemy's URL for asyncpg."""
    return make_url(url).set(drivername="postgresql+asyncpg")


def _scope_values(scope: Scope, *, read_only: bool) -> dict[str, str]:
    return {
        "clinic": str(scope.clinic_id or ""),
        "viewer": scope.viewer,
        "read_only": "on" if read_only else "off",
    }
