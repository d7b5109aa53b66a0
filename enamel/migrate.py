"""Brings a database to the schema of this version, and writes new migrations."""

import asyncio
import tempfile
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.database import Database, asyncpg_url
from core.embedded_postgres import EmbeddedPostgres, create_database
from core.settings import Settings
from enamel.problems import CannotStart
from enamel.start import postgres

_FOLDER = Path(__file__).parent.parent / "migrations"


def migrate(settings: Settings) -> int:
    with postgres(settings) as server:
        upgrade(server.owner_url)
    return 0


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Every migration up to `revision`, as the owner of the tables. Safe to run from many nodes at once."""
    command.upgrade(_config(owner_url), revision)


def downgrade(owner_url: str, revision: str) -> None:
    command.downgrade(_config(owner_url), revision)


def check_schema(database_url: str) -> None:
    """Raises `CannotStart` where the database is not at this version's schema."""
    found = asyncio.run(_revision(database_url))
    if found != revisions()[-1]:
        raise CannotStart(f"the database's schema is {found or 'empty'}, not {revisions()[-1]}: run `enamel migrate`")


async def _revision(database_url: str) -> str | None:
    database = Database(database_url, pool=1)
    try:
        return await database.schema_revision()
    finally:
        await database.close()


def revisions() -> list[str]:
    """All revisions, oldest first."""
    scripts = ScriptDirectory.from_config(_config("postgresql://"))
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def write_new_migration(message: str) -> int:
    """A new file under `migrations/versions`: what the tables have and an upgraded database has not.

    Tables and columns only: policies, rights and functions are added by hand, and the drift test says
    when one is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)  # as root the server runs as somebody else, who must get through
        server = EmbeddedPostgres.start(Path(folder) / "pg", durable=False)
        try:
            asyncio.run(create_database(server, "enamel"))
            upgrade(server.url("enamel"))
            number = f"{len(revisions()) + 1:04d}"
            command.revision(_config(server.url("enamel")), message=message, autogenerate=True, rev_id=number)
        finally:
            server.stop()
    return 0


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = asyncpg_url(owner_url)
    return config
