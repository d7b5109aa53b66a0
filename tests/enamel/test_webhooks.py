"""A clinic's system is told of each step: signed, again when it fails, under one name, also by killed workers."""

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from automation.commands.webhook_rounds import OF_ONE, CallEnd, claim_calls, forget_calls, record_calls
from automation.commands.webhooks import WebhookWish, call_webhooks
from automation.effect import Effect, Refused
from automation.webhook import PAUSES, Failure, webhook_key
from automation.webhook_http import Webhooks
from core.clock import now
from core.embedded_postgres import EmbeddedPostgres
from core.ids import new_id
from enamel.worker.webhooks import Calling, make_calls
from identity.secrets import Secrets
from tests.conftest import Queries
from tests.enamel.test_worker_killed import Worker, killed, until
from tests.enamel.webhook_peer import WebhookPeer, a_system, is_genuine
from tests.world import SECRET, Party, World

ENDPOINTS = "/v1/staff/webhook-endpoints"


@pytest.fixture
async def peer() -> AsyncIterator[WebhookPeer]:
    async with a_system() as made:
        yield made


@pytest.fixture
async def calling(world: World) -> AsyncIterator[Calling]:
    http = Webhooks(["127.0.0.1"], seconds=0.5)
    yield Calling(http, world.keys.secrets)
    await http.close()


async def made(world: World, party: Party, url: str | None = None) -> tuple[UUID, str]:
    """A webhook, and its secret. In life addresses are https; the row is turned to the peer's."""
    body = {"name": "CRM", "address": "https://crm.example/hear"}
    answer = await world.post(ENDPOINTS, party.staff, body)
    assert answer.status_code == 201, answer.text
    endpoint_id = UUID(answer.json()["endpoint"]["endpoint_id"])
    if url:
        await changed(world, "update webhook_endpoint set address = :url where id = :id", url=url, id=endpoint_id)
    return endpoint_id, answer.json()["secret"]


async def changed(world: World, statement: str, **values: Any) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text(statement), values)


async def due_now(world: World) -> None:
    await changed(world, "update webhook_call set next_at = '2000-01-01' where state = 'due'")
    await changed(world, "update webhook_endpoint set rest_until = null")


async def told(world: World, *endpoints: UUID, party: Party | None = None) -> list[Effect]:
    """A step of a way for each."""
    whose = party or world.here
    wanted = [
        (Effect(whose.clinic_id, new_id(), 1, whose.patient_id), WebhookWish(each, "recall", "tell"))
        for each in endpoints
    ]
    async with world.database.sweeping() as sweeping:
        came = await call_webhooks(sweeping, wanted, now())
    assert all(isinstance(each, UUID) for each in came.values())
    return [effect for effect, _ in wanted]


async def calls(world: World, endpoint_id: UUID, query: str = "") -> list[dict[str, Any]]:
    answer = await world.get(f"{ENDPOINTS}/{endpoint_id}/calls{query}", world.here.staff)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


async def test_a_step_is_told_once_signed_as_documented(world: World, peer: WebhookPeer, calling: Calling) -> None:
    endpoint_id, secret = await made(world, world.here, peer.url)
    (effect,) = await told(world, endpoint_id)
    async with world.database.sweeping() as sweeping:  # the engine does its step again
        await call_webhooks(sweeping, [(effect, WebhookWish(endpoint_id, "recall", "tell"))] * 2, now())
    assert await make_calls(world.database, calling, now) == 1
    assert await make_calls(world.database, calling, now) == 0
    (call,) = await calls(world, endpoint_id)
    assert (call["state"], call["tries"], call["status"]) == ("done", 1, 204)
    (headers,), (body,) = peer.headers, peer.bodies
    assert headers["webhook-id"] == call["call_id"]
    assert is_genuine(secret, headers, body, time.time())
    assert not is_genuine(secret, headers, body + b" ", time.time())
    assert not is_genuine(secret, headers, body, time.time() + 1_000)
    assert peer.told[0]["data"]["enrolment_id"] == str(effect.enrolment_id)
    assert {"Anna", "Rossi", world.here.phone} & set(body.decode().split('"')) == set()


async def test_what_fails_is_told_again_under_the_same_name_and_given_up_in_the_end(
    world: World, peer: WebhookPeer, calling: Calling
) -> None:
    endpoint_id, _ = await made(world, world.here, peer.url)
    await told(world, endpoint_id)
    peer.statuses = [500, 302, 404, *[503] * len(PAUSES)]
    for tries in range(1, len(PAUSES) + 2):
        assert await make_calls(world.database, calling, now) == 1
        (call,) = await calls(world, endpoint_id)
        assert call["tries"] == tries
        await due_now(world)
    assert (call["state"], call["reason"], call["status"], call["next_at"]) == ("dead", "refused", 503, None)
    assert await make_calls(world.database, calling, now) == 0
    assert len(peer.told) == len(PAUSES) + 1
    assert len({each["webhook-id"] for each in peer.headers}) == len(set(peer.bodies)) == 1
    (shown,) = (await world.get(ENDPOINTS, world.here.staff)).json()["items"]
    assert (shown["dead"], shown["failures"]) == (1, len(PAUSES) + 1)
    peer.statuses = []
    again = await world.post(f"{ENDPOINTS}/{endpoint_id}/retries", world.here.staff, None)
    assert again.json() == {"calls": 1}
    assert await make_calls(world.database, calling, now) == 1
    (call,) = await calls(world, endpoint_id, "?state=done")
    assert peer.headers[-1]["webhook-id"] == peer.headers[0]["webhook-id"] == call["call_id"]


async def test_a_system_that_wants_nothing_more_is_not_asked_again(
    world: World, peer: WebhookPeer, calling: Calling
) -> None:
    endpoint_id, _ = await made(world, world.here, peer.url)
    await told(world, endpoint_id)
    peer.statuses = [410]
    assert await make_calls(world.database, calling, now) == 1
    (call,) = await calls(world, endpoint_id)
    assert (call["state"], call["reason"]) == ("dead", "gone")


async def test_who_does_not_answer_rests_and_keeps_no_other_waiting(
    world: World, peer: WebhookPeer, calling: Calling
) -> None:
    async with a_system() as hangs:
        hangs.open.clear()
        slow, _ = await made(world, world.here, hangs.url)
        quick, _ = await made(world, world.there, peer.url)
        await told(world, *[slow] * (OF_ONE + 4))
        await told(world, quick, party=world.there)
        assert await make_calls(world.database, calling, now) == OF_ONE + 1
        assert len(peer.told) == 1
        assert await make_calls(world.database, calling, now) == 0
        found = await calls(world, slow, "?limit=100")
        assert Counter((each["reason"], each["tries"]) for each in found) == {("unreachable", 1): OF_ONE, ("", 0): 4}


async def test_a_name_that_leads_inside_is_never_called(world: World, peer: WebhookPeer) -> None:
    http = Webhooks(seconds=0.5)
    names = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1"]
    port = peer.url.split(":")[2]
    for name in names:
        endpoint_id, _ = await made(world, world.here, f"http://{name}:{port}")
        await told(world, endpoint_id)
    assert await make_calls(world.database, Calling(http, world.keys.secrets), now) == len(names)
    await http.close()
    assert peer.told == []
    async with world.database.sweeping() as sweeping:
        reasons = (await sweeping.execute(text("select reason, state from webhook_call"))).all()
    assert Counter((reason, state) for reason, state in reasons) == {("address-refused", "due"): len(names)}


@pytest.mark.parametrize(
    "address",
    ["http://crm.example/", "https://127.0.0.1/", "https://localhost/", "https://a:b@crm.example/",
     "https://crm.example/?a=b", "https://crm.example/#a", "ftp://crm.example/", "crm.example", "https://2130706433/"],
)  # fmt: skip
async def test_such_addresses_are_refused(world: World, address: str) -> None:
    answer = await world.post(ENDPOINTS, world.here.staff, {"name": "CRM", "address": address})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/address"


async def test_an_ended_one_is_told_nothing_and_refuses_alone(
    world: World, peer: WebhookPeer, calling: Calling
) -> None:
    over, _ = await made(world, world.here, peer.url)
    live, _ = await made(world, world.here, peer.url)
    await told(world, over)
    assert (await world.http.delete(f"{ENDPOINTS}/{over}", headers=world.here.staff)).status_code == 204
    assert (await world.http.delete(f"{ENDPOINTS}/{over}", headers=world.here.staff)).status_code == 404
    wanted = [
        (Effect(world.here.clinic_id, new_id(), 1, world.here.patient_id), WebhookWish(each, "recall", "tell"))
        for each in (over, live)
    ]
    async with world.database.sweeping() as sweeping:
        came = await call_webhooks(sweeping, wanted, now())
    assert came[wanted[0][0].key] is Refused.ENDPOINT_GONE
    assert await make_calls(world.database, calling, now) == 1
    assert peer.headers[0]["webhook-id"] == str(came[wanted[1][0].key])
    async with world.database.sweeping() as sweeping:
        states = (await sweeping.execute(text("select state, reason from webhook_call order by state"))).all()
    assert [tuple(row) for row in states] == [("dead", "endpoint-gone"), ("done", "")]


async def test_its_address_changes_from_the_version_that_was_seen(world: World) -> None:
    endpoint_id, _ = await made(world, world.here)
    path, body = f"{ENDPOINTS}/{endpoint_id}", {"name": "New", "address": "https://new.example/", "version": 1}
    first = await world.http.put(path, headers=world.here.staff, json=body)
    assert (first.json()["name"], first.json()["version"]) == ("New", 2)
    assert (await world.http.put(path, headers=world.here.staff, json=body)).status_code == 412


async def test_a_clinic_has_so_many_and_no_more(world: World) -> None:
    for _ in range(20):
        await made(world, world.here)
    answer = await world.post(ENDPOINTS, world.here.staff, {"name": "CRM", "address": "https://crm.example/"})
    assert (answer.status_code, answer.json()["code"]) == (409, "too-many-webhooks")


async def test_many_calls_cost_as_many_statements_as_few(world: World, at_most: Queries) -> None:
    endpoint_id, _ = await made(world, world.here)
    with at_most(5):
        await told(world, *[endpoint_id] * 50)


async def test_who_was_thought_dead_records_nothing(world: World, peer: WebhookPeer, calling: Calling) -> None:
    endpoint_id, _ = await made(world, world.here, peer.url)
    await told(world, endpoint_id)
    async with world.database.sweeping() as sweeping:
        (late,) = await claim_calls(sweeping, now())
    await due_now(world)
    assert await make_calls(world.database, calling, now) == 1
    async with world.database.sweeping() as sweeping:
        await record_calls(sweeping, [CallEnd(late, Failure.UNREACHABLE)], now(), lambda: 0.0)
    (call,) = await calls(world, endpoint_id)
    assert (call["state"], call["tries"]) == ("done", 2)


async def test_old_calls_are_let_go_of(world: World, peer: WebhookPeer, calling: Calling) -> None:
    endpoint_id, _ = await made(world, world.here, peer.url)
    await told(world, *[endpoint_id] * 2)
    peer.statuses = [410]
    assert await make_calls(world.database, calling, now) == 2
    async with world.database.sweeping() as sweeping:
        assert await forget_calls(sweeping, now() + timedelta(days=29), 10) == 0
        assert await forget_calls(sweeping, now() + timedelta(days=31), 10) == 1
        assert await forget_calls(sweeping, now() + timedelta(days=91), 10) == 1


def test_each_clinic_and_webhook_has_a_key_of_its_own() -> None:
    one, other = new_id(), new_id()
    hashed = Secrets(SECRET).keyed_hash
    assert len({webhook_key(hashed, one, other), webhook_key(hashed, other, one), webhook_key(hashed, one, one)}) == 3


@asynccontextmanager
async def a_worker(postgres: EmbeddedPostgres) -> AsyncIterator[Worker]:
    settings = {
        "ENAMEL_DATABASE_URL": postgres.url("enamel_test"),
        "ENAMEL_DATABASE_POOL": "2",
        "ENAMEL_SECRET": SECRET,
        "ENAMEL_WEBHOOK_PRIVATE_HOSTS": '["127.0.0.1"]',
    }
    program = "import sys; from tests.enamel.webhook_worker import main; main()"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", program, env={**os.environ, **settings})
    try:
        yield worker
    finally:
        if worker.returncode is None:
            await killed(worker)


async def test_killed_between_the_call_and_the_record_it_is_told_again_under_the_same_name(
    world: World, peer: WebhookPeer, postgres: EmbeddedPostgres
) -> None:
    endpoint_id, secret = await made(world, world.here, peer.url)
    await told(world, endpoint_id)
    peer.open.clear()
    async with a_worker(postgres) as worker:
        await until(peer.is_told)
        await killed(worker)
    peer.open.set()
    (call,) = await calls(world, endpoint_id)
    assert (call["state"], call["tries"]) == ("due", 1)
    await due_now(world)  # the lease ends
    async with a_worker(postgres):

        async def is_done() -> bool:
            return [each["state"] for each in await calls(world, endpoint_id)] == ["done"]

        await until(is_done)
    assert len(peer.told) == 2
    assert len({each["webhook-id"] for each in peer.headers}) == len(set(peer.bodies)) == 1
    assert all(is_genuine(secret, *pair, time.time()) for pair in zip(peer.headers, peer.bodies, strict=True))
