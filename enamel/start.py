"""Puts the parts together: the settings are read here, once, and everything is handed down from here."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass




from core.embedded_postgres import EmbeddedPostgres, create_database
from core.settings import Settings

DATABASE = "enamel"


@dataclass(frozen=True, slots=True)
class Server:
    """Where PostgreSQL is: for the application, and for the owner of the tables."""

    url: str
    owner_url: str
    embedded: EmbeddedPostgres | None


@contextmanager
def postgres(settings: Settings) -> Iterator[Server]:
    """The server of the settings, or the embedded one in the data folder for as long as the block lasts."""
    if settings.database_url:
        yield Server(settings.database_url, settings.database_owner_url or settings.database_url, None)
        return
    prepare_data_folder(settings)
    embedded = EmbeddedPostgres.start(settings.data, binaries=settings.postgres_bin)
    try:
        asyncio.run(create_database(embedded, DATABASE))
        yield Server(embedded.url(DATABASE), embedded.url(DATABASE), embedded)
    finally:
        embedded.stop()


def prepare_data_folder(settings: Settings) -> None:
    """The data folder holds health data: a new one is closed to others.

    As root it may be passed through, because PostgreSQL then runs as another user inside it; what lies in
    it is private either way.
    """
    if not settings.data.exists():
        settings.data.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700)
