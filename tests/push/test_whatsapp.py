"""The WhatsApp adapter against a real HTTP peer: each answer is one outcome, and costs one request."""

import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError

from core.ids import new_id
from push.channel import Channel, Message, Target, Words
from push.notice import NoticeKind
from push.outcome import Outcome, Result
from push.report import Reported
from push.whatsapp import WhatsApp, WhatsAppLine
from push.whatsapp_hooks import genuine, reports_of
from tests.push.peers.messenger_wire import Fault, Way
from tests.push.peers.whatsapp import ACCESS_TOKEN, APP_SECRET, NUMBER_ID, VERIFY_TOKEN, WhatsAppPeer, refusal
from tests.push.phones import HOUR, NOON, SECOND

NUMBER = "+393331234567"
PHONE = Target("", "whatsapp", NUMBER)
HIDDEN = Target("", "whatsapp", "IT.13491208655302741918")
CANARY = "devitalizzazione"
REMINDER = Words("visit_reminder", "it", ("Anna", "lunedì\n alle    9\t30"))


def line(token: str = ACCESS_TOKEN, number: str = NUMBER_ID) -> WhatsAppLine:
    facts = {"number_id": number, "access_token": token, "app_secret": APP_SECRET, "verify_token": VERIFY_TOKEN}
    return WhatsAppLine.model_validate(facts)


def message(template: Words | None = REMINDER, text: str = "Sulla tua visita") -> Message:
    return Message(new_id(), NoticeKind.VISIT, "Il tuo studio", text, "/visits/1", NOON, HOUR, template=template)


@pytest.fixture
async def peer() -> AsyncIterator[WhatsAppPeer]:
    made = WhatsAppPeer()
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def whatsapp(peer: WhatsAppPeer) -> AsyncIterator[Channel]:
    made = WhatsApp(line(), peer.url)
    yield made
    await made.close()


async def test_what_the_clinic_begins_is_a_template_with_its_places_filled(
    peer: WhatsAppPeer, whatsapp: Channel
) -> None:
    sent = message(text=CANARY)
    assert await whatsapp.send(PHONE, sent, 5 * SECOND) == Outcome(Result.ACCEPTED, provider_id="wamid.HBgL1")
    values = [{"type": "text", "text": "Anna"}, {"type": "text", "text": "lunedì alle 9 30"}]
    assert peer.sent == [{
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": NUMBER,
        "biz_opaque_callback_data": str(sent.notice_id),
        "type": "template",
        "template": {
            "name": "visit_reminder",
            "language": {"code": "it"},
            "components": [{"type": "body", "parameters": values}],
        },
    }]  # fmt: skip
    assert CANARY.encode() not in peer.seen[0].body  # beside a template nothing else is said


async def test_a_template_without_places_has_no_parts(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    assert (await whatsapp.send(PHONE, message(Words("news", "it")), 5 * SECOND)).result is Result.ACCEPTED
    assert "components" not in peer.sent[0]["template"]


async def test_free_words_go_to_who_wrote_within_a_day(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    peer.open.add(NUMBER)
    sent = replace(message(None), web_link="https://c.example/n/x")
    assert (await whatsapp.send(PHONE, sent, 5 * SECOND)).result is Result.ACCEPTED
    body = "Il tuo studio\n\nSulla tua visita\n\nhttps://c.example/n/x"
    assert peer.sent[0]["text"] == {"body": body, "preview_url": False}


async def test_who_hides_their_number_is_reached_by_whatsapps_own_id(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    assert (await whatsapp.send(HIDDEN, message(), 5 * SECOND)).result is Result.ACCEPTED
    assert peer.sent[0]["recipient"] == HIDDEN.token
    assert "to" not in peer.sent[0]


async def test_a_receipt_names_the_message_as_its_sending_did(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    first = await whatsapp.send(PHONE, message(), 5 * SECOND)
    second = await whatsapp.send(PHONE, message(None), 5 * SECOND)  # the window is closed: told afterwards
    assert all(genuine(headers, body, APP_SECRET) for headers, body in peer.posts)
    told = [report for _, body in peer.posts for report in reports_of(body, NUMBER_ID)]
    assert [(each.provider_id, each.reported, each.code) for each in told] == [
        (first.provider_id, Reported.DELIVERED, ""),
        (second.provider_id, Reported.UNDELIVERED, "131047"),
    ]


async def test_a_repeat_carries_the_same_notice(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    sent = message()
    peer.script.append(Fault(Way.LOST))
    assert await whatsapp.send(PHONE, sent, 5 * SECOND) == Outcome(Result.AMBIGUOUS, "answer-lost")
    assert (await whatsapp.send(PHONE, sent, 5 * SECOND)).result is Result.ACCEPTED
    assert [each["biz_opaque_callback_data"] for each in peer.sent] == [str(sent.notice_id)] * 2


def no(status: int, code: int, subcode: int | None = None, **headers: str) -> Fault:
    pause = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault(status=status, body=refusal(code, f"{CANARY} {NUMBER}", subcode), headers=pause)


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (no(401, 190), Outcome(Result.CONFIG, "190")),
        (no(400, 190), Outcome(Result.CONFIG, "190")),
        (no(403, 10), Outcome(Result.CONFIG, "10")),
        (no(403, 200), Outcome(Result.CONFIG, "200")),
        (no(403, 131031), Outcome(Result.CONFIG, "131031")),
        (no(400, 131042), Outcome(Result.CONFIG, "131042")),
        (no(400, 133010), Outcome(Result.CONFIG, "133010")),
        (no(400, 131030), Outcome(Result.CONFIG, "131030")),
        (no(400, 100, 33), Outcome(Result.CONFIG, "100")),
        (no(400, 100), Outcome(Result.BAD_MESSAGE, "100")),
        (no(400, 131008), Outcome(Result.BAD_MESSAGE, "131008")),
        (no(400, 131026), Outcome(Result.BAD_MESSAGE, "131026")),
        (no(400, 131047), Outcome(Result.BAD_MESSAGE, "131047")),
        (no(400, 131049), Outcome(Result.BAD_MESSAGE, "131049")),
        (no(400, 131050), Outcome(Result.BAD_MESSAGE, "131050")),
        (no(400, 132000), Outcome(Result.BAD_MESSAGE, "132000")),
        (no(404, 132001), Outcome(Result.BAD_MESSAGE, "132001")),
        (no(400, 132015), Outcome(Result.BAD_MESSAGE, "132015")),
        (no(400, 4), Outcome(Result.THROTTLED, "4")),
        (no(400, 80007), Outcome(Result.THROTTLED, "80007")),
        (no(429, 130429, retry_after="9"), Outcome(Result.THROTTLED, "130429", retry_after=9 * SECOND)),
        (no(400, 131048), Outcome(Result.THROTTLED, "131048")),
        (
            no(400, 131056, retry_after="Fri, 31 Dec 2100 23:59:59 GMT"),
            Outcome(Result.THROTTLED, "131056", retry_after=HOUR),
        ),
        (no(500, 131000), Outcome(Result.AMBIGUOUS, "131000")),
        (no(500, 1), Outcome(Result.AMBIGUOUS, "1")),
        (no(503, 2), Outcome(Result.AMBIGUOUS, "2")),
        (no(500, 987654), Outcome(Result.AMBIGUOUS, "987654")),
        (no(400, 987654), Outcome(Result.BAD_MESSAGE, "987654")),
        (no(403, 987654), Outcome(Result.CONFIG, "987654")),
        (Fault(Way.NO_JSON, 403), Outcome(Result.CONFIG, "http-403")),
        (Fault(Way.NO_JSON, 404), Outcome(Result.CONFIG, "http-404")),
        (Fault(Way.NO_JSON, 429), Outcome(Result.THROTTLED, "http-429")),
        (Fault(Way.NO_JSON, 502), Outcome(Result.AMBIGUOUS, "http-502")),
        (Fault(status=302, headers={"location": "/"}), Outcome(Result.CONFIG, "http-302")),
        (Fault(status=400, body={"error": {"code": "131026"}}), Outcome(Result.BAD_MESSAGE, "http-400")),
        (Fault(body={"messages": [{"id": ""}]}), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(body={"messages": {"id": "wamid.x"}}), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (
            Fault(body={"messages": [{"id": "wamid.x", "message_status": "held_for_quality_assessment"}]}),
            Outcome(Result.ACCEPTED, "held-back", "wamid.x"),
        ),
        (Fault(Way.NO_JSON), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(Way.HUGE), Outcome(Result.AMBIGUOUS, "odd-answer")),
        (Fault(Way.LOST), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.GARBAGE), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.HANG), Outcome(Result.AMBIGUOUS, "answer-lost")),
        (Fault(Way.DRIP), Outcome(Result.AMBIGUOUS, "answer-lost")),
    ],
)
async def test_each_answer_is_one_outcome_one_request_and_no_word_in_the_log(
    peer: WhatsAppPeer, whatsapp: Channel, fault: Fault, outcome: Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    peer.script.append(fault)
    with caplog.at_level(logging.DEBUG):
        given = await whatsapp.send(PHONE, message(None, CANARY), timedelta(seconds=0.5))
    assert given == outcome
    assert len(peer.seen) == 1
    assert not any(secret in f"{caplog.text}{given}" for secret in (CANARY, ACCESS_TOKEN, NUMBER[1:]))
    assert CANARY not in f"{peer.seen[0].path}{peer.seen[0].headers}"
    assert NUMBER[1:] not in f"{peer.seen[0].path}{peer.seen[0].headers}"


@pytest.mark.parametrize("words", [Words("visit_reminder", "it", ("Anna",)), Words("visit_reminder", "de", ("a", "b"))])
async def test_a_template_that_is_not_as_approved_is_a_bad_message(
    peer: WhatsAppPeer, whatsapp: Channel, words: Words
) -> None:
    assert (await whatsapp.send(PHONE, message(words), 5 * SECOND)).result is Result.BAD_MESSAGE
    assert peer.sent == []


@pytest.mark.parametrize("token", ["393331234567", "+0331234567", f"{NUMBER}\n", "", "it.134912", "IT.", "IT.a/b"])
async def test_what_is_no_address_is_never_written_to(peer: WhatsAppPeer, whatsapp: Channel, token: str) -> None:
    sent = await whatsapp.send(replace(PHONE, token=token), message(), 5 * SECOND)
    assert (sent, peer.seen) == (Outcome(Result.DEAD, "no-such-address"), [])


async def test_a_silent_message_has_nothing_to_show_here(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    sent = await whatsapp.send(PHONE, replace(message(), silent=True), 5 * SECOND)
    assert (sent, peer.seen) == (Outcome(Result.BAD_MESSAGE, "nothing-to-show"), [])


async def test_a_check_proves_token_and_number_and_writes_to_nobody(peer: WhatsAppPeer, whatsapp: Channel) -> None:
    assert await whatsapp.check(5 * SECOND) == Outcome(Result.ACCEPTED)
    for fault in (Fault(Way.NO_JSON), Fault(body={"id": "1"})):
        peer.script.append(fault)
        assert await whatsapp.check(5 * SECOND) == Outcome(Result.AMBIGUOUS, "odd-answer")
    assert [(each.method, each.body) for each in peer.seen] == [("GET", b"")] * 3


@pytest.mark.parametrize(
    ("wrong", "code"), [(line(token="EAAold-and-revoked"), "190"), (line(number="99999999"), "100")]
)
async def test_a_check_finds_a_wrong_token_and_a_wrong_number(
    peer: WhatsAppPeer, wrong: WhatsAppLine, code: str
) -> None:
    whatsapp = WhatsApp(wrong, peer.url)
    assert await whatsapp.check(5 * SECOND) == Outcome(Result.CONFIG, code)
    await whatsapp.close()


async def test_nothing_left_where_nobody_listens() -> None:
    nowhere = WhatsApp(line(), "http://127.0.0.1:1")
    assert await nowhere.send(PHONE, message(), 5 * SECOND) == Outcome(Result.NOT_SENT, "no-connection")
    assert await nowhere.check(5 * SECOND) == Outcome(Result.NOT_SENT, "no-connection")
    await nowhere.close()


@pytest.mark.parametrize("token", ["", "canary token of two", "canarytoken\r\nx: y", "canarytokèn"])
def test_a_token_that_would_not_fit_into_a_header_is_refused_without_being_said(token: str) -> None:
    with pytest.raises(ValidationError) as refused:
        line(token)
    assert "canary" not in str(refused.value)


def test_a_line_keeps_its_secrets_to_itself() -> None:
    shown = f"{line()!r}{line()}{json.dumps(line().model_dump(mode='json'))}"
    assert not any(secret in shown for secret in (ACCESS_TOKEN, APP_SECRET, VERIFY_TOKEN))
