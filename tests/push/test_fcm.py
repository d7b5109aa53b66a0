"""The FCM adapter against a real HTTP peer: each answer is one outcome, and costs one request."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from pyreqwest.client import Client
from pyreqwest.exceptions import BuilderError

from core.ids import new_id
from push.channel import Message, Target
from push.fcm import CONNECTIONS, FID, Fcm
from push.fcm_line import FcmLine
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from tests.push.fcm_peer import FcmPeer, Reply
from tests.push.peers.stall import longest_stall
from tests.push.phones import HOUR, NOON, SECOND

PHONE = Target("android", "it.example.clinic", "a-token-of-a-phone")


def message(life: timedelta = HOUR) -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", "Sulla tua visita", "/visits/1", NOON, life)


async def send(fcm: Fcm, seconds: float = 5) -> Outcome:
    return await fcm.send(PHONE, message(), timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404, "UNREGISTERED"), Outcome(Result.DEAD, "unregistered")),
        (Reply(404), Outcome(Result.CONFIG, "x")),
        (Reply(400, "INVALID_ARGUMENT"), Outcome(Result.BAD_MESSAGE, "invalid-argument")),
        (Reply(403, "SENDER_ID_MISMATCH"), Outcome(Result.CONFIG, "sender-id-mismatch")),
        (Reply(401, "THIRD_PARTY_AUTH_ERROR"), Outcome(Result.CONFIG, "third-party-auth-error")),
        (Reply(429, "QUOTA_EXCEEDED"), Outcome(Result.THROTTLED, "quota-exceeded")),
        (
            Reply(429, "QUOTA_EXCEEDED", {"retry-after": "17"}),
            Outcome(Result.THROTTLED, "quota-exceeded", retry_after=17 * SECOND),
        ),
        (
            Reply(503, "UNAVAILABLE", {"retry-after": "3"}),
            Outcome(Result.AMBIGUOUS, "unavailable", retry_after=3 * SECOND),
        ),
        (
            Reply(503, "UNAVAILABLE", {"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}),
            Outcome(Result.AMBIGUOUS, "unavailable", retry_after=HOUR),
        ),
        (Reply(500, "INTERNAL", {"retry-after": "soon"}), Outcome(Result.AMBIGUOUS, "internal")),
        (Reply(302, headers={"location": "/elsewhere"}), Outcome(Result.CONFIG, "x")),
        (Reply(lost=True), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(how="garbage"), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Reply(how="huge"), Outcome(Result.AMBIGUOUS, "no-name")),
        (Reply(how="drip"), Outcome(Result.ACCEPTED, provider_id="dripped")),
        (Reply(400, "canary " * 100), Outcome(Result.BAD_MESSAGE, "http-400")),
    ],
)
async def test_each_answer_is_one_outcome_and_one_request(
    peer: FcmPeer, fcm: Fcm, reply: Reply, outcome: Outcome
) -> None:
    peer.script.append(reply)
    assert await send(fcm) == outcome
    assert len(peer.messages) == 1


async def test_an_accepted_message_carries_its_id_wherever_a_repeat_must_replace(peer: FcmPeer, fcm: Fcm) -> None:
    sent = message()
    outcome = await fcm.send(PHONE, sent, 5 * SECOND)
    assert (outcome.result, outcome.provider_id) == (Result.ACCEPTED, "projects/enamel-test/messages/1")
    seen, mid = peer.messages[0], str(sent.notice_id)
    assert seen["token"] == PHONE.token
    assert seen["data"] == {"mid": mid, "kind": "visit", "link": "/visits/1"}
    assert seen["android"]["notification"]["tag"] == seen["apns"]["headers"]["apns-collapse-id"] == mid
    assert seen["webpush"]["notification"]["tag"] == mid
    assert len(mid) <= 64
    assert seen["android"]["collapse_key"] == "visit"  # never a key of its own: FCM keeps four for each device
    assert seen["android"]["ttl"] == "3600s"


async def test_a_chat_has_one_banner_a_badge_and_a_receipt_and_a_silent_one_takes_banners_away(
    peer: FcmPeer, fcm: Fcm
) -> None:
    chat, notice = new_id(), new_id()
    shown = Message(
        notice,
        NoticeKind.CHAT,
        "Il tuo studio",
        "Hai un nuovo messaggio.",
        "/chat",
        NOON,
        HOUR,
        chat,
        7,
        3,
        False,
        "abc",
    )
    await fcm.send(PHONE, shown, 5 * SECOND)
    seen = peer.messages[-1]
    assert seen["android"]["notification"]["tag"] == seen["apns"]["headers"]["apns-collapse-id"] == str(chat)
    assert seen["apns"]["payload"]["aps"]["badge"] == seen["android"]["notification"]["notification_count"] == 3
    assert seen["data"] == {
        "mid": str(notice), "kind": "chat", "link": "/chat", "thread": str(chat), "seq": "7", "badge": "3",
        "receipt": "abc",
    }  # fmt: skip
    for badge in (0, 2):
        silent = Message(notice, NoticeKind.CHAT, "", "", None, NOON, HOUR, chat, 7, badge, True)
        await fcm.send(PHONE, silent, 5 * SECOND)
        seen = peer.messages[-1]
        assert "notification" not in seen
        assert not {"notification"} & (set(seen["android"]) | set(seen["webpush"]))
        assert seen["apns"]["payload"]["aps"] == {"content-available": 1, "badge": badge}
        assert seen["apns"]["headers"]["apns-push-type"] == "background"
        assert seen["data"]["silent"] == "1"
        assert ("collapse_key" in seen["android"]) is (badge == 0)


async def test_an_answer_that_never_comes_is_ambiguous(peer: FcmPeer, fcm: Fcm) -> None:
    peer.answers_open.clear()
    assert await send(fcm, 0.3) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert len(peer.messages) == 1


async def test_an_answer_that_is_lost_on_a_connection_in_use_is_ambiguous_and_not_asked_for_again(
    peer: FcmPeer, fcm: Fcm
) -> None:
    assert (await send(fcm)).result is Result.ACCEPTED
    peer.script.append(Reply(lost=True))
    assert await send(fcm) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert len(peer.messages) == 2


async def test_who_waits_for_a_connection_too_long_has_sent_nothing(peer: FcmPeer, fcm: Fcm) -> None:
    peer.answers_open.clear()
    under_way = [asyncio.create_task(send(fcm)) for _ in range(CONNECTIONS)]
    while len(peer.messages) < CONNECTIONS:  # noqa: ASYNC110  the peer counts
        await asyncio.sleep(0.005)
    assert await send(fcm, 0.3) == Outcome(Result.NOT_SENT, "no-connection")
    peer.answers_open.set()
    assert {each.result for each in await asyncio.gather(*under_way)} == {Result.ACCEPTED}
    assert len(peer.messages) == CONNECTIONS


async def test_a_proxy_that_does_not_let_us_through_means_that_nothing_was_sent(
    peer: FcmPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"CONNECT fcm.google.example:443 ")
        asked.append(True)
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    asked: list[bool] = []
    server = await asyncio.start_server(refuses, "127.0.0.1", 0)
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    beyond = Fcm(peer.line(), "https://fcm.google.example", peer.token_url)
    assert await send(beyond) == Outcome(Result.NOT_SENT, "no-connection")
    assert asked
    await beyond.close()
    server.close()
    await server.wait_closed()


async def test_no_connection_means_that_nothing_was_sent(peer: FcmPeer) -> None:
    nowhere = Fcm(peer.line(), "http://127.0.0.1:1", peer.token_url)
    assert await send(nowhere) == Outcome(Result.NOT_SENT, "no-connection")
    await nowhere.close()


async def test_a_token_endpoint_that_hangs_means_that_nothing_was_sent(peer: FcmPeer, fcm: Fcm) -> None:
    peer.tokens_open.clear()
    assert await send(fcm, 0.3) == Outcome(Result.NOT_SENT, "no-token")
    assert peer.messages == []
    peer.tokens_open.set()
    assert (await send(fcm)).result is Result.ACCEPTED
    assert peer.token_requests == 1  # the fetch went on for those who came later


async def test_a_refused_token_request_is_not_repeated_by_everybody_at_once(peer: FcmPeer, fcm: Fcm) -> None:
    peer.token_status = 400
    assert {each.result for each in await asyncio.gather(*(send(fcm) for _ in range(20)))} == {Result.NOT_SENT}
    assert await send(fcm) == Outcome(Result.NOT_SENT, "no-token")
    assert (peer.token_requests, peer.messages) == (1, [])


async def test_fifty_sends_at_once_share_one_token(peer: FcmPeer, fcm: Fcm) -> None:
    outcomes = await asyncio.gather(*(send(fcm) for _ in range(50)))
    assert {each.result for each in outcomes} == {Result.ACCEPTED}
    assert (peer.token_requests, len(peer.messages)) == (1, 50)


async def test_a_token_that_fcm_refuses_is_fetched_anew_for_the_next_send(peer: FcmPeer, fcm: Fcm) -> None:
    peer.script.append(Reply(401, "UNAUTHENTICATED"))
    assert await send(fcm) == Outcome(Result.CONFIG, "unauthenticated")
    assert (await send(fcm)).result is Result.ACCEPTED
    assert (peer.token_requests, len(peer.messages)) == (2, 2)


async def test_a_redirect_is_not_followed_with_our_token(peer: FcmPeer, fcm: Fcm) -> None:
    peer.script.append(Reply(307, headers={"location": f"{peer.url}/v1/projects/enamel-test/messages:send"}))
    assert (await send(fcm)).result is Result.CONFIG
    assert len(peer.messages) == 1


async def test_a_firebase_installation_id_is_named_as_such(peer: FcmPeer, fcm: Fcm) -> None:
    install = Target("ios", "it.example.clinic", FID + "dQw4w9WgXcQdQw4w9WgXcQ")
    assert (await fcm.send(install, message(), 5 * SECOND)).result is Result.ACCEPTED
    assert peer.messages[0]["fid"] == "dQw4w9WgXcQdQw4w9WgXcQ"
    assert "token" not in peer.messages[0]


async def test_a_check_reaches_nobody(peer: FcmPeer, fcm: Fcm) -> None:
    assert (await fcm.check(5 * SECOND)).result is Result.ACCEPTED
    peer.script.append(Reply(403, "SENDER_ID_MISMATCH"))
    assert await fcm.check(5 * SECOND) == Outcome(Result.CONFIG, "sender-id-mismatch")
    assert [set(each) for each in peer.checks] == [{"topic", "data"}] * 2
    assert peer.messages == []


async def test_a_check_tells_an_account_that_google_does_not_know_from_a_network_that_is_down(peer: FcmPeer) -> None:
    peer.token_status = 400
    unknown = Fcm(peer.line(), peer.url, peer.token_url)
    assert await unknown.check(5 * SECOND) == Outcome(Result.CONFIG, "account-refused")
    nowhere = Fcm(peer.line(), peer.url, "http://127.0.0.1:1/token")
    assert await nowhere.check(5 * SECOND) == Outcome(Result.NOT_SENT, "no-token")


async def test_a_token_is_renewed_before_it_ends_and_nobody_waits_for_that(peer: FcmPeer, fcm: Fcm) -> None:
    peer.token_lasts = 2  # half of it, where it is that short
    await send(fcm)
    await asyncio.sleep(1.1)
    peer.tokens_open.clear()
    peer.token_lasts = 3600
    peer.answers_open.clear()
    sends = [asyncio.create_task(send(fcm)) for _ in range(20)]
    while len(peer.messages) < 21:  # noqa: ASYNC110  the peer counts
        await asyncio.sleep(0.005)
    peer.tokens_open.set()
    peer.answers_open.set()
    await asyncio.gather(*sends)
    async with asyncio.timeout(30):  # it is fetched in a thread, which may begin after all of them
        while peer.token_requests < 2:  # noqa: ASYNC110  the peer counts
            await asyncio.sleep(0.005)
    assert (peer.token_requests, len(peer.messages)) == (2, 21)


async def test_where_no_client_can_be_made_the_next_send_tries_anew(
    fcm: Fcm, peer: FcmPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unmade() -> Client:
        raise BuilderError("no authorities", {"causes": None})

    with monkeypatch.context() as without:
        without.setattr("push.fcm._client", unmade)
        refused = await asyncio.gather(*(send(fcm) for _ in range(3)))
    assert {(each.result, each.code) for each in refused} == {(Result.NOT_SENT, "no-client")}
    assert (await send(fcm)).result is Result.ACCEPTED
    assert len(peer.messages) == 1


async def test_a_slow_token_endpoint_does_not_hold_the_loop(peer: FcmPeer, fcm: Fcm) -> None:
    peer.token_lasts = 0  # no token is good for a second message
    await send(fcm)  # firebase-admin is loaded and the key is read, once
    peer.token_seconds = 0.5

    async def one() -> None:
        assert (await send(fcm)).result is Result.ACCEPTED

    assert await longest_stall(one) < 0.02


async def test_a_revoked_key_costs_one_token_more_however_many_hear_of_it(peer: FcmPeer, fcm: Fcm) -> None:
    await send(fcm)
    peer.revoked.add("token-1")
    refused = await asyncio.gather(*(send(fcm) for _ in range(200)))
    assert {each.result for each in refused} <= {Result.CONFIG, Result.ACCEPTED}
    again = await asyncio.gather(*(send(fcm) for _ in range(200)))
    assert {each.result for each in again} == {Result.ACCEPTED}
    assert peer.token_requests == 2


async def test_tokens_that_are_all_refused_are_not_fetched_for_every_message(peer: FcmPeer, fcm: Fcm) -> None:
    peer.revoked.update(f"token-{number}" for number in range(1000))
    for _ in range(50):
        assert (await send(fcm)).result in {Result.CONFIG, Result.NOT_SENT}
    assert peer.token_requests <= 3


async def test_a_token_that_fails_in_the_middle_of_a_batch_loses_no_result(peer: FcmPeer, fcm: Fcm) -> None:
    await send(fcm)
    peer.token_status = 500
    peer.script.extend(Reply(401, "UNAUTHENTICATED") if number == 50 else Reply() for number in range(100))
    outcomes = [outcome for _ in range(10) for outcome in await asyncio.gather(*(send(fcm) for _ in range(10)))]
    accepted = sum(outcome.result is Result.ACCEPTED for outcome in outcomes)
    assert accepted == len(peer.messages) - 2  # the first of all, and the one refused
    assert {each.result for each in outcomes} == {Result.ACCEPTED, Result.CONFIG, Result.NOT_SENT}
    assert len(outcomes) == 100


async def test_where_tokens_come_from_is_never_the_files_own_word(peer: FcmPeer) -> None:
    elsewhere = peer.line(token_uri="http://169.254.169.254/latest")
    fcm = Fcm(elsewhere, peer.url, peer.token_url)
    assert (await send(fcm)).result is Result.ACCEPTED
    await fcm.close()


@pytest.mark.parametrize(
    "wrong",
    [{"type": "authorized_user"}, {"project_id": "../x"}, {"project_id": 1}, {"private_key": "canary"}],
)
def test_what_is_no_service_account_is_refused_and_not_repeated(wrong: dict[str, Any]) -> None:
    peer = FcmPeer()
    with pytest.raises(ValueError, match=r"account|project_id|private_key") as failed:
        peer.line(**wrong)
    assert "canary" not in str(failed.value)
    assert "BEGIN" not in str(failed.value) + repr(FcmLine(account=SecretStr(peer.account())))
