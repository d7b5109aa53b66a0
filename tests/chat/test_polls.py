"""Requests that wait for news stand beside the sockets: they end none, and nobody is in the app because of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

from chat.conversation import MOST_SOCKETS_OF_PATIENT
from chat.frames import Close
from chat.listener import MOST_WAITING_BYTES, Listener
from chat.seating import Seating
from chat.wakeups import MemoryWakeups
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from tests.chat.listening import NEVER, SOON, joined_desk, phone_of, running
from tests.chat.speaking import rows
from tests.node import node
from tests.world import World

MINE = "/v1/me/conversation"
PRESENT = "select count(*) from chat_presence"


def poll_of(world: World) -> Listener:
    poll = phone_of(world, world.here)
    poll.polls = True
    return poll


async def test_requests_that_wait_take_the_place_of_no_socket_and_of_none_of_their_own(world: World) -> None:
    async with running(world, MemoryWakeups(), NEVER) as hub:
        socket, polls = phone_of(world, world.here), [poll_of(world) for _ in range(MOST_SOCKETS_OF_PATIENT)]
        hub.join(socket)
        for poll in polls:
            assert hub.has_place(poll)
            hub.join(poll)
        assert [each.ended for each in (socket, *polls)] == [None] * (1 + MOST_SOCKETS_OF_PATIENT)
        assert not hub.has_place(poll_of(world))
        assert hub.has_place(phone_of(world, world.here)), "sockets have places of their own"
        hub.leave(polls[0])
        assert hub.has_place(poll_of(world))


@asynccontextmanager
async def calling(world: World, postgres: EmbeddedPostgres) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A real server, and the address that waits for news of a patient who has written."""
    with node(world, postgres.url("enamel_test"), MemoryWakeups()) as address:
        limits = httpx.Limits(max_connections=50)
        async with httpx.AsyncClient(
            base_url=f"http://{address}", headers=world.here.patient, limits=limits, timeout=20
        ) as http:
            await http.post(f"{MINE}/messages", json={"client_id": str(new_id()), "body": "Ciao"})
            cur = (await http.get(f"{MINE}/sync?wait=0")).json()["cur"]
            yield http, f"{MINE}/sync?cur={cur}"


async def test_one_poll_too_many_is_told_when_to_come_again_and_ends_none_of_the_others(
    world: World, postgres: EmbeddedPostgres
) -> None:
    async with calling(world, postgres) as (http, path), asyncio.TaskGroup() as group:
        polls = [group.create_task(http.get(f"{path}&wait=20")) for _ in range(MOST_SOCKETS_OF_PATIENT)]
        await asyncio.sleep(1)  # until all of them have come, before anybody takes their place
        more = await http.get(f"{path}&wait=1")
        assert (more.json()["code"], more.headers["retry-after"]) == ("too-many-waiting", "1")
        assert (await http.get(f"{path}&wait=0")).json()["page"]["events"] == [], "who does not wait needs no place"
        held = f"{path.rpartition('.')[0]}.0"
        told = await asyncio.gather(*(http.get(f"{held}&wait=20") for _ in range(2 * MOST_SOCKETS_OF_PATIENT)))
        assert {len(each.json()["page"]["events"]) > 0 for each in told} == {True}, "news are told at once all the same"
        assert not any(poll.done() for poll in polls)
        await http.post(f"{MINE}/messages", json={"client_id": str(new_id()), "body": "Di nuovo"})
        answers = await asyncio.gather(*polls)
        assert {each.json()["page"]["events"][0]["message"]["body"] for each in answers} == {"Di nuovo"}


async def test_who_hangs_up_gives_the_place_back_at_once(world: World, postgres: EmbeddedPostgres) -> None:
    async with calling(world, postgres) as (http, path):
        for _ in range(3):
            polls = [asyncio.create_task(http.get(f"{path}&wait=25")) for _ in range(MOST_SOCKETS_OF_PATIENT)]
            await asyncio.sleep(1)  # until all of them have come
            assert (await http.get(f"{path}&wait=1")).status_code == 429
            for poll in polls:
                poll.cancel()
            await asyncio.gather(*polls, return_exceptions=True)
            async with asyncio.timeout(5):
                while (await http.get(f"{path}&wait=1")).status_code != 200:
                    pass


async def test_who_left_no_more_counts_whether_it_polled_or_not(world: World) -> None:
    seats = Seating()
    for listener in (phone_of(world, world.here), poll_of(world)):
        for _ in range(2 * MOST_SOCKETS_OF_PATIENT):
            seats.join(listener)
            seats.leave(listener)
        assert listener.ended is None
    assert seats.everybody() == []


async def test_nobody_is_connected_by_a_request_that_waits(world: World) -> None:
    async with running(world, MemoryWakeups(), SOON) as hub:
        hub.join(poll_of(world))
        joined_desk(hub, world, world.here)
        counted: list[Any] = []
        while not counted:
            counted = [row for row in await rows(world, PRESENT) if row[0]]
        assert counted == [(1,)]


async def test_a_patients_requests_for_news_leave_the_phone_its_socket(world: World) -> None:
    socket, path = phone_of(world, world.here), "/v1/me/conversation/sync"
    world.ports.hub.join(socket)
    cur = (await world.get(path, world.here.patient)).json()["cur"]
    asked = [world.get(f"{path}?cur={cur}&wait=1", world.here.patient) for _ in range(MOST_SOCKETS_OF_PATIENT)]
    assert {answer.status_code for answer in await asyncio.gather(*asked)} == {200}
    assert socket.ended is None
    world.ports.hub.leave(socket)


async def test_what_was_read_waits_no_more(world: World) -> None:
    phone, frame = phone_of(world, world.here), "x" * (MOST_WAITING_BYTES // 4)
    phone.offer(frame)
    for _ in range(20):
        phone.offer(frame)
        assert phone.take() == frame
    assert phone.ended is None
    for _ in range(4):
        phone.offer(frame)
    assert phone.ended is Close.TOO_SLOW
