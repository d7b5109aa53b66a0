"""A file that cannot be erased is put off, so that those behind it are erased."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.clock import now
from core.errors import Unavailable
from core.ids import new_id
from enamel.worker.files import sweep_files
from media.commands.files import PATIENCE
from media.folder import FolderStorage
from tests.world import World

ENDED = (
    "select pg_terminate_backend(pid) from pg_stat_activity"
    " where datname = current_database() and state = 'idle in transaction'"
)


class Stuck(FolderStorage):
    """A folder in which one key is not erased: `breaks` happens instead."""

    def __init__(self, inner: FolderStorage, key: str, breaks: Callable[[], Awaitable[Any]]) -> None:
        self.__dict__ = inner.__dict__ | {"key": key, "breaks": breaks}

    async def erase_under(self, key: str) -> None:
        if key == self.key:
            await self.breaks()
        await super().erase_under(key)

    key: str
    breaks: Callable[[], Awaitable[Any]]


async def down() -> None:
    raise Unavailable(retry_after_seconds=1)


async def left(world: World, name: str, age: timedelta) -> str:
    key = f"{world.here.clinic_id}/sheets/{name}"
    await world.ports.storage.put(f"{key}/a.webp", b"bytes", "image/webp")
    values = {"clinic": world.here.clinic_id, "id": new_id(), "key": key, "since": now() - age}
    added = text("insert into file_left (clinic_id, id, key, since) values (:clinic, :id, :key, :since)")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(added, values)
    return key


async def waiting(world: World) -> set[str]:
    async with world.database.sweeping() as sweeping:
        return set((await sweeping.execute(text("select key from file_left"))).scalars())


async def erased_in_turn(world: World, breaks: Callable[[], Awaitable[Any]], error: type[Exception]) -> None:
    storage = world.ports.storage
    assert isinstance(storage, FolderStorage)
    oldest, younger = await left(world, "oldest", 3 * PATIENCE), await left(world, "younger", 2 * PATIENCE)
    stuck, at = Stuck(storage, oldest, breaks), now()
    with pytest.raises(error):
        await sweep_files(world.database, stuck, at)
    assert await waiting(world) == {oldest, younger}
    assert await sweep_files(world.database, stuck, at) == 1
    assert await waiting(world) == {oldest}
    assert await sweep_files(world.database, storage, at) == 0, "its patience has begun anew"
    assert await sweep_files(world.database, storage, at + PATIENCE) == 1
    assert await waiting(world) == set()
    assert await storage.keys_under(str(world.here.clinic_id)) == []


async def test_a_file_that_cannot_be_erased_holds_up_none_behind_it(world: World) -> None:
    await erased_in_turn(world, down, Unavailable)


async def test_nor_does_one_whose_erasing_outlasts_its_transaction(world: World, owner: asyncpg.Connection) -> None:
    async def outlasts() -> None:
        """What PostgreSQL does with a transaction that waits for longer than it may."""
        await owner.execute(ENDED)

    await erased_in_turn(world, outlasts, DBAPIError)
