"""What WhatsApp posts: whose it is, what became of messages, what was written or tapped, and what is passed over."""

from datetime import UTC, datetime
from typing import Any

import pytest

from core.errors import Invalid, NotAllowed
from push.report import Incoming, Report, Reported
from push.whatsapp_hooks import challenge_of, genuine, incoming_of, reports_of
from tests.push.peers.whatsapp import APP_SECRET, AT, NUMBER_ID, VERIFY_TOKEN, posted, said, signed, status

WHEN = datetime.fromtimestamp(AT, UTC)
NUMBER = "+393331234567"
HELLO = {"type": "text", "text": {"body": "Però vorrei 🦷\x00"}}


def test_a_post_is_metas_own_where_these_very_bytes_are_signed() -> None:
    body = posted(messages=[said(**HELLO)])
    assert b"Per\\u00f2" in body
    assert genuine(signed(body), body, APP_SECRET)
    assert not genuine(signed(body), body + b" ", APP_SECRET)
    assert not genuine(signed(body), body, APP_SECRET[:-1])
    assert not genuine({}, body, APP_SECRET)
    assert not genuine({"x-hub-signature-256": "sha256=è"}, body, APP_SECRET)
    assert not genuine({"x-hub-signature-256": signed(body)["X-Hub-Signature-256"][7:]}, body, APP_SECRET)


def test_nothing_is_genuine_without_a_secret() -> None:
    empty = "sha256=b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad"  # HMAC of nothing with nothing
    assert not genuine({"x-hub-signature-256": empty}, b"", "")


def test_meta_is_told_that_the_webhook_is_there() -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
    assert challenge_of(query, VERIFY_TOKEN) == "1158201444"


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub.verify_token": "other"}, {"hub.verify_token": ""}, {"hub.mode": "unsubscribe"}, {"hub.challenge": ""},
        {"hub.challenge": "<script>"}, {"hub.challenge": "1" * 201},
    ],
)  # fmt: skip
def test_nobody_else_is_told_anything(wrong: dict[str, str]) -> None:
    query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN, **wrong}
    with pytest.raises(NotAllowed):
        challenge_of(query, VERIFY_TOKEN)


def test_without_a_verify_token_nobody_is_told_anything() -> None:
    with pytest.raises(NotAllowed):
        challenge_of({"hub.mode": "subscribe", "hub.challenge": "1"}, "")


def test_statuses_are_reports_of_the_message_they_name() -> None:
    body = posted(
        statuses=[
            status("wamid.1", "sent"), status("wamid.1", "delivered"), status("wamid.1", "read"),
            status("wamid.2", "failed", 131026), status("wamid.3", "failed", 131050), status("wamid.4", "failed"),
            status("wamid.5", "played"), {**status("wamid.6", "delivered"), "recipient_type": "group"},
        ]
    )  # fmt: skip
    assert reports_of(body) == [
        Report("wamid.1", Reported.DELIVERED, WHEN),
        Report("wamid.1", Reported.OPENED, WHEN),
        Report("wamid.2", Reported.UNDELIVERED, WHEN, "131026"),
        Report("wamid.3", Reported.STOPPED, WHEN, "131050"),
        Report("wamid.4", Reported.UNDELIVERED, WHEN),
    ]
    assert incoming_of(body) == []


REPLY = {"context": {"from": "390212345678", "id": "wamid.OUT7"}}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (HELLO, "Però vorrei 🦷"),
        ({"type": "button", "button": {"payload": "confirm:1", "text": "Confermo"}, **REPLY}, "Confermo"),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button_reply", "button_reply": {"id": "a", "title": "Sì"}},
            },
            "Sì",
        ),
        (
            {"type": "interactive", "interactive": {"list_reply": {"id": "b", "title": "Martedì", "description": "9"}}},
            "Martedì",
        ),
        ({"type": "image", "image": {"id": "1", "mime_type": "image/jpeg", "caption": "Fa male qui"}}, "Fa male qui"),
    ],
)
def test_what_is_written_or_tapped_has_one_name_however_often_it_is_posted(what: dict[str, Any], text: str) -> None:
    body = posted(messages=[said(**what)])
    assert [incoming_of(each) for each in (body, body)] == [[Incoming("wamid.IN1", NUMBER, text, WHEN)]] * 2
    assert reports_of(body) == []


def test_who_hides_their_number_is_named_by_whatsapps_own_id() -> None:
    hidden = {"id": "wamid.IN2", "from_user_id": "IT.13491208655302741918", "timestamp": str(AT), **HELLO}
    assert [each.address for each in incoming_of(posted(messages=[hidden]))] == ["IT.13491208655302741918"]


@pytest.mark.parametrize(
    "what",
    [
        {"type": "button", "button": {"payload": "Stop promotions", "text": "Stop promotions"}},
        {"type": "button", "button": {"payload": "STOP", "text": "Non scrivetemi"}},
        {"type": "button", "button": {"payload": "x", "text": " Стоп "}},
        {"type": "interactive", "interactive": {"button_reply": {"id": "stop", "title": "Basta così"}}},
    ],
)
def test_a_tapped_stop_is_a_report_and_no_word(what: dict[str, Any]) -> None:
    body = posted(messages=[said(**what, **REPLY)])
    assert reports_of(body) == [Report("wamid.OUT7", Reported.STOPPED, WHEN, "stop", NUMBER)]
    assert incoming_of(body) == []


def test_a_typed_stop_is_a_word_for_those_who_know_such_words() -> None:
    body = posted(messages=[said(type="text", text={"body": "STOP"})])
    assert ([each.text for each in incoming_of(body)], reports_of(body)) == (["STOP"], [])


def test_whoever_stops_marketing_in_whatsapp_itself_is_heard() -> None:
    stop = {"wa_id": "393331234567", "category": "marketing_messages", "value": "stop", "timestamp": AT}
    told = [stop, {**stop, "value": "resume"}, {**stop, "category": "others"}]
    body = posted("user_preferences", user_preferences=told)
    assert reports_of(body) == [Report("", Reported.STOPPED, WHEN, "marketing", NUMBER)]
    assert incoming_of(body) == []


def test_a_number_reads_only_its_own_posts() -> None:
    other = posted(number="555", messages=[said(**HELLO)], statuses=[status("wamid.1", "read")])
    assert (incoming_of(other, NUMBER_ID), reports_of(other, NUMBER_ID)) == ([], [])
    assert len(incoming_of(other, "555")) == len(reports_of(other, "555")) == 1


@pytest.mark.parametrize(
    "body",
    [
        posted(messages=[said(type="sticker", sticker={"id": "1"})]),
        posted(messages=[said(type="reaction", reaction={"message_id": "wamid.1", "emoji": "👍"})]),
        posted(messages=[said(type="unsupported", errors=[{"code": 131051}])]),
        posted(messages=[said(type="system", system={"body": "changed", "type": "user_changed_number"})]),
        posted(messages=[said(group_id="g1", **HELLO)]),
        posted(messages=[{**said(**HELLO), "from": ""}]),
        posted(errors=[{"code": 130429}]),
        posted("message_template_status_update", event="PAUSED", messages="something else"),
        b'{"object": "whatsapp_business_account", "entry": [{"id": "0", "changes": []}]}',
        b'{"object": "page", "entry": []}',
        b"{}",
    ],
)
def test_what_nobody_wrote_is_passed_over(body: bytes) -> None:
    assert (incoming_of(body), reports_of(body)) == ([], [])


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b'{"entry": 5}', b'{"entry": [{"changes": [{"field": "messages"}]}]}', b"\xff\xfe",
        b'{"entry":' * 50_000, b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        posted(messages="many"), posted(messages=[{"from": "39333"}]), posted(statuses=[{"id": 5}]),
        posted(messages=[{**said(**HELLO), "timestamp": "soon"}]),
        posted(messages=[{**said(**HELLO), "timestamp": "9" * 12}]),
        posted(messages=[{**said(**HELLO), "timestamp": "9" * 5000}]),
        posted(statuses=[{**status("wamid.1", "read"), "timestamp": "-1"}]),
    ],
)  # fmt: skip
def test_a_malformed_body_is_refused_without_being_quoted(body: bytes) -> None:
    with pytest.raises(Invalid) as refused:
        assert (incoming_of(body), reports_of(body)) is None
    assert [(each.pointer, each.code) for each in refused.value.faults] == [("", "malformed")]
