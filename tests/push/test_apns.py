"""The adapter of Apple against a real HTTP/2 server: each answer is one outcome, and costs one request."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import uvloop
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import SecretStr, ValidationError

from core.ids import new_id
from push.apns import Apns, ApnsLine
from push.apns_token import ApnsToken
from push.channel import Message, Target
from push.http2 import Unsent
from push.http2_line import Http2Line
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from tests.push.peers.apns import ApnsPeer, Reply
from tests.push.peers.authority import trusting
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, MINUTE, NOON, SECOND

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
LINE = ApnsLine(key=SecretStr(PEM), key_id="ABC123DEFG", team_id="DEF123GHIJ", topic="it.example.clinic")
PHONE = Target("ios", "it.example.clinic", "AB" * 32)


@pytest.fixture
async def apple() -> AsyncIterator[ApnsPeer]:
    made = ApnsPeer(KEY.public_key())
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def apns(apple: ApnsPeer) -> AsyncIterator[Apns]:
    made = Apns(LINE, apple.at, trusting())
    yield made
    await made.close()


def message(text: str = "Sulla tua visita") -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", text, "/visits/1", NOON, HOUR)


async def send(apns: Apns, seconds: float = 5) -> Outcome:
    return await apns.send(PHONE, message(), timedelta(seconds=seconds))


async def test_what_apple_gets_is_all_that_it_needs_and_says_nothing_of_health(apple: ApnsPeer, apns: Apns) -> None:
    said = replace(message(), badge=3)
    assert await apns.send(PHONE, said, 5 * SECOND) == Outcome(Result.ACCEPTED, provider_id=str(said.notice_id))
    came = apple.came[0]
    assert came.headers[":path"] == "/3/device/" + "ab" * 32
    assert {name: value for name, value in came.headers.items() if name.startswith("apns-")} == {
        "apns-topic": "it.example.clinic", "apns-id": str(said.notice_id), "apns-push-type": "alert",
        "apns-priority": "10", "apns-expiration": str(int(NOON.timestamp())), "apns-collapse-id": str(said.notice_id),
    }  # fmt: skip
    assert came.json == {
        "aps": {
            "alert": {"title": "Il tuo studio", "body": "Sulla tua visita"}, "sound": "default", "thread-id": "visit",
            "mutable-content": 1, "badge": 3,
        },
        "mid": str(said.notice_id), "kind": "visit", "link": "/visits/1", "badge": "3",
    }  # fmt: skip


async def test_a_silent_one_is_a_background_push_and_a_chat_has_one_banner(apple: ApnsPeer, apns: Apns) -> None:
    chat = replace(message(), kind=NoticeKind.CHAT, thread_id=new_id(), seq=7, badge=0)
    for each in (chat, replace(chat, silent=True)):
        await apns.send(PHONE, each, 5 * SECOND)
    shown, silent = apple.came
    assert shown.headers["apns-collapse-id"] == str(chat.thread_id)
    assert (silent.headers["apns-push-type"], silent.headers["apns-priority"]) == ("background", "5")
    assert "apns-collapse-id" not in silent.headers
    assert silent.json["aps"] == {"content-available": 1, "badge": 0}
    assert (silent.json["silent"], silent.json["seq"]) == ("1", "7")


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(400, "BadCollapseId"), Outcome(Result.BAD_MESSAGE, "bad-collapse-id")),
        (Reply(400, "PayloadEmpty"), Outcome(Result.BAD_MESSAGE, "payload-empty")),
        (Reply(413, "PayloadTooLarge"), Outcome(Result.BAD_MESSAGE, "payload-too-large")),
        (Reply(400, "TopicDisallowed"), Outcome(Result.CONFIG, "topic-disallowed")),
        (Reply(403, "InvalidProviderToken"), Outcome(Result.CONFIG, "invalid-provider-token")),
        (Reply(403, "ExpiredProviderToken"), Outcome(Result.CONFIG, "expired-provider-token")),
        (Reply(403, "Forbidden"), Outcome(Result.CONFIG, "forbidden")),
        (Reply(401), Outcome(Result.CONFIG, "http-401")),
        (Reply(404), Outcome(Result.CONFIG, "http-404")),
        (
            Reply(410, "Unregistered", timestamp=1893456000000),
            Outcome(Result.DEAD, "unregistered", dead_since=datetime(2030, 1, 1, tzinfo=UTC)),
        ),
        (Reply(410, "ExpiredToken"), Outcome(Result.DEAD, "expired-token")),
        (Reply(410), Outcome(Result.CONFIG, "http-410")),
        (Reply(410, raw=b"[" * 5000), Outcome(Result.CONFIG, "http-410")),
        (
            Reply(429, "TooManyRequests", {"retry-after": "17"}),
            Outcome(Result.THROTTLED, "too-many-requests", retry_after=17 * SECOND),
        ),
        (
            Reply(429, "TooManyRequests", {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}),
            Outcome(Result.THROTTLED, "too-many-requests", retry_after=HOUR),
        ),
        (Reply(429, "TooManyProviderTokenUpdates"), Outcome(Result.THROTTLED, "too-many-provider-token-updates")),
        (Reply(500, "InternalServerError"), Outcome(Result.AMBIGUOUS, "internal-server-error")),
        (Reply(503, "ServiceUnavailable"), Outcome(Result.AMBIGUOUS, "service-unavailable")),
        (Reply(503, "Shutdown"), Outcome(Result.AMBIGUOUS, "shutdown")),
        (Reply(400, "SomethingNew"), Outcome(Result.BAD_MESSAGE, "http-400")),
        (Reply(410, "Unregistered", how="drip"), Outcome(Result.DEAD, "unregistered")),
        (Reply(500, how="huge"), Outcome(Result.AMBIGUOUS, "http-500")),
        (Reply(how="lost"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(how="garbage"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(how="broken"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(how="refused"), Outcome(Result.NOT_SENT, "refused-stream")),
        (Reply(how="goodbye"), Outcome(Result.NOT_SENT, "going-away")),
    ],
)
async def test_each_answer_is_one_outcome_and_one_request_and_the_next_message_goes_out(
    apple: ApnsPeer, apns: Apns, reply: Reply, outcome: Outcome
) -> None:
    apple.script.append(reply)
    assert await send(apns, 1 if reply.how == "garbage" else 5) == outcome
    assert len(apple.came) == 1
    assert (await send(apns)).result is Result.ACCEPTED


@pytest.mark.parametrize("reason", ["BadDeviceToken", "DeviceTokenNotForTopic"])
async def test_a_token_apple_does_not_know_is_dead_only_once_the_line_is_proved(
    apple: ApnsPeer, apns: Apns, reason: str
) -> None:
    apple.script.extend([Reply(400, reason), Reply(), Reply(400, reason)])
    assert [(await send(apns)).result for _ in range(3)] == [Result.CONFIG, Result.ACCEPTED, Result.DEAD]


async def test_an_answer_that_never_comes_is_ambiguous_and_the_others_get_theirs(apple: ApnsPeer, apns: Apns) -> None:
    apple.script.append(Reply(how="hang"))
    outcomes = await asyncio.gather(*(send(apns, 0.4) for _ in range(10)))
    assert outcomes.count(Outcome(Result.AMBIGUOUS, "answer-lost")) == 1
    assert [each.result for each in outcomes].count(Result.ACCEPTED) == 9
    assert (len(apple.came), apple.connections) == (10, 1)


async def test_what_was_under_way_when_apple_said_goodbye_is_answered_or_surely_not_sent(
    apple: ApnsPeer, apns: Apns
) -> None:
    await send(apns)
    apple.answers_open.clear()
    apple.script.extend([Reply(how="last"), Reply(how="hang"), Reply(how="hang")])
    waiting = asyncio.gather(*(send(apns) for _ in range(3)))
    await apple.has(4)
    apple.answers_open.set()
    assert sorted(each.result.value for each in await waiting) == ["accepted", "not_sent", "not_sent"]
    assert (await send(apns)).result is Result.ACCEPTED
    assert apple.connections == 2


async def test_no_more_streams_are_opened_than_apple_allows_and_none_is_lost(apple: ApnsPeer, apns: Apns) -> None:
    apple.most = 3
    outcomes = await asyncio.gather(*(send(apns) for _ in range(100)))
    assert {each.result for each in outcomes} == {Result.ACCEPTED}
    assert (len(apple.came), apple.widest, apple.connections) == (100, 3, 1)
    apple.answers_open.clear()
    late = await asyncio.gather(*(send(apns, 0.4) for _ in range(3)), *(send(apns, 0.2) for _ in range(5)))
    assert sorted(each.code for each in late) == ["answer-lost"] * 3 + ["no-room"] * 5
    assert {each.result for each in late if each.code == "no-room"} == {Result.NOT_SENT}
    assert len(apple.came) == 103


async def test_a_body_waits_for_room_and_is_never_sent_in_part(apple: ApnsPeer, apns: Apns) -> None:
    apple.window = 100
    assert await send(apns, 0.3) == Outcome(Result.NOT_SENT, "no-room")
    assert apple.came == []


async def test_no_connection_wrong_tls_and_no_http2_mean_that_nothing_was_sent(apple: ApnsPeer) -> None:
    old = ApnsPeer(KEY.public_key(), protocol="http/1.1")
    await old.start()
    dumb = ApnsPeer(KEY.public_key())
    dumb.settles = False
    await dumb.start()
    lines = [
        Apns(LINE, ("127.0.0.1", 1), trusting()), Apns(LINE, apple.at), Apns(LINE, old.at, trusting()),
        Apns(LINE, dumb.at, trusting()),
    ]  # fmt: skip
    codes = ["no-connection", "no-connection", "no-http2", "no-connection"]
    assert [await send(each, 1) for each in lines] == [Outcome(Result.NOT_SENT, code) for code in codes]
    for each in lines:
        await each.close()
    for peer in (old, dumb):
        await peer.stop()
    assert (apple.came, old.came) == ([], [])


async def test_the_loop_is_never_held(apple: ApnsPeer, apns: Apns) -> None:
    async def all_of_it() -> None:
        apple.script.extend(Reply(how=how) for how in ("huge", "drip", "lost", "goodbye", ""))
        for _ in range(5):
            await send(apns)
        await asyncio.gather(*(send(apns) for _ in range(5)))

    assert await longest_stall(all_of_it) < 0.05


def test_it_speaks_over_the_loop_of_production_too() -> None:
    async def said() -> list[Outcome]:
        apple = ApnsPeer(KEY.public_key())
        await apple.start()
        apns = Apns(LINE, apple.at, trusting())
        apple.script.extend([Reply(), Reply(how="lost"), Reply(how="goodbye")])
        outcomes = [await send(apns) for _ in range(4)]
        await apns.close()
        await apple.stop()
        return outcomes

    results = [each.result for each in uvloop.run(said())]
    assert results == [Result.ACCEPTED, Result.AMBIGUOUS, Result.NOT_SENT, Result.ACCEPTED]


async def test_a_thousand_at_once_share_one_connection_and_one_token(apple: ApnsPeer, apns: Apns) -> None:
    outcomes = await asyncio.gather(*(send(apns, 30) for _ in range(1000)))
    assert {each.result for each in outcomes} == {Result.ACCEPTED}
    assert (len(apple.came), apple.connections, len(apple.tokens)) == (1000, 1, 1)


async def test_a_connection_that_was_silent_is_asked_before_it_is_trusted(apple: ApnsPeer) -> None:
    line = Http2Line(*apple.at, trusting(), idle_seconds=0.05)
    headers = [
        (":method", "POST"), (":scheme", "https"), (":authority", "x"), (":path", "/3/device/aa"), ("apns-id", "1"),
        ("authorization", "bearer " + ApnsToken(PEM, "ABC123DEFG", "DEF123GHIJ").current(datetime.now(UTC))),  # noqa: TID251
        ("apns-topic", "it.example.clinic"), ("apns-push-type", "alert"),
    ]  # fmt: skip
    until = asyncio.get_running_loop().time() + 20
    await line.post(headers, b"{}", until)
    await asyncio.sleep(0.1)
    await line.post(headers, b"{}", until)
    assert apple.connections == 1  # it answered the ping
    await asyncio.sleep(0.1)
    apple.pongs = False
    await line.post(headers, b"{}", until)
    assert (apple.connections, len(apple.came)) == (2, 3)
    await line.close()
    with pytest.raises(Unsent):
        await Http2Line("127.0.0.1", 1, trusting()).post(headers, b"{}", until)


def test_the_token_is_kept_for_fifty_minutes_and_dropped_only_when_it_may_be_too_old() -> None:
    token = ApnsToken(PEM, "ABC123DEFG", "DEF123GHIJ")
    first = token.current(NOON)
    assert token.current(NOON + 49 * MINUTE) == first
    token.drop(first, NOON + 19 * MINUTE)
    assert token.current(NOON + 49 * MINUTE) == first  # Apple refuses who renews within twenty minutes
    token.drop(first, NOON + 21 * MINUTE)
    second = token.current(NOON + 21 * MINUTE)
    assert second != first
    token.drop(first, NOON + 55 * MINUTE)
    assert token.current(NOON + 55 * MINUTE) == second
    assert token.current(NOON + 72 * MINUTE) != second
    assert token.current(NOON) != second  # a clock that was put back


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(400, "BadDeviceToken"), Outcome(Result.ACCEPTED)),
        (Reply(403, "InvalidProviderToken"), Outcome(Result.CONFIG, "invalid-provider-token")),
        (Reply(400, "TopicDisallowed"), Outcome(Result.CONFIG, "topic-disallowed")),
        (Reply(how="goodbye"), Outcome(Result.NOT_SENT, "going-away")),
    ],
)
async def test_a_check_asks_about_a_phone_that_nobody_has(
    apple: ApnsPeer, apns: Apns, reply: Reply, outcome: Outcome
) -> None:
    apple.script.append(reply)
    assert await apns.check(5 * SECOND) == outcome
    assert apple.came[0].headers[":path"].endswith("/" + "0" * 64)


async def test_what_is_no_token_is_dead_and_what_is_too_long_is_not_sent(apple: ApnsPeer, apns: Apns) -> None:
    for token in ("", "zz" * 32, "ab", "../" + "ab" * 32, "ab" * 32 + "\r\nx"):
        assert await apns.send(replace(PHONE, token=token), message(), SECOND) == Outcome(Result.DEAD, "not-a-token")
    outcome = await apns.send(PHONE, message("è" * 4000), SECOND)
    assert outcome == Outcome(Result.BAD_MESSAGE, "payload-too-large")
    assert apple.connections == 0


async def test_no_word_no_token_and_no_key_is_logged(
    apple: ApnsPeer, apns: Apns, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    apple.script.extend([Reply(410, "Unregistered"), Reply(how="lost"), Reply()])
    for _ in range(3):
        await apns.send(PHONE, message("canary-pulpitis"), 5 * SECOND)
    assert "canary" not in caplog.text
    assert PHONE.token.lower() not in caplog.text.lower()
    assert "canary" not in repr([came.headers for came in apple.came])
    with pytest.raises(ValidationError) as failed:
        ApnsLine.model_validate({**LINE.model_dump(), "key": "canary"})
    assert "canary" not in str(failed.value) + repr(LINE)
