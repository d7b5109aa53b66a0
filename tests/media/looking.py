"""A worker's look into pictures, for tests that need pictures to be ready: a real darkroom, the plain scanner."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from core.clock import now
from enamel.worker.media import Looking, look_into_pictures
from media.darkroom import PYTHON, Darkroom
from media.scanner import PlainScanner
from media.storage import Storage
from tests.world import World


@asynccontextmanager
async def looking_into(
    world: World, storage: Storage | None = None, command: tuple[str, ...] = PYTHON, processes: int = 1
) -> AsyncIterator[Looking]:
    """What the worker looks with, over another storage or with another process if given."""
    async with Darkroom(processes, command=command) as darkroom:
        yield Looking(world.database, storage or world.ports.storage, darkroom, PlainScanner())


async def look(world: World, at: datetime | None = None) -> None:
    """What the worker does until nothing waits."""
    async with looking_into(world) as looking:
        while await look_into_pictures(looking, at or now()):
            pass
