"""Lines over the API: made, replaced, checked, ended; and no secret anywhere."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from identity.permissions import PRESETS, Permission
from push.switchboard import Places
from tests.api.said_of_foreign import BODIES
from tests.push.fcm_peer import FcmPeer
from tests.push.fcm_peer import Reply as FcmReply
from tests.push.lines import CANARY, GATEWAY
from tests.push.peers.sms_gateway import GatewayPeer, Reply
from tests.world import Party, World, _application

LINE = BODIES["makeLine"]
GOOD = Reply(body=b'{"balance": 1}')


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayPeer]:
    made = GatewayPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def inside(world: World, peer: FcmPeer) -> World:
    """The operator lets lines call hosts of this machine."""
    places = Places(fcm=peer.url, fcm_tokens=peer.token_url)
    ports = replace(world.ports, push_private_hosts=frozenset({"127.0.0.1"}), push_places=places)
    _application().state.ports = ports
    return replace(world, ports=ports)


def sms(url: str, **more: Any) -> dict[str, Any]:
    settings = {"shape": GATEWAY, "url": f"{url}/sms", "check_url": f"{url}/balance", "sender": "Rossi"}
    return {"name": "texts", "provider": "sms_http", "settings": settings, "secrets": {"secret": CANARY}, **more}


async def made(world: World, body: dict[str, Any], party: Party | None = None) -> dict[str, Any]:
    answer = await world.post("/v1/staff/lines", (party or world.here).staff, body)
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


async def put(world: World, line: dict[str, Any], body: dict[str, Any], what: str = "") -> httpx.Response:
    path = f"/v1/staff/lines/{line['line_id']}{what}"
    return await world.http.put(path, headers=world.here.staff, json={"version": line["version"], **body})


async def checked(world: World, line: dict[str, Any]) -> dict[str, Any]:
    answer = await world.post(f"/v1/staff/lines/{line['line_id']}/check", world.here.staff, None)
    assert answer.status_code == 200, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


def wrong(answer: httpx.Response) -> dict[str, str]:
    assert answer.status_code == 422, answer.text
    return {each["pointer"]: each["code"] for each in answer.json()["errors"]}


async def test_a_line_is_given_back_without_its_secrets(world: World) -> None:
    line = await made(world, LINE)
    assert (line["way"], line["version"], line["rate_per_minute"]) == ("webpush", 1, 60_000)
    assert line["settings"] == LINE["settings"]
    assert len(line["facts"]["public_key"]) == 87
    listed = await world.get("/v1/staff/lines", world.here.staff)
    got = await world.get(f"/v1/staff/lines/{line['line_id']}", world.here.staff)
    assert listed.json()["items"] == [got.json()] == [line]
    assert LINE["secrets"]["key"] not in listed.text + got.text
    assert (await world.get("/v1/staff/lines", world.there.staff)).json()["items"] == []


async def test_what_is_wrong_is_pointed_at_and_not_repeated(world: World) -> None:
    async def refused(**more: Any) -> dict[str, str]:
        answer = await world.post("/v1/staff/lines", world.here.staff, {**LINE, **more})
        assert CANARY not in answer.text
        return wrong(answer)

    assert await refused(secrets={"key": CANARY}) == {"/secrets/key": "no-private-key"}
    assert await refused(secrets={}) == {"/secrets/key": "missing"}
    assert await refused(settings={}) == {"/settings/contact": "missing"}
    assert await refused(settings={**LINE["settings"], "key": CANARY}) == {"/settings/key": "is-a-secret"}
    assert await refused(secrets={**LINE["secrets"], "more": CANARY}) == {"/secrets/more": "extra-forbidden"}
    assert await refused(provider="pigeon") == {"/provider": "enum"}
    smtp = {"host": "localhost", "from_address": "hello@clinic.example"}
    keys = {"token_key": CANARY * 2}
    assert await refused(provider="smtp", settings=smtp, secrets=keys) == {"/settings/host": "not-public"}
    gate = {**sms("https://sms.example")["settings"], "url": "http://169.254.169.254/latest"}
    assert await refused(provider="sms_http", settings=gate, secrets={"secret": CANARY}) == {
        "/settings/url": "not-https"
    }
    gate["url"] = "https://169.254.169.254/latest"
    assert await refused(provider="sms_http", settings=gate, secrets={"secret": CANARY}) == {
        "/settings/url": "not-public"
    }
    gate["url"] = "https://[::1"
    assert await refused(provider="sms_http", settings=gate, secrets={"secret": CANARY}) == {
        "/settings/url": "not-an-address"
    }
    unknown = {"shape": "pigeon", "sender": "Rossi"}
    assert await refused(provider="sms_http", settings=unknown, secrets={"secret": CANARY}) == {
        "/settings/shape": "unknown-reference"
    }
    assert (await world.get("/v1/staff/lines", world.here.staff)).json()["items"] == []


async def test_what_says_nothing_to_the_other_side_is_pointed_at(world: World) -> None:
    async def refused(provider: str, settings: dict[str, Any], secrets: dict[str, str]) -> dict[str, str]:
        body = {"name": "a line", "provider": provider, "settings": settings, "secrets": secrets}
        answer = await world.post("/v1/staff/lines", world.here.staff, body)
        assert answer.status_code == 422, answer.text
        assert CANARY not in answer.text
        return {each["pointer"]: each["code"] for each in answer.json()["errors"]}

    shape = {"url": "", "members": {"to": "{to}"}, "answers": {"id_at": "id"}}
    nowhere = await refused("sms_http", {"shape": shape, "sender": "Rossi"}, {"secret": "s"})
    assert nowhere == {"/settings/url": "missing"}
    relay = {"host": "relay.clinic.example", "from_address": "hello@clinic.example", "authority": CANARY}
    assert await refused("smtp", relay, {"token_key": "k" * 40}) == {"/settings/authority": "no-certificate"}
    center = {"host": "center.example", "system_id": "us", "sender": "Rossi", "tls": True, "tls_ca": CANARY}
    assert await refused("smpp", center, {"password": "пароль"}) == {
        "/settings/tls_ca": "no-certificate", "/secrets/password": "not-ascii",
    }  # fmt: skip


async def test_a_name_is_taken_once_for_each_way(world: World) -> None:
    line = await made(world, LINE)
    again = await world.post("/v1/staff/lines", world.here.staff, LINE)
    assert (again.status_code, again.json()["code"]) == (409, "line-name-taken")
    await made(world, {**sms("https://sms.example"), "name": LINE["name"]})
    await made(world, LINE, world.there)
    other = await made(world, {**LINE, "name": "other"})
    renamed = await put(world, other, LINE)
    assert wrong(renamed) == {"/name": "cannot-change"}
    gone = await world.http.delete(f"/v1/staff/lines/{line['line_id']}", headers=world.here.staff)
    assert gone.status_code == 204
    await made(world, LINE)


async def test_a_line_is_replaced_by_whom_knows_its_version(world: World) -> None:
    line = await made(world, LINE)
    changed = await put(world, line, {**LINE, "secrets": {}, "rate_per_minute": 7})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["version"], changed.json()["rate_per_minute"]) == (2, 7)
    assert changed.json()["fingerprint"] == line["fingerprint"]
    stale = await put(world, line, LINE)
    assert (stale.status_code, stale.json()["code"]) == (412, "stale-version")
    other = await put(world, changed.json(), {**sms("https://sms.example"), "name": LINE["name"]})
    assert wrong(other) == {"/provider": "cannot-change"}
    off = await put(world, changed.json(), {"enabled": False}, "/enabled")
    assert (off.status_code, off.json()["enabled"], off.json()["version"]) == (200, False, 3)


async def test_of_many_who_replace_or_make_one_at_once_one_does(world: World) -> None:
    answers = await asyncio.gather(*(world.post("/v1/staff/lines", world.here.staff, LINE) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    line = next(answer.json() for answer in answers if answer.status_code == 201)
    answers = await asyncio.gather(*(put(world, line, LINE) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 7]


async def test_who_points_a_line_elsewhere_must_know_its_secrets(world: World) -> None:
    line = await made(world, sms("https://sms.example"))
    same = await put(world, line, {**sms("https://sms.example"), "secrets": {}})
    assert same.status_code == 200, same.text
    elsewhere = await put(world, same.json(), {**sms("https://evil.example"), "secrets": {}})
    assert wrong(elsewhere) == {"/secrets/secret": "missing"}
    known = await put(world, same.json(), sms("https://new.example"))
    assert known.status_code == 200, known.text


async def test_a_check_proves_a_gateway_and_closes_its_circuit(inside: World, gateway: GatewayPeer) -> None:
    line = await made(inside, sms(gateway.url))
    gateway.script.extend([Reply(status=401, body=b"{}"), GOOD])
    assert (await checked(inside, line))["result"] == "config"
    async with inside.database.sweeping() as sweeping:
        await sweeping.execute(text("update line set open_until = now() + interval '1 hour', open_reason = 'config'"))
    assert await checked(inside, line) == {"result": "accepted", "code": ""}
    seen = (await inside.get(f"/v1/staff/lines/{line['line_id']}", inside.here.staff)).json()
    assert (seen["check_result"], seen["open_until"], seen["open_reason"]) == ("accepted", None, "")
    assert [each.path for each in gateway.requests] == ["/balance", "/balance"]
    assert gateway.requests[0].headers["authorization"] == f"Bearer {CANARY}"


async def test_a_check_of_an_app_build_asks_fcm_and_reaches_nobody(inside: World, peer: FcmPeer) -> None:
    account = {"secrets": {"account": peer.account()}, "settings": {}}
    line = await made(inside, {"name": "it.example.clinic", "provider": "fcm", **account})
    assert line["facts"] == {"project_id": "enamel-test"}
    assert (await checked(inside, line))["result"] == "accepted"
    peer.script.append(FcmReply(403, "SENDER_ID_MISMATCH"))
    assert await checked(inside, line) == {"result": "config", "code": "sender-id-mismatch"}
    assert (len(peer.checks), peer.messages) == (2, [])


async def test_an_ended_line_is_gone_and_so_are_its_secrets(world: World) -> None:
    line = await made(world, LINE)
    path = f"/v1/staff/lines/{line['line_id']}"
    assert (await world.http.delete(path, headers=world.here.staff)).status_code == 204
    for method, what in (("GET", ""), ("DELETE", ""), ("POST", "/check"), ("GET", "/figures")):
        assert (await world.http.request(method, path + what, headers=world.here.staff)).status_code == 404
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select sealed, fingerprint, settings::text, facts::text from line"))
        assert rows.all() == [("", "", "{}", "{}")]


async def test_no_secret_leaves_through_an_answer_a_row_an_event_or_a_log(
    inside: World, gateway: GatewayPeer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        line = await made(inside, sms(gateway.url))
        said: list[Any] = [line, await checked(inside, line)]
        said.append((await put(inside, line, {**sms(gateway.url), "secrets": {"secret": CANARY, "x": CANARY}})).text)
        said.append((await put(inside, line, sms(gateway.url))).json())
        said.append((await inside.get("/v1/staff/lines", inside.here.staff)).text)
    async with inside.database.sweeping() as sweeping:
        for table in ("line", "event", "line_minute"):
            rows = await sweeping.execute(text(f"select t::text from {table} t"))  # noqa: S608
            said.extend(rows.scalars())
        kinds = await sweeping.execute(text("select kind from event where kind like 'line.%' order by id"))
        assert list(kinds.scalars()) == ["line.made", "line.replaced"]
    assert CANARY not in json.dumps(said) + caplog.text


async def test_lines_are_for_whom_manages_channels(world: World) -> None:
    assert [name for name, given in PRESETS.items() if Permission.MANAGE_CHANNELS in given] == ["owner"]
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update staff set permissions = array_remove(permissions, 'channels.manage')"))
    answers = [
        await world.get("/v1/staff/lines", world.here.staff),
        await world.post("/v1/staff/lines", world.here.staff, LINE),
        await world.get("/v1/staff/app-builds", world.here.staff),
    ]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
