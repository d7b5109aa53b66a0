"""SMS over HTTP against a real peer: each fault is one outcome and costs one request, in the form of each gateway."""

import asyncio
import logging
from base64 import b64decode
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from core.ids import new_id
from push.channel import Message, Target
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.sms_gateway import Answers, Auth, Life, SmsGatewayLine, SmsShape, preset, presets
from push.sms_http import SmsHttp
from tests.push.peers.certificate import pem_of_loopback, server_context
from tests.push.peers.sms_gateway import GatewayPeer, Reply
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, NOON, SECOND

PHONE = Target("", "line", "+393331234567")
LOOPBACK = ("127.0.0.1",)
HERE = SmsShape(
    url="https://sms.example/send",
    auth=Auth.BEARER,
    body="json",
    members={
        "messages.0.to.0.number": "{to}", "messages.0.from": "{sender}", "messages.0.content.text": "{text}",
        "messages.0.ttl": "{life}", "reference": "{notice}", "kind": "transactional", "callback": "{receipts}",
    },
    numbers=("messages.0.ttl",),
    answers=Answers(id_at="messages.0.id", code_at="messages.0.code", codes={"17": Result.DEAD, "0": Result.ACCEPTED}),
)  # fmt: skip
GOOD = Reply(200, b'{"messages": [{"id": "m-1"}]}')


def message(text: str = "Sulla tua visita", **other: Any) -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", text, "/visits/1", NOON, HOUR, **other)


def line(shape: SmsShape = HERE, **other: Any) -> SmsGatewayLine:
    return SmsGatewayLine(shape=shape, secret=SecretStr("s3cret"), **{"sender": "Studio", "account": "AC1", **other})


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayPeer]:
    made = GatewayPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def sms(gateway: GatewayPeer) -> AsyncIterator[SmsHttp]:
    made = SmsHttp(line(url=f"{gateway.url}/send"), LOOPBACK)
    yield made
    await made.close()


async def send(sms: SmsHttp, seconds: float = 5) -> Outcome:
    return await sms.send(PHONE, message(), timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (GOOD, Outcome(Result.ACCEPTED, provider_id="m-1")),
        (Reply(200, b'{"messages": [{"id": 77, "code": 0}]}'), Outcome(Result.ACCEPTED, provider_id="77")),
        (Reply(200, b'{"messages": [{"code": 17}]}'), Outcome(Result.DEAD, "gateway-17")),
        (Reply(404, b'{"messages": [{"code": 17}]}'), Outcome(Result.DEAD, "gateway-17")),
        (Reply(200, b'{"messages": [{"code": 99}]}'), Outcome(Result.AMBIGUOUS, "gateway-99")),
        (Reply(500, b'{"messages": [{"id": "m-1", "code": 0}]}'), Outcome(Result.AMBIGUOUS, "gateway-0")),
        (Reply(200, b'{"messages": []}'), Outcome(Result.AMBIGUOUS, "no-id")),
        (Reply(200, b"<html>not json"), Outcome(Result.AMBIGUOUS, "no-id")),
        (Reply(200, b"[" * 60_000), Outcome(Result.AMBIGUOUS, "no-id")),
        (Reply(400), Outcome(Result.BAD_MESSAGE, "http-400")),
        (Reply(401), Outcome(Result.CONFIG, "http-401")),
        (Reply(402), Outcome(Result.CONFIG, "http-402")),
        (Reply(403), Outcome(Result.CONFIG, "http-403")),
        (Reply(404), Outcome(Result.CONFIG, "http-404")),
        (Reply(307, headers={"location": "/elsewhere"}), Outcome(Result.CONFIG, "http-307")),
        (Reply(429), Outcome(Result.THROTTLED, "http-429")),
        (Reply(429, headers={"retry-after": "17"}), Outcome(Result.THROTTLED, "http-429", retry_after=17 * SECOND)),
        (
            Reply(503, headers={"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}),
            Outcome(Result.AMBIGUOUS, "http-503", retry_after=HOUR),
        ),
        (Reply(500, headers={"retry-after": "soon"}), Outcome(Result.AMBIGUOUS, "http-500")),
        (Reply(lost=True), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(raw=b"\x00\xff garbage\r\n\r\n"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(200, b'{"messages": [{"id": "' + b"x" * 70_000 + b'"}]}'), Outcome(Result.AMBIGUOUS, "answer-lost")),
    ],
)  # fmt: skip
async def test_each_answer_is_one_outcome_and_one_request(
    gateway: GatewayPeer, sms: SmsHttp, reply: Reply, outcome: Outcome
) -> None:
    gateway.script.append(reply)
    assert await send(sms) == outcome
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("reply", [Reply(hang=True), Reply(drip=True)])
async def test_an_answer_that_never_ends_is_ambiguous(gateway: GatewayPeer, sms: SmsHttp, reply: Reply) -> None:
    gateway.script.append(reply)
    assert await send(sms, 0.3) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert len(gateway.requests) == 1


async def test_a_connection_that_was_closed_between_two_sends_is_no_second_request(
    gateway: GatewayPeer, sms: SmsHttp
) -> None:
    gateway.script.extend([GOOD, Reply(lost=True)])
    assert (await send(sms)).result is Result.ACCEPTED
    assert (await send(sms)).result is Result.AMBIGUOUS
    assert len(gateway.requests) == 2


async def test_no_connection_means_that_nothing_was_sent(unused_port: int) -> None:
    nowhere = SmsHttp(line(url=f"http://127.0.0.1:{unused_port}/send"), LOOPBACK)
    assert await send(nowhere) == Outcome(Result.NOT_SENT, "no-connection")
    assert await nowhere.check(5 * SECOND) == Outcome(Result.ACCEPTED, "host-only")
    await nowhere.close()


async def test_a_certificate_that_nobody_trusts_means_that_nothing_was_sent(tmp_path: Path) -> None:
    peer = GatewayPeer(server_context(tmp_path, pem_of_loopback()))
    await peer.start()
    sms = SmsHttp(line(url=f"{peer.url}/send"), LOOPBACK)
    assert await send(sms) == Outcome(Result.NOT_SENT, "no-connection")
    assert peer.requests == []
    await sms.close()
    await peer.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "10.1.2.3", "[::1]", "169.254.169.254"])
async def test_a_host_of_our_own_network_is_not_called(gateway: GatewayPeer, host: str) -> None:
    sms = SmsHttp(line(url=f"https://{host}:{gateway.port}/send"))
    assert await send(sms) == Outcome(Result.CONFIG, "host-refused")
    assert await sms.check(5 * SECOND) == Outcome(Result.CONFIG, "host-refused")
    assert gateway.connections == 0
    await sms.close()


@pytest.mark.parametrize(
    "url", ["http://sms.example/send", "https://a:b@sms.example/", "https://sms.example/?psw=1", "https://x/../y", "x"]
)
def test_an_address_that_cannot_be_called_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(ValueError, match="not-"):
        SmsHttp(line(url=url))


async def test_what_cannot_be_an_sms_is_not_sent(gateway: GatewayPeer, sms: SmsHttp) -> None:
    second = 5 * SECOND
    mail = Target("", "line", "a@b.example")
    assert await sms.send(PHONE, message(silent=True), second) == Outcome(Result.BAD_MESSAGE, "nothing-to-show")
    assert await sms.send(mail, message(), second) == Outcome(Result.BAD_MESSAGE, "not-a-number")
    assert await sms.send(PHONE, message("я" * 403), second) == Outcome(Result.BAD_MESSAGE, "too-long")
    assert gateway.requests == []


async def test_the_json_has_every_member_in_its_place(gateway: GatewayPeer, sms: SmsHttp) -> None:
    gateway.script.append(GOOD)
    sent = message("“Oggi”" + "." * 140, web_link="https://k.example/a", stop_link="https://k.example/s")
    assert (await sms.send(PHONE, sent, 5 * SECOND)).result is Result.ACCEPTED
    asked = gateway.requests[0]
    assert (asked.method, asked.path) == ("POST", "/send")
    assert asked.headers["authorization"] == "Bearer s3cret"
    assert asked.headers["content-type"] == "application/json; charset=utf-8"
    text = 'Il tuo studio: "Oggi"' + "." * 140 + " https://k.example/a\nSTOP: https://k.example/s"
    assert asked.json == {
        "messages": [
            {"to": [{"number": "+393331234567"}], "from": "Studio", "content": {"text": text}, "ttl": 3600}
        ],
        "reference": str(sent.notice_id), "kind": "transactional",
    }  # fmt: skip


async def test_fifty_sends_at_once_never_hold_the_loop_up(gateway: GatewayPeer, sms: SmsHttp) -> None:
    await send(sms)

    async def fifty() -> None:
        gateway.script.extend([GOOD] * 50)
        outcomes = await asyncio.gather(*(send(sms) for _ in range(50)))
        assert {each.result for each in outcomes} == {Result.ACCEPTED}

    assert await longest_stall(fifty) < 0.05
    assert len(gateway.requests) == 1 + 5 * 50


async def test_neither_number_nor_words_nor_secret_stand_in_logs_headers_or_the_path(
    gateway: GatewayPeer, sms: SmsHttp, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    gateway.script.extend([Reply(500, b'{"error": "canary-caries"}'), Reply(lost=True)])
    for _ in range(2):
        outcome = await sms.send(PHONE, message("canary-caries"), 5 * SECOND)
        assert "canary" not in repr(outcome)
    assert all(word not in caplog.text for word in ("canary", "393331234567", "s3cret"))
    for asked in gateway.requests:
        assert "canary" not in asked.path + repr({**asked.headers})
        assert "3933" not in asked.path
    assert "s3cret" not in repr(line())


# The three presets, with the answers that their makers document.


async def asked_by(
    gateway: GatewayPeer, name: str, reply: Reply, text: str = "Visita"
) -> tuple[Outcome, dict[str, str], dict[str, str]]:
    gateway.script.append(reply)
    receipts = "https://clinic.example/v1/hooks/sms/1"
    sms = SmsHttp(line(preset(name), url=f"{gateway.url}/send/{{account}}", receipts_url=receipts), LOOPBACK)
    outcome = await sms.send(PHONE, message(text), 5 * SECOND)
    await sms.close()
    asked = gateway.requests[-1]
    assert asked.path == "/send/AC1"
    return outcome, asked.form, asked.headers


def test_there_are_three_presets_and_their_hosts_are_https() -> None:
    assert presets() == ("smsc", "twilio", "vonage")
    for name in presets():
        SmsHttp(line(preset(name)))
    with pytest.raises(KeyError):
        preset("../smsc")


async def test_twilio(gateway: GatewayPeer) -> None:
    good = b'{"sid": "SM1", "status": "queued", "error_code": null, "num_segments": "1"}'
    outcome, form, headers = await asked_by(gateway, "twilio", Reply(201, good))
    assert outcome == Outcome(Result.ACCEPTED, provider_id="SM1")
    assert b64decode(headers["authorization"].removeprefix("Basic ")) == b"AC1:s3cret"
    assert form == {
        "To": "+393331234567", "From": "Studio", "Body": "Il tuo studio: Visita", "ValidityPeriod": "3600",
        "StatusCallback": "https://clinic.example/v1/hooks/sms/1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "result"),
    [(400, 21211, Result.DEAD), (400, 21610, Result.DEAD), (401, 20003, Result.CONFIG), (429, 20429, Result.THROTTLED),
     (400, 21612, Result.BAD_MESSAGE), (400, 29999, Result.BAD_MESSAGE), (500, 20500, Result.AMBIGUOUS)],
)  # fmt: skip
async def test_twilio_refuses(gateway: GatewayPeer, status: int, code: int, result: Result) -> None:
    said = b'{"code": %d, "message": "no +393331234567", "status": %d}' % (code, status)
    outcome, _, _ = await asked_by(gateway, "twilio", Reply(status, said))
    assert outcome == Outcome(result, f"gateway-{code}")


async def test_vonage(gateway: GatewayPeer) -> None:
    good = b'{"message-count": "1", "messages": [{"to": "39333", "message-id": "0A", "status": "0"}]}'
    outcome, form, _ = await asked_by(gateway, "vonage", Reply(200, good), "Визит")
    assert outcome == Outcome(Result.ACCEPTED, provider_id="0A")
    assert (form["to"], form["type"], form["ttl"], form["api_key"]) == ("393331234567", "unicode", "3600000", "AC1")
    assert (await asked_by(gateway, "vonage", Reply(200, good)))[1]["type"] == "text"


@pytest.mark.parametrize(
    ("status", "result"),
    [("1", Result.THROTTLED), ("4", Result.CONFIG), ("5", Result.AMBIGUOUS), ("7", Result.DEAD), ("9", Result.CONFIG),
     ("12", Result.BAD_MESSAGE), ("77", Result.AMBIGUOUS)],
)  # fmt: skip
async def test_vonage_refuses_with_200(gateway: GatewayPeer, status: str, result: Result) -> None:
    said = b'{"message-count": "1", "messages": [{"status": "%s", "error-text": "no"}]}' % status.encode()
    assert (await asked_by(gateway, "vonage", Reply(200, said)))[0] == Outcome(result, f"gateway-{status}")


async def test_smsc(gateway: GatewayPeer) -> None:
    outcome, form, _ = await asked_by(gateway, "smsc", Reply(200, b'{"id": 4711, "cnt": 1}'), "Ваш визит")
    assert outcome == Outcome(Result.ACCEPTED, provider_id="4711")
    assert form == {
        "login": "AC1", "psw": "s3cret", "phones": "+393331234567", "mes": "Il tuo studio: Ваш визит",
        "sender": "Studio", "valid": "1", "charset": "utf-8", "fmt": "3",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("code", "result"),
    [(2, Result.CONFIG), (3, Result.CONFIG), (6, Result.BAD_MESSAGE), (8, Result.BAD_MESSAGE), (9, Result.THROTTLED)],
)
async def test_smsc_refuses_with_200_and_an_id_of_nothing(gateway: GatewayPeer, code: int, result: Result) -> None:
    said = b'{"error": "no", "error_code": %d, "id": 4711}' % code
    assert (await asked_by(gateway, "smsc", Reply(200, said)))[0] == Outcome(result, f"gateway-{code}")


@pytest.mark.parametrize(
    ("name", "reply", "outcome"),
    [
        ("twilio", Reply(200, b'{"sid": "AC1"}'), Outcome(Result.ACCEPTED)),
        ("twilio", Reply(401, b'{"code": 20003}'), Outcome(Result.CONFIG, "gateway-20003")),
        ("vonage", Reply(200, b'{"value": 3.14}'), Outcome(Result.ACCEPTED)),
        ("vonage", Reply(401), Outcome(Result.CONFIG, "http-401")),
        ("smsc", Reply(200, b'{"balance": "100.20"}'), Outcome(Result.ACCEPTED)),
        ("smsc", Reply(200, b'{"error": "no", "error_code": 2}'), Outcome(Result.CONFIG, "gateway-2")),
        ("smsc", Reply(200, b"<html>"), Outcome(Result.CONFIG, "not-proven")),
        ("smsc", Reply(lost=True), Outcome(Result.AMBIGUOUS, "answer-lost")),
    ],
)
async def test_a_check_asks_what_reaches_nobody(
    gateway: GatewayPeer, name: str, reply: Reply, outcome: Outcome
) -> None:
    gateway.script.append(reply)
    sms = SmsHttp(line(preset(name), check_url=f"{gateway.url}/check"), LOOPBACK)
    assert await sms.check(5 * SECOND) == outcome
    assert [asked.path for asked in gateway.requests] == ["/check"]
    await sms.close()


def test_a_life_is_counted_in_the_gateways_unit_and_bounds() -> None:
    assert Life(unit_seconds=3600, least=1, most=24).of(90 * SECOND) == 1
    assert Life(unit_seconds=3600, least=1, most=24).of(timedelta(days=9)) == 24
    assert Life(unit_seconds=0.001, least=20_000, most=10**8).of(HOUR) == 3_600_000


@pytest.mark.parametrize(
    "wrong", [{"secret": SecretStr("a\r\nhost: b")}, {"sender": "a\nb"}, {"account": "a\x00"}, {"most_segments": 0}]
)
def test_a_line_with_control_characters_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        SmsGatewayLine(**{"shape": HERE, "secret": SecretStr("s"), "sender": "S", **wrong})
