"""Brings a database to the schema of this version, and writes new migrations."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from core.database import asyncpg_url

_FOLDER = Path(__file__).parent.parent / "migrations"


def _config(owner_url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.set_main_option("path_separator", "os")
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes["url"] = asyncpg_url(owner_url)
    return config


def upgrade(owner_url: str, revision: str = "head") -> None:
    """Every migration up to `revision`, as the owner of the tables. Safe to run from many nodes at once."""
    command.upgrade(_config(owner_url), revision)


def downgrade(owner_url: str, revision: str) -> None:
    command.downgrade(_config(owner_url), revision)


def revisions() -> list[str]:
    """All revisions, oldest first."""
    scripts = ScriptDirectory.from_config(_config("postgresql://"))
    return [script.revision for script in reversed(list(scripts.walk_revisions()))]


def write_migration(owner_url: str, message: str) -> None:
    """A new file under `migrations/versions` from the difference between the tables and an upgraded database.

    Tables and columns only: policies, rights and functions are added by hand, and the drift test says
    when one is missing.
    """
    number = f"{len(revisions()) + 1:04d}"
    command.revision(_config(owner_url), message=message, autogenerate=True, rev_id=number)
