"""Sign-in codes by the SMS line of a clinic that knows the number, over the real protocol."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from enamel.line_texts import LineTexts
from push.printed import Printed, PrintedTexts
from push.switchboard import Switchboard
from tests.push.lines import SEAL, gateway, make
from tests.push.peers.sms_gateway import GatewayPeer, Reply
from tests.world import World

CODE = "123456 is your sign-in code."


@pytest.fixture
async def peer() -> AsyncIterator[GatewayPeer]:
    made = GatewayPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def texts(world: World, tmp_path: Path) -> AsyncIterator[LineTexts]:
    board = Switchboard(SEAL.opened, {"127.0.0.1"}, {})
    made = LineTexts(world.database, board, PrintedTexts(Printed(tmp_path / "spare.jsonl")))
    yield made
    await made.close()


def spared(folder: Path) -> str:
    file = folder / "spare.jsonl"
    return file.read_text() if file.exists() else ""


async def test_a_code_goes_by_a_line_of_a_clinic_that_knows_the_number_and_by_no_other(
    world: World, peer: GatewayPeer, texts: LineTexts, tmp_path: Path
) -> None:
    await make(world.database, world.here, gateway(f"{peer.url}/here"))
    await make(world.database, world.there, gateway(f"{peer.url}/there"))
    await texts.send(world.here.phone, CODE)
    (asked,) = peer.requests
    assert asked.path.startswith("/here")
    assert (asked.form["to"], asked.form["text"]) == (world.here.phone, CODE)
    await texts.send("+390299999999", CODE)
    assert len(peer.requests) == 1
    assert "+390299999999" in spared(tmp_path)


async def test_where_a_line_refuses_the_next_one_is_tried_and_what_may_have_arrived_is_not_sent_twice(
    world: World, peer: GatewayPeer, texts: LineTexts, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        await make(world.database, world.here, gateway(f"{peer.url}/{name}", name))
    peer.script += [Reply(status=401), Reply(body=b'{"id": "m-1"}')]
    await texts.send(world.here.phone, CODE)
    assert [asked.path.split("/")[1] for asked in peer.requests] == ["a", "b"]
    peer.script.append(Reply(status=503))
    await texts.send(world.here.phone, CODE)
    assert len(peer.requests) == 3
    assert spared(tmp_path) == ""
    async with world.database.sweeping() as sweeping:
        counted = await sweeping.execute(text("select sum(config), sum(accepted), sum(ambiguous) from line_minute"))
        assert tuple(counted.one()) == (1, 1, 1)


async def test_whoever_signs_in_gets_the_code_by_the_clinics_line(world: World, peer: GatewayPeer) -> None:
    board = Switchboard(SEAL.opened, {"127.0.0.1"}, {})
    await make(world.database, world.here, gateway(peer.url))
    world.http._transport.app.app.app.state.ports = replace(world.ports, texts=LineTexts(world.database, board))  # type: ignore[attr-defined]
    asked = await world.http.post("/v1/auth/otp", json={"phone": world.here.phone})
    assert asked.status_code == 202
    assert len(peer.requests) == 1
    assert world.here.phone not in asked.text
    await board.close()
