"""Whose phones are told of a message that one of several hearers already looks at."""

from uuid import UUID

from sqlalchemy import text

from chat.commands import Speaker, Target, mark
from chat.conversation import Side
from clinic.commands import grant_access
from core.clock import now
from enamel.worker.chat import tell_unread
from identity.sign_in import Audience
from tests.api.household import FATHER, sign_in
from tests.chat.test_unread_push import LATER, connect, speaker, write
from tests.world import World


async def guardian(world: World) -> Speaker:
    here, father = world.here, await sign_in(world, FATHER)
    async with world.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, father.account_id, here.patient_id, "carer", now())
    return Speaker(Side.PATIENT, here.clinic_id, father.account_id, father.session_id)


async def told(world: World) -> list[tuple[UUID | None, int]]:
    """Whom each notice is for (None: everybody), and of which message."""
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select account_id, seq from notice order by created_at, account_id"))
        return [(row.account_id, row.seq) for row in rows]


async def test_who_looks_keeps_nobody_elses_phone_quiet(world: World) -> None:
    at, here, father = now(), world.here, await guardian(world)
    await connect(world, here)
    for _ in range(2):
        await write(world, here, at)
    await mark(world.database, father, Target(patient_id=here.patient_id), 2, 2, at, front=True)
    assert await tell_unread(world.database, at + LATER) == 2
    assert await told(world) == [(here.account_id, 2)]


async def test_who_looked_before_the_newest_came_is_told_with_the_others(world: World) -> None:
    at, here, father = now(), world.here, await guardian(world)
    await connect(world, here)
    await write(world, here, at)
    await mark(world.database, father, Target(patient_id=here.patient_id), 1, 1, at, front=True)
    await write(world, here, at)
    assert await tell_unread(world.database, at + LATER) == 2
    assert await told(world) == [(None, 2)]


async def test_what_everybody_looks_at_is_told_nobody(world: World) -> None:
    at, here, father = now(), world.here, await guardian(world)
    anna = speaker(world, here, Audience.PATIENT)
    await connect(world, here)
    await write(world, here, at)
    for who in (father, anna):
        await mark(world.database, who, Target(patient_id=here.patient_id), 1, 1, at, front=True)
    assert await tell_unread(world.database, at + LATER) == 1
    assert await told(world) == []
