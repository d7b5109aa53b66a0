"""Runs migrations: over asyncpg, one at a time, and never waiting long for a lock that patients hold."""

import asyncio

from alembic import context
from sqlalchemy import JSON, Column, Connection, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
import automation.tables

assert api.app
assert automation.tables  # importing the packages makes their tables known to the metadata

# Two nodes that start at once take turns, for as long as it takes; but a migration that cannot have a
# table's lock within 4 s gives up, because everybody who queues behind it would wait too.
_TURN = 0x656E616D656C


def _default_differs(_context: object, _found: object, column: Column[object], *_defaults: object) -> bool | None:
    """None lets Alembic ask PostgreSQL whether two defaults are equal, which `json` cannot answer."""
    return False if type(column.type) in (JSON, postgresql.JSON) else None


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_server_default=_default_differs)
    with context.begin_transaction():
        connection.execute(text("select pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
        connection.execute(text("set local lock_timeout = '4s'"))
        connection.execute(text("set local statement_timeout = '60s'"))
        context.run_migrations()


async def online() -> None:
    engine = create_async_engine(context.config.attributes["url"])
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
            await connection.commit()
    finally:
        await engine.dispose()


asyncio.run(online())
