"""Where patients are, no PostgreSQL is started upon that acknowledges what is not on disk yet."""

import asyncio

import asyncpg
import pytest
from pydantic import SecretStr

from core.settings import Environment, Settings
from enamel.problems import CannotStart
from enamel.start import postgres


def settings(url: str, environment: Environment) -> Settings:
    return Settings(
        environment=environment, secret=SecretStr("x" * 40), public_url="https://enamel.example", database_url=url
    )


async def _set(url: str, level: str) -> None:
    owner = await asyncpg.connect(url)
    name = await owner.fetchval("select quote_ident(current_database())")
    await owner.execute(f"alter database {name} set synchronous_commit = {level}")
    await owner.close()


def test_asynchronous_commits_are_refused_in_production_alone(migrated: str) -> None:
    before = asyncio.run(_level(migrated))
    try:
        asyncio.run(_set(migrated, "off"))
        with (
            pytest.raises(CannotStart, match="synchronous_commit"),
            postgres(settings(migrated, Environment.PRODUCTION)),
        ):
            pass
        with postgres(settings(migrated, Environment.DEVELOPMENT)) as server:
            assert server.url == migrated
        asyncio.run(_set(migrated, "local"))
        with postgres(settings(migrated, Environment.PRODUCTION)) as server:
            assert server.url == migrated
    finally:
        asyncio.run(_set(migrated, before))


async def _level(url: str) -> str:
    owner = await asyncpg.connect(url)
    level = str(await owner.fetchval("select current_setting('synchronous_commit')"))
    await owner.close()
    return level
