"""The FCM adapter against a real HTTP peer: each answer is one outcome, and costs one request."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from core.ids import new_id
from push.channel import Message, Target
from push.fcm import Fcm
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from tests.push.fcm_peer import FcmPeer, Reply
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


async def test_no_connection_means_that_nothing_was_sent(peer: FcmPeer, tmp_path: Path) -> None:
    nowhere = Fcm(peer.certificate(tmp_path), "http://127.0.0.1:1")
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


def test_a_file_that_is_no_service_account_is_refused_at_the_start(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.json"
    wrong.write_text('{"type": "authorized_user"}')
    with pytest.raises(ValueError, match="service_account"):
        Fcm(wrong)
