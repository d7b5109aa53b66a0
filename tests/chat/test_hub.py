"""One node's sockets: nothing committed stays unheard, whatever the bus loses, and the slow hurt only themselves."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from chat.commands import OWN, Speaker, Target, mark, post_message, send
from chat.conversation import Side
from chat.frames import Close
from chat.hub import MOST_WAITING, Hub, Listener
from chat.log import Thread
from chat.queries import events_after, log_head
from chat.wakeups import MOST_AT_ONCE, MemoryWakeups, PostgresWakeups, Wakeups, payload_of, threads_of
from clinic.commands import grant_access
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from identity.commands import end_session
from identity.sign_in import Audience
from tests.conftest import Queries
from tests.world import Party, World

SOON = 0.02
NEVER = 3600.0


def phone_of(world: World, party: Party) -> Listener:
    claims = world.keys.tokens.verify(party.patient_token, Audience.PATIENT, now())
    speaker = Speaker(Side.PATIENT, claims.clinic_id, claims.subject_id, claims.session_id)
    return Listener(speaker, [party.patient_id], claims.expires_at)


def desk_of(world: World, party: Party) -> Listener:
    claims = world.keys.tokens.verify(party.staff_token, Audience.STAFF, now())
    return Listener(Speaker(Side.CLINIC, claims.clinic_id, claims.subject_id, claims.session_id), (), claims.expires_at)


@asynccontextmanager
async def running(world: World, wakeups: Wakeups, sweep_seconds: float) -> AsyncIterator[Hub]:
    hub = Hub(world.database, wakeups, sweep_seconds=sweep_seconds)
    await hub.start()
    try:
        yield hub
    finally:
        await hub.close()


async def heard(listener: Listener) -> dict[str, Any]:
    async with asyncio.timeout(10):
        frame = await listener.next()
    assert frame is not None, f"ended with {listener.ended!r}"
    value: dict[str, Any] = json.loads(frame)
    return value


async def ended(listener: Listener) -> Close | None:
    async with asyncio.timeout(10):
        while await listener.next() is not None:
            pass
    return listener.ended


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110  what is waited for tells nobody
            await asyncio.sleep(SOON)


async def say(world: World, listener: Listener, body: str, target: Target = OWN) -> tuple[Thread, Any]:
    sent = await send(world.database, listener.speaker, target, new_id(), body, now())
    return sent.thread, sent.event


async def test_what_no_wakeup_announced_the_sweep_finds_in_order(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        hub.join(desk)
        for number in range(30):
            await say(world, phone, f"n{number}")
        moved = await mark(world.database, phone.speaker, OWN, 3, 0, now())
        assert moved.event is not None
        frames = [await heard(desk) for _ in range(31)]
    assert [frame["rev"] for frame in frames] == list(range(1, 32))
    assert [frame["d"]["body"] for frame in frames[:30]] == [f"n{number}" for number in range(30)]
    assert (frames[30]["k"], frames[30]["d"]) == ("mark", {"dlv": 3, "read": 0})


async def test_a_commit_that_others_overtook_is_found_too(world: World) -> None:
    """A transaction that began first and ends last lies before the newest rows, but not before the horizon."""
    boris = Thread(world.here.clinic_id, world.here.other_patient_id)
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        hub.join(desk)
        async with world.database.writing(world.here.scope) as slow:
            await post_message(slow, boris, Side.AUTOMATION, new_id(), new_id(), "slow", None, now())
            await say(world, phone, "fast")
            assert (await heard(desk))["d"]["body"] == "fast"
            await asyncio.sleep(SOON * 6)
        assert (await heard(desk))["d"]["body"] == "slow"


async def test_announced_out_of_order_is_told_in_order_and_once(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        hub.join(desk)
        said = [await say(world, phone, f"n{number}") for number in range(4)]
        for place in (2, 0, 3, 1, 2):
            hub.announce(*said[place])
        assert [(await heard(desk))["rev"] for _ in range(4)] == [1, 2, 3, 4]
        last = await say(world, phone, "last")
        hub.announce(*last)
        assert (await heard(desk))["rev"] == 5


async def test_each_hears_their_own_conversations_only(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        here, there = phone_of(world, world.here), phone_of(world, world.there)
        desk, desk_there = desk_of(world, world.here), desk_of(world, world.there)
        for listener in (here, there, desk, desk_there):
            hub.join(listener)
        await say(world, desk, "to Boris", Target(patient_id=world.here.other_patient_id))
        await say(world, here, "from Anna here")
        await say(world, there, "from Anna there")
        # A reader's order holds within a conversation; between two of them a sweep may tell either first.
        assert {(await heard(desk))["d"]["body"] for _ in range(2)} == {"to Boris", "from Anna here"}
        assert (await heard(here))["d"]["body"] == "from Anna here"
        assert (await heard(there))["d"]["body"] == (await heard(desk_there))["d"]["body"] == "from Anna there"


async def test_a_slow_reader_is_ended_and_the_others_hear_all(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        phone, slow, quick = phone_of(world, world.here), desk_of(world, world.here), desk_of(world, world.here)
        hub.join(slow)
        hub.join(quick)
        thread, event = await say(world, phone, "Ciao")
        for rev in range(1, MOST_WAITING + 2):
            hub.announce(thread, event.model_copy(update={"rev": rev}))
            assert (await heard(quick))["rev"] == rev
        assert await slow.next() is None
        assert slow.ended is Close.TOO_SLOW
        assert quick.ended is None


async def test_a_signed_out_phone_an_expired_token_and_a_lost_right_end_their_sockets(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, there, desk = phone_of(world, world.here), phone_of(world, world.there), desk_of(world, world.here)
        stays = desk_of(world, world.there)
        there.expires_at = now() + timedelta(milliseconds=100)
        for listener in (phone, there, desk, stays):
            hub.join(listener)
        async with world.database.writing(world.here.scope) as writing:
            await end_session(writing, phone.speaker.account_id, phone.speaker.session_id, now())
            await writing.execute(text("update staff set permissions = '{}'"))
        assert await ended(phone) is Close.NO_RIGHT
        assert await ended(desk) is Close.NO_RIGHT
        assert await ended(there) is Close.TOKEN_ENDED
        assert stays.ended is None


async def test_a_taken_access_ends_the_socket_that_listened_to_it(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone = phone_of(world, world.here)
        hub.join(phone)
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update access set revoked_at = now()"))
        assert await ended(phone) is Close.NO_RIGHT


async def test_a_guardian_who_loses_a_ward_hears_the_own_record_on_and_the_wards_no_more(world: World) -> None:
    boris = Target(patient_id=world.here.other_patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await grant_access(
            writing, world.here.clinic_id, world.here.account_id, world.here.other_patient_id, "carer", now()
        )
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        phone.patients = frozenset({world.here.patient_id, world.here.other_patient_id})
        hub.join(phone)
        await say(world, desk, "to Boris, whose guardian hears it", boris)
        assert (await heard(phone))["rev"] == 1
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(
                text("update access set ends_at = now() - interval '1 second' where relation = 'carer'")
            )
        await until(lambda: len(phone.patients) == 1)
        await say(world, desk, "to Boris alone", boris)
        await say(world, desk, "to Anna", Target(patient_id=world.here.patient_id))
        assert (await heard(phone))["d"]["body"] == "to Anna"
        assert phone.ended is None


UNKNOWN = """
with moved as (update conversation set last_rev = last_rev + 1 returning *)
insert into chat_event (clinic_id, conversation_id, log, rev, kind, data, at)
select clinic_id, id, 's', last_rev, :kind, '{}', now() from moved
"""


async def test_a_kind_of_event_this_node_does_not_know_is_passed_over_and_asked_for_once(
    world: World, at_most: Queries
) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        hub.join(desk)
        await say(world, phone, "one")
        assert (await heard(desk))["rev"] == 1
        async with world.database.writing(world.here.scope) as slow:
            await slow.execute(text("select pg_current_xact_id()"))  # while it is open, the horizon stands
            async with world.database.writing(world.here.scope) as writing:
                await writing.execute(text(UNKNOWN), {"kind": "from-the-future"})
            with at_most(1000) as seen:
                await asyncio.sleep(SOON * 8)
        assert sum("unnest" in sql and "chat_event" in sql for sql in seen) <= 1
        thread, event = await say(world, phone, "three")
        assert (await heard(desk))["rev"] == event.rev == 3
    async with world.database.reading(world.here.scope) as reading:
        head = await log_head(reading, thread.clinic_id, event.conversation_id)
        assert head is not None
        page = await events_after(reading, head, 0, 50)
    assert [event.rev for event in page.events] == [1, 3]


async def test_a_row_that_cannot_be_read_ends_no_sweep(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        hub.join(phone)
        hub.join(desk)
        await say(world, phone, "one")
        await heard(phone)
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text(UNKNOWN), {"kind": "mark"})
        await until(lambda: bool(caplog.messages))
        async with world.database.writing(world.here.scope) as writing:
            await end_session(writing, phone.speaker.account_id, phone.speaker.session_id, now())
        assert await ended(phone) is Close.NO_RIGHT
        assert desk.ended is None
    assert re.search(r"ValidationError at \S+\.py:\d+$", caplog.messages[0])


async def test_the_sixth_socket_of_a_patient_takes_the_place_of_the_first(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        phones = [phone_of(world, world.here) for _ in range(6)]
        for phone in phones:
            hub.join(phone)
        assert [phone.ended for phone in phones] == [Close.ELSEWHERE, None, None, None, None, None]
        hub.announce(*await say(world, phones[5], "Ciao"))
        assert (await heard(phones[1]))["rev"] == 1
        assert await phones[0].next() is None


async def test_one_node_wakes_another_over_postgresql_and_again_after_its_connection_was_killed(
    world: World, postgres: EmbeddedPostgres
) -> None:
    url = postgres.url("enamel_test")
    async with (
        running(world, PostgresWakeups(url, pause_seconds=SOON), NEVER) as here,
        running(world, PostgresWakeups(url, pause_seconds=SOON), NEVER) as elsewhere,
    ):
        phone, desk = phone_of(world, world.here), desk_of(world, world.here)
        elsewhere.join(desk)
        here.announce(*await say(world, phone, "one"))
        assert (await heard(desk))["d"]["body"] == "one"
        killer = await asyncpg.connect(url)
        killed = (
            "select count(pg_terminate_backend(pid)) from pg_stat_activity where application_name = 'enamel:wakeups'"
        )
        assert await killer.fetchval(killed) == 2
        await killer.close()
        thread, event = await say(world, phone, "two")
        # What is announced while nobody listens is lost; a later wake-up brings it along.
        frame = None
        async with asyncio.timeout(10):
            while frame is None:
                here.announce(thread, event)
                with suppress(TimeoutError):
                    async with asyncio.timeout(SOON):
                        frame = await desk.next()
        assert json.loads(frame)["d"]["body"] == "two"


def test_a_wakeup_fits_into_one_notification_and_nonsense_wakes_nobody() -> None:
    threads: Collection[Thread] = [Thread(new_id(), new_id()) for _ in range(MOST_AT_ONCE)]
    payload = payload_of(threads)
    assert len(payload) < 8000
    assert threads_of(payload) == threads
    assert threads_of("no base64 !") == []
    assert threads_of(payload_of(threads)[:30]) == []
    assert isinstance(threads[0].clinic_id, UUID)


async def test_a_burst_of_one_commit_is_no_reason_to_call_a_reader_slow(world: World) -> None:
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with running(world, MemoryWakeups(), SOON) as hub:
        desk = desk_of(world, world.here)
        hub.join(desk)
        async with world.database.writing(world.here.scope) as writing:
            for number in range(MOST_WAITING + 50):
                await post_message(writing, thread, Side.AUTOMATION, new_id(), new_id(), f"n{number}", None, now())
        assert [(await heard(desk))["rev"] for _ in range(MOST_WAITING + 50)] == list(range(1, MOST_WAITING + 51))
