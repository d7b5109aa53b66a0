"""One world and one node for a whole file of tests of the chat; whoever a test needs comes into them."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import pytest

from chat.wakeups import MemoryWakeups
from clinic.commands import open_branch
from core.database import Database
from tests.ground import Ground
from tests.node import node
from tests.world import World, make_parties, make_world


@pytest.fixture(scope="module")
async def world(database: Database, ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Its own in an empty database, which is empty again after it."""
    await ground.clear()
    made = make_world(database, tmp_path_factory.mktemp("one-world"), *await make_parties(database))
    yield made
    await made.http.aclose()
    await ground.empty()


@pytest.fixture(scope="module")
def here(world: World, migrated: str) -> Iterator[str]:
    """A node's address."""
    with node(world, migrated, MemoryWakeups()) as address:
        yield address


@pytest.fixture(scope="module")
async def nord(world: World) -> UUID:
    """The other branch; patients come to the first."""
    async with world.database.writing(world.here.scope) as writing:
        return await open_branch(writing, world.here.clinic_id, "Nord", "Europe/Rome")
