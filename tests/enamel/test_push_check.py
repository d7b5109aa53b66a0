"""`enamel push check`: a sentence a line, and nothing reaches anybody."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from core.clock import now
from core.ids import new_id
from core.settings import Settings
from enamel.demo.app import make_app
from enamel.problems import CannotStart
from enamel.push_check import _checked, found, sentence
from push.line import Line, Provider
from push.outcome import Outcome, Result
from push.switchboard import Places, Switchboard
from tests.push.fcm_peer import FcmPeer
from tests.push.lines import CANARY, SEAL, fcm, gateway, make
from tests.push.peers.sms_gateway import GatewayPeer, Reply
from tests.world import SECRET, World


@pytest.fixture
async def peer() -> AsyncIterator[FcmPeer]:
    made = FcmPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def texts() -> AsyncIterator[GatewayPeer]:
    made = GatewayPeer()
    await made.start()
    yield made
    await made.stop()


async def test_every_line_of_a_build_is_proven_and_what_was_found_is_noted(
    world: World, peer: FcmPeer, texts: GatewayPeer
) -> None:
    board = Switchboard(SEAL.opened, {"127.0.0.1"}, {}, Places(fcm=peer.url, fcm_tokens=peer.token_url))
    one = await make(world.database, world.here, fcm(peer))
    two = await make(world.database, world.here, gateway(texts.url, one.name))
    texts.script.append(Reply(status=401))
    findings = await found(world.database, board, world.here.clinic_id, one.name)
    said = [sentence(*each) for each in findings]
    assert said == [
        "it.example.clinic by fcm: is proven.",
        "it.example.clinic by sms_http: is refused: mend its settings or credentials (http-401).",
    ]
    assert CANARY not in "".join(said)
    assert (len(peer.checks), peer.messages) == (1, [])
    noted = await world.get(f"/v1/staff/lines/{two.line_id}", world.here.staff)
    assert (noted.json()["check_result"], noted.json()["check_code"]) == ("config", "http-401")
    assert [line.name for line, _ in await found(world.database, board, world.here.clinic_id, str(one.line_id))]
    assert await found(world.database, board, world.there.clinic_id, one.name) == []
    await board.close()


async def test_the_command_ends_with_one_where_a_line_is_not_proven(
    world: World, texts: GatewayPeer, migrated: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(secret=SecretStr(SECRET), push_private_hosts=("127.0.0.1",))
    line = await make(world.database, world.here, gateway(texts.url))
    texts.script.extend([Reply(body=b'{"balance": 1}'), Reply(status=401)])
    assert await _checked(settings, migrated, world.here.clinic_id, line.name) == 0
    assert await _checked(settings, migrated, world.here.clinic_id, line.name) == 1
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "texts by sms_http: is proven.",
        "texts by sms_http: is refused: mend its settings or credentials (http-401).",
    ]
    with pytest.raises(CannotStart):
        await _checked(settings, migrated, world.there.clinic_id, line.name)


async def test_the_demo_has_an_app_that_browsers_can_subscribe_to(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await make_app(writing, world.keys, world.here.clinic_id, "Demo Dental", now())
    told = await world.get("/v1/app-builds/demo", {}, params={"clinic_id": str(world.here.clinic_id)})
    assert (told.status_code, told.json()["ways"], len(told.json()["web_push_key"])) == (200, ["webpush"], 87)


def test_there_is_a_sentence_for_whatever_may_come_of_it() -> None:
    line = Line(new_id(), new_id(), "texts", Provider.SMS_HTTP, {}, "", 1, 1)
    for result in Result:
        assert sentence(line, Outcome(result, "a-code")).startswith("texts by sms_http: ")
    browsers = replace(line, provider=Provider.WEBPUSH)
    assert "once a browser subscribed" in sentence(browsers, Outcome(Result.ACCEPTED))
