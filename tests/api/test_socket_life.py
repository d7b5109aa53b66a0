"""How a socket lives and ends: renewal, the same device elsewhere, too many, too slow, a node that stops."""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from api.sockets import ChatDoor
from chat.conversation import Rate
from chat.hub import Hub
from chat.wakeups import MemoryWakeups
from core.clock import now
from core.database import Database
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from identity.sign_in import Audience
from identity.tokens import Claims
from tests.node import PROTOCOL, Phone, dialled, greeted, node
from tests.world import Party, World


@pytest.fixture
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.url("enamel_test")


@pytest.fixture
def here(world: World, url: str) -> Iterator[str]:
    with node(world, url, MemoryWakeups(), sweep_seconds=0.2) as address:
        yield address


def token(world: World, party: Party, lasts: timedelta) -> str:
    """One more token of the patient's session, which ends sooner or later than the first."""
    claims = world.keys.tokens.verify(party.patient_token, Audience.PATIENT, now())
    ends = Claims(claims.audience, claims.subject_id, claims.session_id, claims.clinic_id, now() + lasts)
    return world.keys.tokens.issue(ends, now() - timedelta(hours=1))


async def test_a_token_is_asked_for_in_time_and_renewed_on_the_living_socket(world: World, here: str) -> None:
    async with greeted(here, token(world, world.here, timedelta(seconds=30))) as (phone, _):
        assert (await phone.hear("auth"))["in"] <= 30
        await phone.say("auth", tok="no token")
        assert (await phone.hear("nak"))["code"] == "token-refused"
        await phone.say("auth", tok=world.here.patient_token)
        assert (await phone.hear("auth"))["in"] > 60
        await phone.post("Ancora qui")
        await phone.say("auth", tok=world.there.patient_token)
        assert await phone.closed() == 4403


async def test_without_a_new_token_the_socket_ends_a_little_later(world: World, here: str) -> None:
    ended = token(world, world.here, timedelta(seconds=2))
    async with greeted(here, ended) as (phone, _):
        await phone.hear("auth")
        await asyncio.sleep(2.5)
        await phone.say("ping")
        await phone.hear("pong")
    async with dialled(here) as phone:
        await phone.say("hello", tok=ended)
        assert await phone.closed() == 4401


async def test_a_second_hello_ends_the_socket_as_no_frame_does(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        await phone.say("hello", tok=world.here.patient_token)
        assert await phone.closed() == 4400


async def test_who_comes_while_the_database_is_away_is_told_to_come_back(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = Database("postgresql://enamel@127.0.0.1:1/nothing", pool=1)
    door = ChatDoor(replace(world.ports, database=nowhere, hub=Hub(nowhere, MemoryWakeups())))
    hello = json.dumps({"t": "hello", "tok": world.here.patient_token})
    heard = iter(({"type": "websocket.connect"}, {"type": "websocket.receive", "text": hello}))
    said: list[Any] = []

    async def receive() -> Any:
        return next(heard)

    async def send(message: Any) -> None:
        said.append(message)

    scope = {"type": "websocket", "subprotocols": [PROTOCOL], "query_string": b"", "headers": []}
    await door(scope, receive, send)
    await nowhere.close()
    accepted, bye, closed = said
    assert accepted["type"] == "websocket.accept"
    assert json.loads(bye["text"]) == {"t": "bye", "code": 1011, "again": True}
    assert closed == {"type": "websocket.close", "code": 1011}
    assert [each.getMessage() for each in caplog.records if each.name == "enamel.chat"] == [
        "a socket could not be welcomed: ConnectionRefusedError"
    ]


async def test_the_same_device_elsewhere_ends_its_older_socket(world: World, here: str) -> None:
    async with (
        greeted(here, world.here.patient_token, dev="phone-1") as (old, _),
        greeted(here, world.here.patient_token, dev="phone-2") as (other, _),
        greeted(here, world.here.patient_token, dev="phone-1") as (new, _),
    ):
        assert await old.closed() == 4409
        await new.post("Eccomi")
        await other.hear("ev")


async def test_the_same_device_on_another_node_ends_its_older_socket_without_any_bus(world: World, url: str) -> None:
    with node(world, url, MemoryWakeups()) as first, node(world, url, MemoryWakeups()) as second:
        async with (
            greeted(first, world.here.patient_token, dev="phone-1") as (old, _),
            greeted(first, world.here.patient_token, dev="phone-2") as (other, _),
            greeted(first, world.here.patient_token) as (nameless, _),
            greeted(second, world.here.patient_token, dev="phone-1") as (new, _),
        ):
            assert await old.closed() == 4409
            await new.post("Eccomi")
            for phone in (other, nameless):
                await phone.hear("ev")
            async with greeted(first, world.here.patient_token, dev="phone-1"):
                assert await new.closed() == 4409, "whoever came last stays, whichever node it is at"


async def test_more_sockets_from_one_address_than_it_may_open_are_refused(world: World, url: str) -> None:
    with node(world, url, MemoryWakeups(), handshakes=Rate(2, 60.0)) as address:
        async with (
            greeted(address, world.here.patient_token),
            greeted(address, world.here.patient_token),
            dialled(address) as third,
        ):
            bye = await third.hear("bye")
            assert 50_000 < bye["wait"][0] <= 60_001 < bye["wait"][1], "when the address may open one more"
            assert await third.closed() == 4429


async def test_a_node_that_stops_says_when_to_come_back(world: World, url: str) -> None:
    with node(world, url, MemoryWakeups()) as address:
        opened = greeted(address, world.here.patient_token)
        phone, _ = await opened.__aenter__()
    said = await phone.hear("bye")
    assert said == {"t": "bye", "code": 1012, "again": True, "wait": [0, 20_000]}
    assert await phone.closed() == 1012
    await opened.__aexit__(None, None, None)


async def test_typing_is_seen_by_the_others_of_the_thread_and_by_nobody_else(world: World, here: str) -> None:
    async with (
        greeted(here, world.here.patient_token) as (phone, _),
        greeted(here, world.here.staff_token) as (desk, _),
        greeted(here, world.there.staff_token) as (stranger, _),
    ):
        c = (await phone.post("Ciao"))["c"]
        await desk.watch(c)
        await desk.say("typing", c=c)
        typed = await phone.hear("typing")
        assert (typed["who"], typed["ttl"]) == ({"side": "clinic", "name": "Olga"}, 6)
        await phone.say("typing", c=c)
        assert (await desk.hear("typing"))["who"] == {"side": "patient", "name": ""}
        await stranger.say("typing", c=c)
        assert (await stranger.hear("nak"))["code"] == "not-found"
        await phone.say("watch", c=c, on=True)
        assert (await phone.hear("nak"))["code"] == "not-allowed"
        await phone.say("focus", on=True, c=c)
        await phone.say("sync", c=c, log="p")
        assert (await phone.hear("nak"))["code"] == "not-found"


async def test_what_staff_notes_never_reaches_a_patients_socket(world: World, here: str) -> None:
    async with (
        greeted(here, world.here.patient_token) as (phone, _),
        greeted(here, world.here.staff_token) as (desk, _),
    ):
        c = (await phone.post("Ciao"))["c"]
        await desk.watch(c)
        noted = {"client_id": str(new_id()), "body": "Ring back"}
        async with httpx.AsyncClient(base_url=f"http://{here}", headers=world.here.staff) as http:
            kept = await http.post(f"/v1/staff/conversations/{c}/notes", json=noted)
        assert kept.status_code == 201
        told = await desk.hear("ev")
        while told["k"] != "note":
            told = await desk.hear("ev")
        assert (told["log"], told["d"]["body"]) == ("p", "Ring back")
        await desk.say("sync", c=c, log="p")
        assert "note" in [event["k"] for event in (await desk.hear("page"))["evs"]]
        last = await desk.post("Salve", c=c)
        seen: list[dict[str, Any]] = []
        while not seen or seen[-1]["rev"] < last["rev"]:
            seen.append(await phone.hear("ev"))
        assert {event["log"] for event in seen} == {"s"}
        assert [event["rev"] for event in seen] == list(range(seen[0]["rev"], last["rev"] + 1))


async def test_the_desk_is_told_to_a_patient(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _):
        assert (await phone.hear("desk"))["replies"] in ("minutes", "hour", "day", "unknown")


async def test_news_come_without_a_socket_as_soon_as_they_are_there(world: World, here: str) -> None:
    async with (
        httpx.AsyncClient(base_url=f"http://{here}", headers=world.here.patient, timeout=30) as me,
        httpx.AsyncClient(base_url=f"http://{here}", headers=world.here.staff, timeout=30) as staff,
    ):
        start = (await me.get("/v1/me/conversation/sync?wait=25")).json()
        desk = (await staff.get("/v1/staff/conversations/sync?wait=25")).json()
        waiting = asyncio.create_task(me.get(f"/v1/me/conversation/sync?cur={start['cur']}&wait=25"))
        watching = asyncio.create_task(staff.get(f"/v1/staff/conversations/sync?cur={desk['cur']}&wait=25"))
        await asyncio.sleep(0.3)
        at = time.monotonic()
        body = {"client_id": str(new_id()), "body": "Venga alle dieci"}
        await staff.post(f"/v1/staff/patients/{world.here.patient_id}/messages", json=body)
        news, changed = (await waiting).json(), (await watching).json()
        assert time.monotonic() - at < 20, "it waited to the end"
        assert [event["message"]["body"] for event in news["page"]["events"]] == ["Venga alle dieci"]
        assert [state["patient_id"] for state in changed["changed"]] == [str(world.here.patient_id)]
        quiet = (await me.get(f"/v1/me/conversation/sync?cur={news['cur']}&wait=0")).json()
        assert (quiet["page"]["events"], quiet["cur"]) == ([], news["cur"])


async def test_who_stops_reading_is_shown_out_and_the_others_hear_all(world: World, here: str) -> None:
    async with greeted(here, world.here.patient_token) as (quick, _), dialled(here, max_queue=1) as slow:
        await slow.say("hello", tok=world.here.patient_token)
        c = (await quick.post("x" * 4000))["c"]
        slow.connection.transport.pause_reading()
        await _ask_for_much(slow, c)
        assert (await quick.post("Ci siete?"))["seq"] == 2


async def _ask_for_much(phone: Phone, c: str) -> None:
    for _ in range(30):
        await phone.say("sync", c=c, lim=200)


async def test_a_herd_at_the_door_waits_its_turn_and_leaves_those_who_talk_a_connection(
    world: World, url: str, here: str
) -> None:
    async with greeted(here, world.here.patient_token) as (phone, _), AsyncExitStack() as stack:
        ack = await phone.post("Prima")
        slow = await asyncpg.connect(url)
        await slow.execute("begin; lock table mark in access exclusive mode")  # which a welcome reads, and no sync
        herd = [await stack.enter_async_context(dialled(here)) for _ in range(8)]
        for each in herd:
            await each.say("hello", tok=world.here.staff_token)
        await asyncio.sleep(0.3)
        await phone.say("sync", c=ack["c"], after=0, lim=10)
        assert (await phone.hear("page"))["evs"]
        await slow.execute("rollback")
        await slow.close()
        for each in herd:
            await each.hear("welcome")


async def test_a_socket_that_goes_on_with_another_session_ends_with_that_one(world: World, here: str) -> None:
    first = world.keys.tokens.verify(world.here.patient_token, Audience.PATIENT, now())
    again = Claims(first.audience, first.subject_id, new_id(), first.clinic_id, now() + timedelta(hours=1))
    async with greeted(here, world.here.patient_token) as (phone, _):
        await asyncio.sleep(0.6)  # some sweeps: where it sits is written down
        await phone.say("auth", tok=world.keys.tokens.issue(again, now()))
        assert await phone.closed() == 4403  # nobody ever signed in to it
