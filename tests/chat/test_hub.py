"""One node's sockets: nothing committed stays unheard, whatever the bus loses, and the slow hurt only themselves."""

import asyncio
import json
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text

from chat.commands import OWN, Author, Target, mark, post_message, send
from chat.conversation import Side
from chat.frames import Close
from chat.listener import GRACE, MOST_WAITING, SLOWEST_READER_SECONDS, Listener
from chat.log import Thread
from chat.queries import events_after, log_head
from chat.wakeups import MOST_AT_ONCE, MemoryWakeups, PostgresWakeups, payload_of, threads_of
from chat.watch import _NEWS
from clinic.commands import grant_access
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from identity.commands import end_session
from tests.chat.listening import (
    NEVER,
    SOON,
    desk_of,
    ended,
    heard,
    joined_desk,
    next_of,
    phone_of,
    running,
    until,
)
from tests.conftest import Queries
from tests.world import World


async def say(world: World, listener: Listener, body: str, target: Target = OWN) -> tuple[Thread, Any]:
    sent = await send(world.database, listener.speaker, target, new_id(), body, now())
    return sent.thread, sent.event


async def test_what_no_wakeup_announced_the_sweep_finds_in_order(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
        for number in range(30):
            await say(world, phone, f"n{number}")
        moved = await mark(world.database, phone.speaker, OWN, 3, 0, now())
        assert moved.event is not None
        frames = [await heard(desk) for _ in range(31)]
    assert [frame["rev"] for frame in frames] == list(range(1, 32))
    assert [frame["d"]["body"] for frame in frames[:30]] == [f"n{number}" for number in range(30)]
    assert (frames[30]["k"], frames[30]["d"]) == ("mark", {"dlv": 3, "read": 0})


async def test_who_waits_for_a_message_hears_of_it_before_its_sender_is_acked(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        sender, desk, written = phone_of(world, world.here), joined_desk(hub, world, world.here), list[str]()
        hub.join(sender)
        sender.news, desk.news = lambda: written.append("sender"), lambda: written.append("desk")
        thread, event = await say(world, sender, "ciao")
        sender.offer("ack", later=True)
        assert written == []
        hub.announce(thread, event)
    assert written[:2] == ["desk", "sender"]
    assert sender.take() == "ack"
    assert json.loads(sender.take() or "")["d"]["body"] == "ciao"


async def test_a_commit_that_others_overtook_is_found_too(world: World) -> None:
    """A transaction that began first and ends last lies before the newest rows, but not before the horizon."""
    boris = Thread(world.here.clinic_id, world.here.other_patient_id)
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
        async with world.database.writing(world.here.scope) as slow:
            await post_message(slow, boris, Author(Side.AUTOMATION, new_id()), new_id(), "slow", None, now())
            await say(world, phone, "fast")
            assert (await heard(desk))["d"]["body"] == "fast"
            await asyncio.sleep(SOON * 6)
        assert (await heard(desk))["d"]["body"] == "slow"


async def test_announced_out_of_order_is_told_in_order_and_once(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
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
        desk, desk_there = joined_desk(hub, world, world.here), joined_desk(hub, world, world.there)
        for listener in (here, there):
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
        phone = phone_of(world, world.here)
        slow, quick = joined_desk(hub, world, world.here), joined_desk(hub, world, world.here)
        thread, event = await say(world, phone, "Ciao")
        for rev in range(1, MOST_WAITING + 2):
            hub.announce(thread, event.model_copy(update={"rev": rev}))
            assert (await heard(quick))["rev"] == rev
        assert await next_of(slow) is None
        assert slow.ended is Close.TOO_SLOW
        assert quick.ended is None


async def test_a_signed_out_phone_an_expired_token_and_a_lost_right_end_their_sockets(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, there, desk = phone_of(world, world.here), phone_of(world, world.there), desk_of(world, world.here)
        stays = desk_of(world, world.there)
        there.expires_at = now() - GRACE + timedelta(milliseconds=100)
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
        assert (await heard(phone))["why"] == "right-lost"
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
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
        await say(world, phone, "one")
        assert (await heard(desk))["rev"] == 1
        async with world.database.writing(world.here.scope) as slow:
            await slow.execute(text("select pg_current_xact_id()"))  # while it is open, the horizon stands
            async with world.database.writing(world.here.scope) as writing:
                await writing.execute(text(UNKNOWN), {"kind": "from-the-future"})
            with at_most(1000) as seen:
                await asyncio.sleep(SOON * 8)
        assert seen.count(_NEWS.sql) <= 1
        thread, event = await say(world, phone, "three")
        assert (await heard(desk))["rev"] == event.rev == 3
    async with world.database.reading(world.here.scope) as reading:
        head = await log_head(reading, thread.clinic_id, event.conversation_id)
        assert head is not None
        page = await events_after(reading, head, 0, 50)
    assert [event.rev for event in page.events] == [1, 3]


async def test_a_row_that_cannot_be_read_ends_no_sweep(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
        hub.join(phone)
        await say(world, phone, "one")
        await heard(phone)
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text(UNKNOWN), {"kind": "mark"})
        await until(lambda: bool(caplog.messages))
        async with world.database.writing(world.here.scope) as writing:
            await end_session(writing, phone.speaker.account_id, phone.speaker.session_id, now())
        assert await ended(phone) is Close.NO_RIGHT
        assert desk.ended is None
    assert "cannot be read" in caplog.messages[0]


async def test_the_sixth_socket_of_a_patient_takes_the_place_of_the_first(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        phones = [phone_of(world, world.here) for _ in range(6)]
        for phone in phones:
            hub.join(phone)
        assert [phone.ended for phone in phones] == [Close.ELSEWHERE, None, None, None, None, None]
        hub.announce(*await say(world, phones[5], "Ciao"))
        assert (await heard(phones[1]))["rev"] == 1
        assert await next_of(phones[0]) is None


async def test_one_node_wakes_another_over_postgresql_and_again_after_its_connection_was_killed(
    world: World, postgres: EmbeddedPostgres
) -> None:
    url = postgres.url("enamel_test")
    async with (
        running(world, PostgresWakeups(url, pause_seconds=SOON), NEVER) as here,
        running(world, PostgresWakeups(url, pause_seconds=SOON), NEVER) as elsewhere,
    ):
        phone, desk = phone_of(world, world.here), joined_desk(elsewhere, world, world.here)
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
                    frame = await heard(desk, seconds=SOON)
        assert frame["d"]["body"] == "two"


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
        desk = joined_desk(hub, world, world.here)
        async with world.database.writing(world.here.scope) as writing:
            for number in range(MOST_WAITING + 50):
                await post_message(
                    writing, thread, Author(Side.AUTOMATION, new_id()), new_id(), f"n{number}", None, now()
                )
        assert [(await heard(desk))["rev"] for _ in range(MOST_WAITING + 50)] == list(range(1, MOST_WAITING + 51))


async def test_who_is_looked_at_seldom_is_looked_at_in_time(world: World) -> None:
    """A listener says when it is due; whatever happens to it meanwhile makes that sooner."""
    phone, at = phone_of(world, world.here), 1000.0
    phone.expires_at = now() + timedelta(hours=1)
    phone.beat(at, now(), 25.0)
    assert phone.due == at + 25.0
    phone.wait_for_reader(at + 1.0)
    assert phone.due == at + 1.0 + SLOWEST_READER_SECONDS
    phone.renew(phone.speaker, now() + timedelta(seconds=90))
    assert phone.due == 0.0
    phone.blocked_at = 0.0
    phone.beat(at + 26.0, now(), 25.0)  # a ping that was not answered
    assert phone.due == at + 35.0
    phone.beat(at + 36.0, now(), 25.0)
    assert (phone.ended, phone.due) == (Close.SILENT, 0.0)


async def test_an_event_that_cannot_be_read_holds_up_no_other(world: World, caplog: pytest.LogCaptureFixture) -> None:
    boris = Thread(world.here.clinic_id, world.here.other_patient_id)
    author = Author(Side.AUTOMATION, new_id())
    async with running(world, MemoryWakeups(), SOON) as hub:
        phone, desk = phone_of(world, world.here), joined_desk(hub, world, world.here)
        async with world.database.writing(world.here.scope) as writing:
            await post_message(writing, boris, author, new_id(), "Crown on 46", None, now())
            await writing.execute(text("update message set via = 'pigeon'"))
        await say(world, phone, "to everybody else")
        assert (await heard(desk))["d"]["body"] == "to everybody else"
        async with world.database.writing(world.here.scope) as writing:
            await post_message(writing, boris, author, new_id(), "after it", None, now())
        frame = await heard(desk)
    assert (frame["rev"], frame["d"]["body"]) == (2, "after it")
    noted = [record.getMessage() for record in caplog.records if "cannot be read" in record.getMessage()]
    assert len(noted) == 1, "it is passed over, not asked for again and again"
    assert "Crown" not in caplog.text
