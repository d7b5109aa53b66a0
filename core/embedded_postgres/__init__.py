"""A PostgreSQL of our own: found, made, started and adopted without docker, passwords or network."""

from core.embedded_postgres.binaries import Binaries, NoPostgres, find_binaries
from core.embedded_postgres.server import EmbeddedPostgres, create_database

__all__ = ["Binaries", "EmbeddedPostgres", "NoPostgres", "create_database", "find_binaries"]
