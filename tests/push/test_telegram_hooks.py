"""What Telegram posts: whose it is, what was written, who stops, who came by a link, and what is passed over."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import Invalid
from push.report import Incoming, Report, Reported
from push.telegram_hooks import Linked, genuine, incoming_of, linked_of, reports_of, start_link
from tests.push.peers.telegram import BOT_NAME, HOOK_SECRET, standing, update, written

AT = datetime.fromtimestamp(1_900_000_000, UTC)


@pytest.mark.parametrize(
    ("headers", "secret", "is_genuine"),
    [
        ({"X-Telegram-Bot-Api-Secret-Token": HOOK_SECRET}, HOOK_SECRET, True),
        ({"x-telegram-bot-api-secret-token": HOOK_SECRET}, HOOK_SECRET, True),
        ({"x-telegram-bot-api-secret-token": HOOK_SECRET[:-1]}, HOOK_SECRET, False),
        ({"x-telegram-bot-api-secret-token": "però"}, HOOK_SECRET, False),
        ({"x-telegram-bot-api-secret-token": ""}, "", False),
        ({}, HOOK_SECRET, False),
        ({}, "", False),
    ],
)
def test_a_post_is_telegrams_own_where_it_repeats_the_secret(
    headers: dict[str, str], secret: str, *, is_genuine: bool
) -> None:
    assert genuine(headers, b"{}", secret) is is_genuine


def test_what_a_patient_writes_has_one_name_however_often_it_is_posted() -> None:
    bodies = [update(message=written(" Vorrei\nspostare\x00 ")), update(message=written(" Vorrei\nspostare\x00 "))]
    assert [incoming_of(each) for each in bodies] == [[Incoming("4711/12", "4711", "Vorrei\nspostare", AT)]] * 2
    assert [reports_of(each) for each in bodies] == [[], []]


def test_the_words_below_a_photo_are_words() -> None:
    photo = written("", caption="Fa male qui", photo=[{"file_id": "x", "width": 1, "height": 1}])
    assert [each.text for each in incoming_of(update(message=photo))] == ["Fa male qui"]


def test_who_opens_the_bot_by_a_link_is_linked_and_has_written_nothing() -> None:
    link = start_link(BOT_NAME, "abc_DEF-123")
    assert link == "https://t.me/StudioBiancoBot?start=abc_DEF-123"
    body = update(message=written("/start abc_DEF-123"))
    linked = linked_of(body)
    assert linked == Linked("abc_DEF-123", "4711")
    assert "abc_DEF" not in repr(linked)
    assert (incoming_of(body), reports_of(body)) == ([], [])


@pytest.mark.parametrize("text", ["/start", "/start ", "/start@StudioBiancoBot", f"/start {'x' * 65}", "/start a'b"])
def test_a_start_without_a_token_of_ours_is_nothing(text: str) -> None:
    body = update(message=written(text))
    assert (linked_of(body), incoming_of(body), reports_of(body)) == (None, [], [])


@pytest.mark.parametrize("token", ["", "x" * 65, "a b", "è", "a\n"])
def test_a_link_of_a_token_that_telegram_would_not_carry_is_not_made(token: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        start_link(BOT_NAME, token)


@pytest.mark.parametrize("text", ["/stop", "/STOP", "/stop@StudioBiancoBot", "/stop per favore"])
def test_stop_is_a_report_of_the_chat_and_no_word(text: str) -> None:
    body = update(message=written(text))
    assert reports_of(body) == [Report("", Reported.STOPPED, AT, "stop", "4711")]
    assert incoming_of(body) == []


@pytest.mark.parametrize("text", ["stop", "/stopover in Rome", "/stop_it"])
def test_what_only_looks_like_the_command_is_what_somebody_wrote(text: str) -> None:
    body = update(message=written(text))
    assert ([each.text for each in incoming_of(body)], reports_of(body)) == ([text], [])


def test_a_blocked_bot_is_a_dead_address() -> None:
    body = update(my_chat_member=standing("kicked"))
    assert reports_of(body) == [Report("", Reported.ADDRESS_DEAD, AT, "bot-blocked", "4711")]
    assert (incoming_of(body), linked_of(body)) == ([], None)


GROUP = {"id": -100, "type": "supergroup", "title": "Famiglia"}


@pytest.mark.parametrize(
    "what",
    [
        {"edited_message": written("/stop")},
        {"message": written("/stop", chat=GROUP)},
        {"message": written("/start abc", chat=GROUP)},
        {"message": written("ciao", chat={"id": -5, "type": "private"})},
        {"message": {**written("ciao"), "from": {"id": 5, "is_bot": True}}},
        {"message": written("", sticker={"file_id": "x"})},
        {"message": written("", pinned_message={"message_id": 1})},
        {"channel_post": {"message_id": 1, "date": 1, "chat": GROUP, "text": "/stop"}},
        {"my_chat_member": standing("member")},
        {"my_chat_member": standing("kicked", "supergroup", -100)},
        {"callback_query": {"id": "1", "data": "x"}},
        {"something_of_next_year": [1, 2]},
        {},
    ],
)
def test_what_is_no_person_in_a_private_chat_is_passed_over(what: dict[str, Any]) -> None:
    body = update(**what)
    assert (incoming_of(body), reports_of(body), linked_of(body)) == ([], [], None)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b'{"update_id": "1"}', b'{"update_id": 1, "message": 5}', b"\xff\xfe",
        b'{"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}", update(message={"text": "no chat"}),
        update(message=written("x", date=10**17)),
        update(message={**written("x"), "text": {"a": 1}}), b'{"update_id":1,"message":{"text":"\\ud800"}}',
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        incoming_of(body)
    assert [(each.pointer, each.code) for each in refused.value.faults] == [("", "malformed")]
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
