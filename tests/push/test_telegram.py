"""The Telegram adapter against a real HTTP peer: each answer is one outcome, and costs one request."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from core.ids import new_id
from push.channel import Channel, Message, Target
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.telegram import Telegram, TelegramLine
from tests.push.peers.messenger_wire import Fault, Way
from tests.push.peers.telegram import BOT_NAME, BOT_TOKEN, HOOK_SECRET, TelegramPeer
from tests.push.phones import HOUR, NOON, SECOND

CHAT = Target("", "telegram", "4711")
CANARY = "devitalizzazione"


def line(token: str = BOT_TOKEN, name: str = BOT_NAME) -> TelegramLine:
    return TelegramLine.model_validate({"bot_name": name, "bot_token": token, "hook_secret": HOOK_SECRET})


def message(text: str = "Sulla tua visita") -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", text, "/visits/1", NOON, HOUR, language="it-IT")


@pytest.fixture
async def peer() -> AsyncIterator[TelegramPeer]:
    made = TelegramPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def telegram(peer: TelegramPeer) -> AsyncIterator[Channel]:
    made = Telegram(line(), peer.url)
    yield made
    await made.close()


async def test_a_message_is_plain_words_protected_without_a_preview_and_its_links_are_buttons(
    peer: TelegramPeer, telegram: Channel
) -> None:
    whole = replace(
        message("<b>Ciao</b> *a te* /stop"), web_link="https://c.example/n/x", stop_link="https://c.example/s/y"
    )
    assert await telegram.send(CHAT, whole, 5 * SECOND) == Outcome(Result.ACCEPTED, provider_id="4711/101")
    assert peer.sent == [{
        "chat_id": 4711,
        "text": "Il tuo studio\n\n<b>Ciao</b> *a te* /stop",
        "protect_content": True,
        "link_preview_options": {"is_disabled": True},
        "reply_markup": {"inline_keyboard": [
            [{"text": "Apri", "url": "https://c.example/n/x"}],
            [{"text": "Non inviarmi più", "url": "https://c.example/s/y"}],
        ]},
    }]  # fmt: skip


async def test_a_message_without_links_has_no_buttons(peer: TelegramPeer, telegram: Channel) -> None:
    await telegram.send(CHAT, message(), 5 * SECOND)
    assert "reply_markup" not in peer.sent[0]


def no(status: int, description: str, **more: object) -> Fault:
    return Fault(status=status, body={"ok": False, "error_code": status, "description": description, **more})


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (no(403, "Forbidden: bot was blocked by the user"), Outcome(Result.DEAD, "bot-blocked")),
        (no(403, "Forbidden: user is deactivated"), Outcome(Result.DEAD, "user-deactivated")),
        (no(403, "Forbidden: bot can't initiate conversation with a user"), Outcome(Result.DEAD, "never-started")),
        (no(400, "Bad Request: chat not found"), Outcome(Result.DEAD, "chat-not-found")),
        (no(403, "Forbidden: something new"), Outcome(Result.BAD_MESSAGE, "http-403")),
        (no(400, "Bad Request: message is too long"), Outcome(Result.BAD_MESSAGE, "too-long")),
        (no(400, f"Bad Request: can't parse {CANARY}"), Outcome(Result.BAD_MESSAGE, "http-400")),
        (no(401, "Unauthorized"), Outcome(Result.CONFIG, "token-refused")),
        (no(404, "Not Found"), Outcome(Result.CONFIG, "token-refused")),
        (no(409, "Conflict: terminated by other"), Outcome(Result.CONFIG, "http-409")),
        (
            no(429, "Too Many Requests: retry after 35", parameters={"retry_after": 35}),
            Outcome(Result.THROTTLED, "http-429", retry_after=35 * SECOND),
        ),
        (
            no(429, "Too Many Requests", parameters={"retry_after": 999999}),
            Outcome(Result.THROTTLED, "http-429", retry_after=HOUR),
        ),
        (no(429, "Too Many Requests", parameters={"retry_after": "x"}), Outcome(Result.THROTTLED, "http-429")),
        (
            Fault(status=429, headers={"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}),
            Outcome(Result.THROTTLED, "http-429", retry_after=HOUR),
        ),
        (no(500, "Internal Server Error"), Outcome(Result.AMBIGUOUS, "http-500")),
        (Fault(Way.NO_JSON, 502), Outcome(Result.AMBIGUOUS, "http-502")),
        (Fault(status=503, headers={"retry-after": "3"}), Outcome(Result.AMBIGUOUS, "http-503", None, 3 * SECOND)),
        (Fault(Way.NO_JSON, 403), Outcome(Result.CONFIG, "http-403")),
        (Fault(Way.NO_JSON, 400), Outcome(Result.CONFIG, "http-400")),
        (Fault(status=302, headers={"location": "/"}), Outcome(Result.CONFIG, "http-302")),
        (Fault(body={"ok": True, "result": {"message_id": "7"}}), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(body={"ok": True, "result": []}), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(Way.NO_JSON), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(Way.HUGE), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(Way.LOST), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.GARBAGE), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.HANG), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.DRIP), Outcome(Result.AMBIGUOUS, "answer-lost")),
    ],
)
async def test_each_answer_is_one_outcome_one_request_and_no_word_in_the_log(
    peer: TelegramPeer, telegram: Channel, fault: Fault, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    peer.script.append(fault)
    with caplog.at_level(logging.DEBUG):
        given = await telegram.send(CHAT, message(CANARY), timedelta(seconds=0.5))
    assert given == outcome
    assert len(peer.seen) == 1
    assert not any(secret in f"{caplog.text}{given}" for secret in (CANARY, BOT_TOKEN, "4711"))
    assert CANARY not in f"{peer.seen[0].path}{peer.seen[0].headers}"


async def test_whoever_blocked_the_bot_or_is_gone_is_reached_no_more(peer: TelegramPeer, telegram: Channel) -> None:
    peer.blocked.add(4711)
    assert await telegram.send(CHAT, message(), 5 * SECOND) == Outcome(Result.DEAD, "bot-blocked")
    unknown = replace(CHAT, token="4712")
    assert await telegram.send(unknown, message(), 5 * SECOND) == Outcome(Result.DEAD, "chat-not-found")


@pytest.mark.parametrize("token", ["-1001234567890", "@channel", "", "4711\n", "٤٧١١", "0"])
async def test_what_is_no_private_chat_is_never_written_to(peer: TelegramPeer, telegram: Channel, token: str) -> None:
    sent = await telegram.send(replace(CHAT, token=token), message(), 5 * SECOND)
    assert (sent, peer.seen) == (Outcome(Result.DEAD, "no-private-chat"), [])


async def test_a_silent_message_has_nothing_to_show_here(peer: TelegramPeer, telegram: Channel) -> None:
    sent = await telegram.send(CHAT, replace(message(), silent=True), 5 * SECOND)
    assert (sent, peer.seen) == (Outcome(Result.BAD_MESSAGE, "nothing-to-show"), [])


async def test_a_check_says_whose_token_it_is_and_writes_to_nobody(peer: TelegramPeer, telegram: Channel) -> None:
    assert await telegram.check(5 * SECOND) == Outcome(Result.ACCEPTED)
    peer.script.append(Fault(Way.HANG))
    assert await telegram.check(timedelta(seconds=0.3)) == Outcome(Result.AMBIGUOUS, "answer-lost")
    peer.script.append(Fault(Way.NO_JSON))
    assert await telegram.check(5 * SECOND) == Outcome(Result.AMBIGUOUS, "odd-answer")
    assert [each.path.rpartition("/")[2] for each in peer.seen] == ["getMe"] * 3


@pytest.mark.parametrize(
    ("wrong", "outcome"),
    [
        (line(name="SomeOtherBot"), Outcome(Result.CONFIG, "another-bot")),
        (line(token="1:an-old-token-that-was-revoked"), Outcome(Result.CONFIG, "token-refused")),
    ],
)
async def test_a_check_finds_a_wrong_bot(peer: TelegramPeer, wrong: TelegramLine, outcome: Outcome) -> None:
    telegram = Telegram(wrong, peer.url)
    assert await telegram.check(5 * SECOND) == outcome
    await telegram.close()


async def test_nothing_left_where_nobody_listens(caplog: pytest.LogCaptureFixture) -> None:
    nowhere = Telegram(line(), "http://127.0.0.1:1")
    with caplog.at_level(logging.DEBUG):
        assert await nowhere.send(CHAT, message(), 5 * SECOND) == Outcome(Result.NOT_SENT, "no-connection")
        assert await nowhere.check(5 * SECOND) == Outcome(Result.NOT_SENT, "no-connection")
    await nowhere.close()
    assert BOT_TOKEN not in f"{caplog.text}{nowhere!r}{vars(nowhere)}"


@pytest.mark.parametrize("token", ["", "no-number:AAFcanaryTokenThatNobody", f"{BOT_TOKEN}/../x", f"{BOT_TOKEN}?a=b"])
def test_a_token_that_is_none_is_refused_without_being_said(token: str) -> None:
    with pytest.raises(ValidationError) as refused:
        line(token)
    assert "canary" not in str(refused.value)


def test_a_line_keeps_its_secrets_to_itself() -> None:
    shown = f"{line()!r}{line()}{json.dumps(line().model_dump(mode='json'))}"
    assert BOT_TOKEN not in shown
    assert HOOK_SECRET not in shown
