"""Web Push against a push service that checks the sender and a browser that decrypts."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr, ValidationError

from core.ids import new_id
from push.channel import Message, Target
from push.es256 import p256_key, raw64, url64
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.web_sealed import LARGEST, padded, sealed
from push.web_subscription import WebKeys, subscription_of
from push.webpush import WebPush, WebPushLine
from tests.push.peers.authority import trusting
from tests.push.peers.stall import longest_stall
from tests.push.peers.webpush import Browser, Reply, WebPushPeer
from tests.push.phones import HOUR, NOON, SECOND

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LINE = WebPushLine(key=SecretStr(PEM), contact="mailto:it@example.clinic")


@pytest.fixture
async def service() -> AsyncIterator[WebPushPeer]:
    made = WebPushPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def push() -> AsyncIterator[WebPush]:
    made = WebPush(LINE, ["127.0.0.1"], trusting())
    yield made
    await made.close()


def message(text: str = "Sulla tua visita") -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", text, "/visits/1", NOON, HOUR)


async def sent(push: WebPush, service: WebPushPeer, seconds: float = 5) -> Outcome:
    return await push.send(Browser(service.url).target, message(), timedelta(seconds=seconds))


async def test_the_browser_reads_what_was_sent_and_the_service_only_who_sent_it(
    push: WebPush, service: WebPushPeer
) -> None:
    browser, said = Browser(service.url), message()
    outcome = await push.send(browser.target, said, 5 * SECOND)
    assert outcome == Outcome(Result.ACCEPTED, provider_id=f"{service.origin}/m/1")
    came = service.came[0]
    assert browser.opened(came.body) == {
        "notification": {"title": "Il tuo studio", "body": "Sulla tua visita", "tag": str(said.notice_id)},
        "data": {"mid": str(said.notice_id), "kind": "visit", "link": "/visits/1"},
    }
    assert (came.claims["sub"], came.claims["k"]) == ("mailto:it@example.clinic", LINE.public_key)
    assert (came.headers["TTL"], came.headers["Urgency"]) == ("3600", "high")
    assert came.headers["Content-Encoding"] == "aes128gcm"
    assert raw64(came.headers["Topic"]) == said.notice_id.bytes
    assert len(came.headers["Topic"]) <= 32


async def test_a_repeat_has_the_same_topic_and_a_chat_has_its_own(push: WebPush, service: WebPushPeer) -> None:
    browser, said, chat = Browser(service.url), message(), new_id()
    for each in (said, said, replace(said, thread_id=chat)):
        await push.send(browser.target, each, 5 * SECOND)
    topics = [raw64(came.headers["Topic"]) for came in service.came]
    assert topics == [said.notice_id.bytes, said.notice_id.bytes, chat.bytes]
    assert len({came.body[:16] for came in service.came}) == 3  # a salt is used once
    assert len({came.headers["Authorization"] for came in service.came}) == 1


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404), Outcome(Result.DEAD, "http-404")),
        (Reply(410), Outcome(Result.DEAD, "http-410")),
        (Reply(413), Outcome(Result.BAD_MESSAGE, "http-413")),
        (Reply(400), Outcome(Result.BAD_MESSAGE, "http-400")),
        (Reply(401), Outcome(Result.CONFIG, "http-401")),
        (Reply(403), Outcome(Result.CONFIG, "http-403")),
        (Reply(429), Outcome(Result.THROTTLED, "http-429")),
        (Reply(429, {"retry-after": "17"}), Outcome(Result.THROTTLED, "http-429", retry_after=17 * SECOND)),
        (
            Reply(503, {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}),
            Outcome(Result.AMBIGUOUS, "http-503", retry_after=HOUR),
        ),
        (Reply(500), Outcome(Result.AMBIGUOUS, "http-500")),
        (Reply(307, {"location": "/elsewhere"}), Outcome(Result.BAD_MESSAGE, "http-307")),
        (Reply(201, how="lost"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(201, how="garbage"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(410, how="huge"), Outcome(Result.DEAD, "http-410")),
        (Reply(410, how="drip"), Outcome(Result.DEAD, "http-410")),
    ],
)
async def test_each_answer_is_one_outcome_and_one_request(
    push: WebPush, service: WebPushPeer, reply: Reply, outcome: Outcome
) -> None:
    service.script.append(reply)
    assert await sent(push, service) == outcome
    assert len(service.came) == 1


async def test_the_loop_is_never_held(push: WebPush, service: WebPushPeer) -> None:
    async def all_of_it() -> None:
        service.script.extend(Reply(how=how) for how in ("drip", "garbage", "lost", ""))
        for _ in range(4):
            await sent(push, service)
        await asyncio.gather(*(sent(push, service) for _ in range(5)))

    assert await longest_stall(all_of_it) < 0.05


async def test_an_answer_that_never_comes_is_ambiguous(push: WebPush, service: WebPushPeer) -> None:
    service.answers_open.clear()
    assert await sent(push, service, 0.3) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert len(service.came) == 1


async def test_no_connection_and_wrong_tls_mean_that_nothing_was_sent(push: WebPush, service: WebPushPeer) -> None:
    nobody = Browser("https://127.0.0.1:1/push")
    assert await push.send(nobody.target, message(), 5 * SECOND) == Outcome(Result.NOT_SENT, "no-connection")
    stranger = WebPush(LINE, ["127.0.0.1"])  # it does not know the peer's authority
    assert await sent(stranger, service) == Outcome(Result.NOT_SENT, "no-connection")
    await stranger.close()
    assert service.came == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "2130706433", "10.0.0.1"])
async def test_no_phone_makes_us_call_the_house_itself(service: WebPushPeer, host: str) -> None:
    guarded = WebPush(LINE, tls=trusting())
    url = service.url.replace("127.0.0.1", host)
    assert await guarded.send(Browser(url).target, message(), SECOND) == Outcome(Result.BAD_MESSAGE, "host-refused")
    await guarded.close()
    assert service.came == []


def altered(**more: object) -> str:
    whole = json.loads(Browser("https://push.example/a").target.token)
    return json.dumps({**whole, **more})


@pytest.mark.parametrize(
    "token",
    [
        "no-json", "[]", "{}", "[" * 4000,
        altered(endpoint="http://push.example/a"),
        altered(endpoint="https://user@push.example/a"),
        altered(endpoint="https://push.example/a#b"),
        altered(endpoint="https://push.example/a\r\nx: y"),
        altered(endpoint="https://push.example:0/a"),
        altered(endpoint="https:///a"),
        altered(more=1),
        altered(keys={"p256dh": url64(b"\4" * 64), "auth": url64(b"a" * 16)}),
        altered(keys={"p256dh": url64(b"\4" * 65), "auth": url64(b"a" * 15)}),
        altered(keys={"p256dh": url64(b"\4" * 65), "auth": url64(b"a" * 16)}),  # no point of the curve
    ],
)  # fmt: skip
async def test_what_is_no_subscription_is_a_dead_address_and_nobody_is_called(push: WebPush, token: str) -> None:
    there = Target("web", "web.example.clinic", token)
    assert await push.send(there, message(), SECOND) == Outcome(Result.DEAD, "not-a-subscription")


def test_a_subscription_as_browsers_give_it_is_understood() -> None:
    assert subscription_of(altered(expirationTime=None)).origin == "https://push.example"
    for_google = altered(endpoint="https://FCM.googleapis.com:443/fcm/send/dQw4:APA91b")
    assert subscription_of(for_google).origin == "https://fcm.googleapis.com"


async def test_browsers_are_spared_what_shows_nothing_and_unified_push_is_not(
    push: WebPush, service: WebPushPeer
) -> None:
    for badge in (0, 2):
        silent = replace(message(), kind=NoticeKind.CHAT, silent=True, badge=badge, thread_id=new_id(), seq=7)
        spared = await push.send(Browser(service.url).target, silent, 5 * SECOND)
        assert spared == Outcome(Result.ACCEPTED, "not-for-browsers")
        phone = Browser(service.url, "android")
        assert (await push.send(phone.target, silent, 5 * SECOND)).result is Result.ACCEPTED
        came = service.came[-1]
        told = phone.opened(came.body)
        assert set(told) == {"data"}
        assert (told["data"]["silent"], told["data"]["badge"], came.headers["Urgency"]) == ("1", str(badge), "low")
        assert ("Topic" in came.headers) is (badge == 0)
    assert len(service.came) == 2


async def test_how_long_a_message_is_tells_nothing_and_too_long_a_one_is_not_sent(
    push: WebPush, service: WebPushPeer
) -> None:
    for text in ("short", "a little longer than that", "è" * 300):
        await push.send(Browser(service.url).target, message(text), 5 * SECOND)
    lengths = [len(came.body) for came in service.came]
    assert lengths[0] == lengths[1] < lengths[2]
    outcome = await push.send(Browser(service.url).target, message("x" * 4000), 5 * SECOND)
    assert outcome == Outcome(Result.BAD_MESSAGE, "payload-too-large")
    assert len(sealed(padded(b"x" * LARGEST), subscription_of(altered()).keys, KEY, bytes(16))) == 4096


async def test_no_word_and_no_address_is_logged_or_sent_in_clear(
    push: WebPush, service: WebPushPeer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    service.script.extend([Reply(410), Reply(201, how="lost")])
    for _ in range(2):
        await push.send(Browser(service.url).target, message("canary-pulpitis"), 5 * SECOND)
    whole = caplog.text + repr(service.came)
    assert "canary" not in whole
    own = [each for each in caplog.records if each.name.startswith("push")]
    assert own == []


async def test_the_key_and_the_contact_are_proved_without_calling_anybody(push: WebPush) -> None:
    assert await push.check(SECOND) == Outcome(Result.ACCEPTED)


def test_a_key_is_taken_as_pem_and_as_web_push_tools_write_it_and_never_shown() -> None:
    bare = url64(KEY.private_numbers().private_value.to_bytes(32))
    assert WebPushLine(key=SecretStr(bare), contact="https://example.clinic").public_key == LINE.public_key
    with pytest.raises(ValidationError) as failed:
        WebPushLine.model_validate({"key": "canary", "contact": "mailto:a@b"})
    assert "canary" not in str(failed.value)
    for wrong in ("-----BEGIN canary", PEM[:60], url64(bytes(32)), bare[:-4]):
        with pytest.raises(ValueError, match="no private key"):
            p256_key(wrong)
    other = ec.generate_private_key(ec.SECP384R1()).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ValueError, match="P-256"):
        p256_key(other.decode())


def test_the_example_of_rfc_8291_comes_out_to_the_letter() -> None:
    keys = WebKeys(
        p256dh="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        auth="BTBZMqHH6r4Tts7J_aSIgg",
    )
    own = p256_key("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")
    body = sealed(b"When I grow up, I want to be a watermelon\x02", keys, own, raw64("DGv6ra1nlYgDCS1FRnbzlw"))
    assert url64(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


async def test_a_token_for_a_push_service_is_made_again_before_it_ends() -> None:
    from push.webpush import _Vapid

    vapid, start = _Vapid(LINE), datetime(2030, 1, 1, tzinfo=UTC)
    first = vapid.header("https://push.example", start)
    assert vapid.header("https://push.example", start + timedelta(hours=10)) == first
    assert vapid.header("https://push.example", start + timedelta(hours=11, minutes=30)) != first
