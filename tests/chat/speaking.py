"""Who speaks in the tests of the chat, and the shortest ways of doing so."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy import text

from api.saying import speaker_of
from chat.commands import OWN, Sent, Speaker, Target, send
from core.clock import now
from core.database import Database
from core.ids import new_id
from identity.sign_in import Audience
from tests.world import Party, World


def patient_of(world: World, party: Party) -> Speaker:
    return speaker_of(world.keys.tokens.verify(party.patient_token, Audience.PATIENT, now()))


def desk_of(world: World, party: Party) -> Speaker:
    return speaker_of(world.keys.tokens.verify(party.staff_token, Audience.STAFF, now()))


async def say(world: World, speaker: Speaker, body: str, target: Target = OWN, client_id: UUID | None = None) -> Sent:
    return await send(world.database, speaker, target, client_id or new_id(), body, now())


async def rows(world: World, sql: str) -> list[tuple[Any, ...]]:
    async with world.database.reading(world.here.scope) as reading:
        return [tuple(row) for row in await reading.execute(text(sql))]


async def change_row(world: World, sql: str, **values: Any) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text(sql), values)


@asynccontextmanager
async def two_nodes(world: World, url: str) -> AsyncIterator[Sequence[Database]]:
    """The world's own pool and another process's."""
    other = Database(url, pool=8)
    yield (world.database, other)
    await other.close()
