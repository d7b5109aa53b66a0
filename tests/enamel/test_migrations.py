"""Migrations: a migrated database is the one the tables describe, in every detail the catalogue knows."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

from core.database import asyncpg_url
from core.embedded_postgres import EmbeddedPostgres, create_database
from core.schema import create_schema
from enamel.migrate import downgrade, revisions, upgrade

# Alembic's own check sees columns and plain indexes; this sees constraints, predicates, policies, rights,
# functions, storage options and defaults too.
CATALOGUE = """
select 'column' as what, table_name || '.' || column_name as name,
       concat_ws(' ', data_type, udt_name, is_nullable, column_default, generation_expression) as is
  from information_schema.columns where table_schema = 'public' and table_name <> 'alembic_version'
union all
select 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  from pg_constraint where connamespace = 'public'::regnamespace and conrelid::regclass::text <> 'alembic_version'
union all
select 'index', tablename || '.' || indexname, indexdef
  from pg_indexes where schemaname = 'public' and tablename <> 'alembic_version'
union all
select 'policy', tablename || '.' || policyname, concat_ws(' ', permissive, roles::text, cmd, qual, with_check)
  from pg_policies where schemaname = 'public'
union all
select 'table', relname, concat_ws(' ', relrowsecurity, relforcerowsecurity, reloptions::text, relacl::text)
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'alembic_version'
union all
select 'function', proname, pg_get_functiondef(oid) || coalesce(proacl::text, '')
  from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
"""


async def catalogue(url: str) -> dict[tuple[str, str], str]:
    connection = await asyncpg.connect(url)
    try:
        return {(row["what"], row["name"]): row["is"] for row in await connection.fetch(CATALOGUE)}
    finally:
        await connection.close()


async def described(url: str) -> None:
    engine = create_async_engine(asyncpg_url(url))
    async with engine.begin() as connection:
        await connection.run_sync(create_schema, SQLModel.metadata)
    await engine.dispose()


@pytest.fixture
def empty(postgres: EmbeddedPostgres, request: pytest.FixtureRequest) -> str:
    name = f"migration_{abs(hash(request.node.name))}"
    asyncio.run(create_database(postgres, name))
    return postgres.url(name)


def test_a_migrated_database_is_what_the_tables_describe(postgres: EmbeddedPostgres, empty: str) -> None:
    upgrade(empty)
    asyncio.run(create_database(postgres, "described"))
    asyncio.run(described(postgres.url("described")))
    migrated, wanted = asyncio.run(catalogue(empty)), asyncio.run(catalogue(postgres.url("described")))
    assert {key: (migrated.get(key), text) for key, text in wanted.items() if migrated.get(key) != text} == {}
    assert migrated.keys() - wanted.keys() == set()


def test_every_migration_goes_up_down_and_up_again(empty: str) -> None:
    steps = revisions()
    assert steps
    for before, revision in zip(["base", *steps], steps, strict=False):
        upgrade(empty, revision)
        downgrade(empty, before)
        upgrade(empty, revision)


def test_migrating_twice_changes_nothing(empty: str) -> None:
    upgrade(empty)
    once = asyncio.run(catalogue(empty))
    upgrade(empty)
    assert asyncio.run(catalogue(empty)) == once
