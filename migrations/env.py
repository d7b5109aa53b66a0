"""Runs migrations: over asyncpg, one at a time, and never waiting long for a lock that patients hold."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import api.app
import automation.tables

assert api.app
assert automation.tables  # importing the packages makes their tables known to the metadata

# Two nodes that start at once take turns, for as long as it takes; but a migration that cannot have a
# table's lock within 4 s gives up, because everybody who queues behind it would wait too.
_TURN = 0x656E616D656C


def run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=SQLModel.metadata, compare_server_default=True)
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
