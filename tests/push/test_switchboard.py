"""The board: which channel a line gets, what a replaced one still does, and whose secrets open for whom."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from core.ids import new_id
from core.sealed import SealBroken
from identity.keys import Keys
from push.apns import Apns
from push.channel import Message, Target, Way
from push.email import Email
from push.es256 import url64
from push.line import LEADS, USUAL_RATES, WAYS, Line, Provider
from push.line_forms import faults_of, secret_names
from push.line_seal import LineSeal
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.printed import Printed, PrintedPushes
from push.smpp.channel import Smpp
from push.sms_http import SmsHttp
from push.switchboard import Places, Switchboard
from push.telegram import Telegram
from push.webpush import WebPush
from push.whatsapp import WhatsApp
from tests.push.fcm_peer import FcmPeer, Reply
from tests.push.lines import CANARY, GATEWAY, SEAL
from tests.push.peers.sms_gateway import GatewayPeer
from tests.push.peers.sms_gateway import Reply as Said
from tests.push.phones import HOUR, NOON
from tests.world import SECRET

P256 = url64(bytes(31) + b"\x01")
DEADLINE = timedelta(seconds=5)
PHONE = Target("android", "it.example.clinic", "a-token-of-a-phone")
WHOLE: dict[Provider, tuple[type, dict[str, Any], dict[str, str]]] = {
    Provider.APNS: (
        Apns, {"key_id": "ABC123DEFG", "team_id": "DEF123GHIJ", "topic": "it.example.clinic"}, {"key": P256}
    ),
    Provider.WEBPUSH: (WebPush, {"contact": "mailto:it@example.clinic"}, {"key": P256}),
    Provider.SMS_HTTP: (SmsHttp, {"shape": "twilio", "account": "AC1", "sender": "Rossi"}, {"secret": CANARY}),
    Provider.SMPP: (
        Smpp, {"host": "smpp.example.com", "system_id": "clinic", "sender": "Rossi"}, {"password": "a-password"}
    ),
    Provider.SMTP: (
        Email, {"host": "smtp.example.com", "user": "clinic", "from_address": "hello@clinic.example"},
        {"password": CANARY, "token_key": CANARY * 2},
    ),
    Provider.TELEGRAM: (
        Telegram, {"bot_name": "rossi_bot"}, {"bot_token": "1234:" + "a" * 35, "hook_secret": "h" * 40}
    ),
    Provider.WHATSAPP: (
        WhatsApp, {"number_id": "12345678"},
        {"access_token": CANARY, "app_secret": CANARY, "verify_token": CANARY},
    ),
}  # fmt: skip


def line_of(provider: Provider, settings: dict[str, Any], secrets: dict[str, str], version: int = 1) -> Line:
    clinic_id, line_id = new_id(), new_id()
    closed = SEAL.closed(secrets, clinic_id, line_id, WAYS[provider])
    return Line(clinic_id, line_id, "a line", provider, settings, closed, version, 600)


def fcm_line(peer: FcmPeer) -> Line:
    return line_of(Provider.FCM, {}, {"account": peer.account()})


def message() -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", "Sulla tua visita", "/visits/1", NOON, HOUR)


@pytest.fixture
async def board(peer: FcmPeer, tmp_path: Path) -> AsyncIterator[Switchboard]:
    fallback = {Way.FCM: PrintedPushes(Printed(tmp_path / "printed.jsonl"))}
    made = Switchboard(SEAL.opened, {"127.0.0.1"}, fallback, Places(fcm=peer.url, fcm_tokens=peer.token_url))
    yield made
    await made.close()


@pytest.fixture
async def gateway() -> AsyncIterator[GatewayPeer]:
    made = GatewayPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.mark.parametrize("provider", WHOLE)
async def test_each_provider_has_its_adapter_and_says_what_is_missing(board: Switchboard, provider: Provider) -> None:
    kind, settings, secrets = WHOLE[provider]
    assert faults_of(provider, settings, secrets, ()) == []
    assert type(board._made(line_of(provider, settings, secrets))) is kind
    assert set(secrets) == secret_names(provider)
    missing = faults_of(provider, settings, {}, ())
    assert {fault.pointer for fault in missing if fault.code == "missing"} <= {f"/secrets/{name}" for name in secrets}
    told = {**settings, **secrets}
    assert {fault.code for fault in faults_of(provider, told, {}, ())} == {"is-a-secret"}
    assert [f.code for f in faults_of(provider, {**settings, "colour": "red"}, secrets, ())] == ["extra-forbidden"]


def test_every_provider_is_known_everywhere() -> None:
    assert set(WAYS) == set(USUAL_RATES) == set(Provider) == {*WHOLE, Provider.FCM}
    assert set(WAYS.values()) == set(Way)
    assert set(LEADS) == {Provider.SMS_HTTP, Provider.SMPP, Provider.SMTP}


async def test_one_channel_serves_a_version_and_without_a_line_the_fallback_does(
    board: Switchboard, peer: FcmPeer, tmp_path: Path
) -> None:
    line = fcm_line(peer)
    channel = board.channel(line, Way.FCM)
    assert board.channel(line, Way.FCM) is channel
    assert (await channel.send(PHONE, message(), DEADLINE)).result is Result.ACCEPTED
    assert board.channel(replace(line, version=2), Way.FCM) is not channel
    assert board.channel(line, Way.FCM) is board.channel(replace(line, version=2), Way.FCM)
    assert (await channel.send(PHONE, message(), DEADLINE)) == Outcome(Result.NOT_SENT, "line-replaced")
    assert len(peer.messages) == 1
    assert (await board.channel(None, Way.FCM).send(PHONE, message(), DEADLINE)).result is Result.ACCEPTED
    assert "a-token-of-a-phone" in (tmp_path / "printed.jsonl").read_text()


async def test_what_is_under_way_while_a_line_is_replaced_comes_to_its_end(board: Switchboard, peer: FcmPeer) -> None:
    line = fcm_line(peer)
    await board.channel(line, Way.FCM).send(PHONE, message(), DEADLINE)
    peer.answers_open.clear()
    sending = asyncio.create_task(board.channel(line, Way.FCM).send(PHONE, message(), DEADLINE))
    async with asyncio.timeout(5):
        while len(peer.messages) < 2:  # noqa: ASYNC110  the peer has no event of its own
            await asyncio.sleep(0.01)
    board.channel(replace(line, version=2), Way.FCM)
    await asyncio.sleep(0.05)
    peer.answers_open.set()
    assert (await sending).result is Result.ACCEPTED


async def test_a_check_asks_fcm_to_look_and_sends_nothing(board: Switchboard, peer: FcmPeer) -> None:
    assert (await board.check(fcm_line(peer), DEADLINE)).result is Result.ACCEPTED
    assert (len(peer.checks), peer.messages) == (1, [])
    peer.script.append(Reply(403, "SENDER_ID_MISMATCH"))
    assert await board.check(fcm_line(peer), DEADLINE) == Outcome(Result.CONFIG, "sender-id-mismatch")
    peer.token_status = 400
    refused = await board.check(fcm_line(peer), DEADLINE)
    assert (refused.result, refused.code) == (Result.CONFIG, "account-refused")


async def test_a_check_that_nobody_answers_ends(board: Switchboard, gateway: GatewayPeer) -> None:
    settings = {"shape": GATEWAY, "url": f"{gateway.url}/sms", "check_url": f"{gateway.url}/b", "sender": "Rossi"}
    gateway.script.append(Said(hang=True))
    outcome = await board.check(line_of(Provider.SMS_HTTP, settings, {"secret": CANARY}), timedelta(seconds=0.2))
    assert outcome.result in (Result.AMBIGUOUS, Result.NOT_SENT)


async def test_secrets_open_for_their_own_clinic_line_and_way_alone(board: Switchboard, peer: FcmPeer) -> None:
    line = fcm_line(peer)
    copies = [
        replace(line, clinic_id=new_id()), replace(line, line_id=new_id()), replace(line, provider=Provider.WEBPUSH),
        replace(line, sealed=line.sealed[:-4] + "AAAA"), replace(line, sealed=""), replace(line, sealed="ümlaut"),
    ]  # fmt: skip
    for copy in copies:
        with pytest.raises(SealBroken):
            SEAL.opened(copy)
        assert await board.check(copy, DEADLINE) == Outcome(Result.CONFIG, "seal-broken")
        assert await board.channel(copy, Way.FCM).send(PHONE, message(), DEADLINE) == Outcome(
            Result.CONFIG, "seal-broken"
        )
        board._open.clear()
    with pytest.raises(SealBroken):
        LineSeal(Keys("another secret of another house, 32+")).opened(line)
    assert peer.messages == []


async def test_a_host_that_is_the_operators_no_more_is_not_called(gateway: GatewayPeer) -> None:
    board = Switchboard(SEAL.opened, (), {})
    settings = {"shape": GATEWAY, "url": f"{gateway.url}/sms", "check_url": f"{gateway.url}/b", "sender": "Rossi"}
    line = line_of(Provider.SMS_HTTP, settings, {"secret": CANARY})
    assert await board.check(line, DEADLINE) == Outcome(Result.CONFIG, "host-refused")
    assert await board.channel(None, Way.FCM).check(DEADLINE) == Outcome(Result.CONFIG, "no-line")
    await board.close()
    assert gateway.connections == 0


def test_the_same_secret_has_the_same_fingerprint_in_one_clinic_and_another_elsewhere() -> None:
    here, there, one = new_id(), new_id(), {"secret": CANARY}
    assert SEAL.fingerprint(one, here) == SEAL.fingerprint(dict(one), here) != SEAL.fingerprint(one, there)
    assert SEAL.fingerprint(one, here) != LineSeal(Keys(SECRET + "!")).fingerprint(one, here)


async def test_no_secret_stands_in_a_repr_a_fault_or_a_log(
    board: Switchboard, peer: FcmPeer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for provider, (_, settings, secrets) in WHOLE.items():
            line = line_of(provider, {**settings, "private": CANARY}, secrets)
            faults = faults_of(provider, line.settings, {**secrets, "other": CANARY}, ())
            wrong = faults_of(provider, settings, dict.fromkeys(secrets, CANARY + "\x00"), ())
            said = [repr(line), repr(faults), repr(wrong), repr(board._made(line)), await board.check(line, DEADLINE)]
            assert not any(secret in str(each) for secret in secrets.values() for each in said), provider
        line = fcm_line(peer)
        await board.channel(line, Way.FCM).send(PHONE, message(), DEADLINE)
    assert "PRIVATE KEY" not in repr(line) + caplog.text
    assert CANARY not in caplog.text
