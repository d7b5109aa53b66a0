"""When a phone is told of a message: three seconds later, once, and not when a device has it on its screen."""

import asyncio
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

import chat.unread_push
from chat.commands import OWN, Speaker, Target, mark, post_message, send
from chat.conversation import Side
from chat.log import Thread
from chat.unread_push import notices_for_unread
from core.clock import now
from core.ids import new_id
from enamel.worker.chat import tell_unread
from identity.sign_in import Audience
from tests.conftest import Queries
from tests.world import Party, World

LATER = timedelta(seconds=4)


def speaker(world: World, party: Party, audience: Audience) -> Speaker:
    patient = audience is Audience.PATIENT
    claims = world.keys.tokens.verify(party.patient_token if patient else party.staff_token, audience, now())
    side = Side.PATIENT if patient else Side.CLINIC
    return Speaker(side, claims.clinic_id, claims.subject_id, claims.session_id)


async def write(world: World, party: Party, at: datetime) -> UUID:
    desk = speaker(world, party, Audience.STAFF)
    sent = await send(world.database, desk, Target(patient_id=party.patient_id), new_id(), "Venga", at)
    return sent.event.conversation_id


async def notices(world: World) -> list[tuple[str, UUID]]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select dedupe_key, patient_id from notice order by dedupe_key"))
        return [(row.dedupe_key, row.patient_id) for row in rows]


async def test_an_unseen_burst_is_told_once_after_three_seconds(world: World) -> None:
    at = now()
    for _ in range(3):
        here = await write(world, world.here, at)
    there = await write(world, world.there, at)
    assert await tell_unread(world.database, at + timedelta(seconds=2)) == 0
    assert await tell_unread(world.database, at + LATER) == 4
    assert await tell_unread(world.database, at + 2 * LATER) == 0
    told = {(f"chat:{here}:3", world.here.patient_id), (f"chat:{there}:1", world.there.patient_id)}
    assert set(await notices(world)) == told


async def test_what_a_device_has_shown_or_the_patient_wrote_is_not_told(world: World) -> None:
    at, anna = now(), speaker(world, world.here, Audience.PATIENT)
    await write(world, world.here, at)
    await send(world.database, anna, OWN, new_id(), "Arrivo", at)
    await mark(world.database, anna, OWN, 1, 0, at)
    assert await tell_unread(world.database, at + LATER) == 1
    assert await notices(world) == []


async def test_a_mark_of_the_desk_keeps_nobody_from_being_told(world: World) -> None:
    at = now()
    conversation = await write(world, world.here, at)
    await mark(world.database, speaker(world, world.here, Audience.STAFF), Target(conversation), 1, 1, at)
    await tell_unread(world.database, at + LATER)
    assert len(await notices(world)) == 1


async def test_yesterdays_messages_are_decided_without_a_push(world: World) -> None:
    at = now()
    await write(world, world.here, at)
    assert await tell_unread(world.database, at + timedelta(days=2)) == 1
    assert await notices(world) == []


async def test_workers_at_once_tell_each_conversation_once(world: World) -> None:
    at = now()
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        for _ in range(20):
            await post_message(writing, thread, Side.AUTOMATION, new_id(), new_id(), "Controllo", None, at)
    decided = await asyncio.gather(*(tell_unread(world.database, at + LATER) for _ in range(5)))
    assert sum(decided) == 20
    assert len(await notices(world)) == 1


async def test_a_round_decides_a_conversation_whole_and_another_worker_leaves_it_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat.unread_push, "MOST_AT_ONCE", 1)
    at = now()
    for _ in range(3):
        here = await write(world, world.here, at - timedelta(seconds=1))  # so this conversation's turn comes first
    there = await write(world, world.there, at)
    async with world.database.sweeping() as first, world.database.sweeping() as second:
        assert await notices_for_unread(first, at + LATER) == 3
        assert await notices_for_unread(second, at + LATER) in (0, 1)
    await tell_unread(world.database, at + LATER)
    told = {(f"chat:{here}:3", world.here.patient_id), (f"chat:{there}:1", world.there.patient_id)}
    assert set(await notices(world)) == told


@pytest.mark.parametrize("clinics", [1, 2])
async def test_a_round_is_three_statements_however_many_clinics_there_are(
    world: World, at_most: Queries, clinics: int
) -> None:
    at = now()
    for party in (world.here, world.there)[:clinics]:
        await write(world, party, at)
    with at_most(3):
        assert await tell_unread(world.database, at + LATER) == clinics
    assert len(await notices(world)) == clinics
