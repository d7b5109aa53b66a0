"""What providers post to a clinic's lines: believed for its proof alone; receipts, stops, answers, strangers."""

import hashlib
import hmac
import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from clinic.commands import take_patients
from core.clock import now
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.told import confirm_wishes
from push.channel import Way
from push.commands.confirmations import Confirmation
from push.hooks import LARGEST_MAIL, mail_signature
from push.mail_token import mail_token
from push.report import Reported
from tests.push.lines import COMPLETE, make_usual
from tests.push.sent import MAIL, SECRET, consents, events, send, standing
from tests.world import HOST, Party, World, patient_fact


@pytest.fixture
async def lines(world: World) -> dict[Way, UUID]:
    """This clinic has a line of every way that is heard."""
    return {way: line.line_id for way, line in (await make_usual(world.database, world.here, *COMPLETE)).items()}


async def sms(world: World, line: UUID, secret: str = SECRET, **form: str) -> httpx.Response:
    path = f"/v1/hooks/sms/{line}"
    signed = HOST + path + "".join(name + form[name] for name in sorted(form))
    made = b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha1).digest()).decode()
    headers = {"x-twilio-signature": made, "content-type": "application/x-www-form-urlencoded"}
    return await world.http.post(path, headers=headers, content=urlencode(form))


async def wrote(world: World, line: UUID, words: str, address: str = "", name: str = "") -> httpx.Response:
    sender = address or world.here.phone
    return await sms(world, line, MessageSid=name or f"SM{new_id()}", From=sender, Body=words, SmsStatus="received")


async def whatsapp(world: World, line: UUID, value: dict[str, Any], secret: str = "p" * 40) -> httpx.Response:
    posted = {
        "entry": [{"changes": [{"field": "messages", "value": {"metadata": {"phone_number_id": "1234567"}, **value}}]}]
    }
    body = json.dumps(posted).encode()
    made = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return await world.http.post(f"/v1/hooks/whatsapp/{line}", headers={"x-hub-signature-256": made}, content=body)


async def telegram(world: World, line: UUID, words: str, chat: int = 77, secret: str = "h" * 40) -> httpx.Response:
    said = {
        "message_id": 1, "date": int(now().timestamp()), "chat": {"id": chat, "type": "private"},
        "from": {"is_bot": False}, "text": words,
    }  # fmt: skip
    headers = {"x-telegram-bot-api-secret-token": secret}
    body = json.dumps({"update_id": 5, "message": said}).encode()
    return await world.http.post(f"/v1/hooks/telegram/{line}", headers=headers, content=body)


async def mail(world: World, line: UUID, raw: bytes, recipient: str = "", key: str = "k" * 40) -> httpx.Response:
    made = mail_signature(key, recipient, raw)
    headers = {"x-enamel-signature": made, "x-enamel-recipient": recipient}
    return await world.http.post(f"/v1/hooks/email/{line}", headers=headers, content=raw)


async def thread(world: World, party: Party) -> list[tuple[str, str]]:
    statement = text("select body, via from message where clinic_id = :clinic order by seq")
    async with world.database.sweeping() as sweeping:
        return [(row[0], row[1]) for row in await sweeping.execute(statement, {"clinic": party.clinic_id})]


async def said(world: World) -> list[tuple[str, str]]:
    """What confirmations the worker would send now: to whom, in which words."""
    found: list[tuple[str, str]] = []

    async def say(confirmation: Confirmation, words: str) -> None:
        found.append((confirmation.address, words))

    await confirm_wishes(world.database, say, now())
    return found


async def test_only_who_knows_the_lines_secret_is_heard_and_all_others_alike(
    world: World, lines: dict[Way, UUID]
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
    notice = await send(world, world.here, Way.SMS, lines[Way.SMS], "SM1")
    refused = [
        await sms(world, lines[Way.SMS], secret="x", **form),
        await sms(world, new_id(), **form),
        await sms(world, lines[Way.WHATSAPP], **form),
        await world.http.post(f"/v1/hooks/sms/{lines[Way.SMS]}", content=urlencode(form)),
        await world.http.post("/v1/hooks/sms/not-an-id", content=b""),
        await world.http.post(f"/v1/hooks/fcm/{lines[Way.SMS]}", content=b""),
        await telegram(world, lines[Way.TELEGRAM], "hello", secret="x" * 40),
        await whatsapp(world, lines[Way.WHATSAPP], {}, secret="x"),
        await mail(world, lines[Way.EMAIL], b"From: a@b.example\n\nhello", key="x" * 40),
    ]
    assert {(each.status_code, each.json()["code"]) for each in refused} == {(404, "not-found")}
    assert len({each.json()["detail"] for each in refused}) == 1
    assert not (await standing(world, notice))[2]
    assert (await sms(world, lines[Way.SMS], **form)).status_code == 200
    assert (await sms(world, lines[Way.SMS], **form)).status_code == 200
    assert (await standing(world, notice))[2]
    assert await events(world) == ["push.delivered"]


async def test_a_post_beyond_its_bound_is_refused_before_it_is_read_whole(world: World, lines: dict[Way, UUID]) -> None:
    path = f"/v1/hooks/sms/{lines[Way.SMS]}"
    assert (await world.http.post(path, content=b"x" * (64 * 1024 + 1))).status_code == 413
    large = b"From: a@b.example\n\n" + b"x" * LARGEST_MAIL
    assert (await mail(world, lines[Way.EMAIL], large)).status_code == 413
    assert (await mail(world, lines[Way.EMAIL], large[: 5 * 1024 * 1024])).status_code == 200


async def test_meta_is_answered_its_challenge_for_the_right_token_alone(world: World, lines: dict[Way, UUID]) -> None:
    path = f"/v1/hooks/whatsapp/{lines[Way.WHATSAPP]}"
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": "12345",
        "hub.verify_token": "v" * 40,
    }
    good = await world.http.get(path, params=asked)
    assert (good.status_code, good.text) == (200, "12345")
    assert good.headers["content-type"].startswith("text/plain")
    assert (await world.http.get(path, params={**asked, "hub.verify_token": "x"})).status_code == 404
    assert (await world.http.get(path.replace("whatsapp", "sms"), params=asked)).status_code == 404


async def test_whatsapp_reads_and_failures_come_to_the_message(world: World, lines: dict[Way, UUID]) -> None:
    line = lines[Way.WHATSAPP]
    read = await send(world, world.here, Way.WHATSAPP, line, "wamid.1")
    failed = await send(world, world.here, Way.WHATSAPP, line, "wamid.2")
    stamp = str(int(now().timestamp()))
    value = {
        "statuses": [
            {"id": "wamid.1", "status": "read", "timestamp": stamp},
            {"id": "wamid.2", "status": "failed", "timestamp": stamp, "errors": [{"code": 131026}]},
        ]
    }
    assert (await whatsapp(world, line, value)).status_code == 200
    assert (await standing(world, read))[2:] == (True, True)
    assert (await standing(world, failed))[0] == "failed"


async def test_stop_ends_at_once_what_needs_a_yes_is_proven_and_is_confirmed_once(
    world: World, lines: dict[Way, UUID]
) -> None:
    for _ in range(2):
        assert (await wrote(world, lines[Way.SMS], " Стоп! ", name="SM-stop")).status_code == 200
    ended = [("marketing", "sms", False, "stop-word"), ("recall", "sms", False, "stop-word")]
    assert await consents(world, world.here.patient_id) == [*ended, ("survey", "sms", False, "stop-word")]
    ((address, words),) = await said(world)
    assert (address, "START" in words) == (world.here.phone, True)
    await wrote(world, lines[Way.SMS], "STOP")
    assert await said(world) == []
    async with world.database.sweeping() as sweeping:
        proof = text("select facts from event where kind = 'consent.withdrawn' limit 1")
        facts = (await sweeping.execute(proof)).scalar_one()
    assert facts["line_id"] == str(lines[Way.SMS])
    assert world.here.phone not in json.dumps(facts)
    assert await thread(world, world.here) == []


async def test_stop_all_ends_visits_too_and_start_gives_back_what_there_was_and_no_more(
    world: World, lines: dict[Way, UUID]
) -> None:
    await wrote(world, lines[Way.SMS], "STOPALL")
    said_no = {purpose for purpose, _, granted, _ in await consents(world, world.here.patient_id) if not granted}
    assert said_no == {"service", "chat", "marketing", "recall", "survey"}
    await wrote(world, lines[Way.SMS], "start")
    again = [each for each in await consents(world, world.here.patient_id) if each[2]]
    assert again == [("service", "sms", True, "start-word")]  # the rest had never been a yes


async def test_a_stop_that_is_posted_again_later_does_not_undo_a_start(world: World, lines: dict[Way, UUID]) -> None:
    await wrote(world, lines[Way.SMS], "STOPALL", name="SM-1")
    await wrote(world, lines[Way.SMS], "START", name="SM-2")
    before = await consents(world, world.here.patient_id)
    await wrote(world, lines[Way.SMS], "STOPALL", name="SM-1")
    assert await consents(world, world.here.patient_id) == before


async def test_start_does_not_undo_a_no_that_was_said_in_the_app(world: World, lines: dict[Way, UUID]) -> None:
    path = "/v1/me/consents/service"
    no = await world.http.put(path, headers=world.here.patient, json={"granted": False, "channel": "sms"})
    assert no.status_code == 204, no.text
    await wrote(world, lines[Way.SMS], "START")
    assert [each[2] for each in await consents(world, world.here.patient_id)] == [False]


async def test_a_stop_counts_also_on_a_line_that_is_switched_off(world: World, lines: dict[Way, UUID]) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update line set enabled = false"))
    assert (await wrote(world, lines[Way.SMS], "STOP")).status_code == 200
    assert ("marketing", "sms", False, "stop-word") in await consents(world, world.here.patient_id)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update line set enabled = false, ended_at = now()"))
    assert (await wrote(world, lines[Way.SMS], "STOP")).status_code == 404


async def test_a_mail_that_answers_none_of_ours_stops_no_visits_and_starts_nothing(
    world: World, lines: dict[Way, UUID]
) -> None:
    """Anybody may write anybody's address into From."""
    async with world.database.sweeping() as sweeping:
        address = text("update patient set email = 'anna@mail.example' where id = :id")
        await sweeping.execute(address, {"id": world.here.patient_id})
    forged = b"From: anna@mail.example\r\nMessage-ID: <%s@mail.example>\r\n\r\n%s\r\n"
    assert (await mail(world, lines[Way.EMAIL], forged % (b"1", b"STOPALL"))).status_code == 200
    said_no = {purpose for purpose, _, granted, _ in await consents(world, world.here.patient_id) if not granted}
    assert said_no == {"marketing", "recall", "survey"}
    assert (await mail(world, lines[Way.EMAIL], forged % (b"2", b"START"))).status_code == 200
    assert [each for each in await consents(world, world.here.patient_id) if each[2]] == []
    listed = (await world.get("/v1/staff/stranger-messages", world.here.staff)).json()["items"]
    assert [each["body"] for each in listed] == ["START"]


async def test_a_confirmation_that_fails_takes_no_other_with_it(world: World, lines: dict[Way, UUID]) -> None:
    await wrote(world, lines[Way.SMS], "STOPALL")
    await wrote(world, lines[Way.SMS], "START")
    heard: list[str] = []

    async def say(confirmation: Confirmation, _: str) -> None:
        heard.append(confirmation.wish.value)
        raise LookupError("an adapter's mistake")

    assert await confirm_wishes(world.database, say, now()) == len(heard) == 2


async def test_whatever_else_is_written_stands_in_the_one_conversation_once(
    world: World, lines: dict[Way, UUID]
) -> None:
    for _ in range(2):
        assert (await wrote(world, lines[Way.SMS], "Posso venire alle 10?", name="SM-in")).status_code == 200
    assert await thread(world, world.here) == [("Posso venire alle 10?", "sms")]
    assert await events(world, "push.answered") == ["push.answered"]


async def test_a_strangers_message_waits_for_the_desk_which_says_whose_it_is(
    world: World, lines: dict[Way, UUID]
) -> None:
    await wrote(world, lines[Way.SMS], "It hurts", address="+393330000001", name="SM-s")
    await wrote(world, lines[Way.SMS], "It hurts", address="+393330000001", name="SM-s")
    listed = (await world.get("/v1/staff/stranger-messages", world.here.staff)).json()["items"]
    assert [(each["body"], each["address"], each["way"]) for each in listed] == [("It hurts", "+393330000001", "sms")]
    assert (await world.get("/v1/staff/stranger-messages", world.there.staff)).json()["items"] == []
    path = f"/v1/staff/stranger-messages/{listed[0]['message_id']}/patient"
    body = {"patient_id": str(world.here.patient_id)}
    assert (await world.post(path, world.there.staff, body)).status_code == 404
    assert (await world.post(path, world.here.staff, body)).status_code == 204
    assert (await world.post(path, world.here.staff, body)).status_code == 404
    assert await thread(world, world.here) == [("It hurts", "sms")]
    async with world.database.sweeping() as sweeping:
        left = (await sweeping.execute(text("select body || address from stranger_message"))).scalars().all()
    assert left == [""]


async def test_a_phone_that_a_family_shares_goes_to_the_desk_but_its_stop_counts_for_all(
    world: World, lines: dict[Way, UUID]
) -> None:
    async with world.database.writing(world.here.scope) as writing:
        facts = [patient_fact("child", "Carla", world.here.phone)]
        taken, _ = await take_patients(writing, world.here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
    await wrote(world, lines[Way.SMS], "Who is it for?")
    listed = (await world.get("/v1/staff/stranger-messages", world.here.staff)).json()["items"]
    assert [each["body"] for each in listed] == ["Who is it for?"]
    gone = await world.http.delete(f"/v1/staff/stranger-messages/{listed[0]['message_id']}", headers=world.here.staff)
    assert gone.status_code == 204
    await wrote(world, lines[Way.SMS], "STOP")
    for patient_id in (world.here.patient_id, taken[0].id):
        assert ("marketing", "sms", False, "stop-word") in await consents(world, patient_id)
    assert len(await said(world)) == 1


def answer(token: str, words: str = "Grazie, va bene") -> bytes:
    return (
        "From: Anna <anna@mail.example>\r\nTo: hello@clinic.example\r\nSubject: Re: visit\r\n"
        "Message-ID: <a1@mail.example>\r\n"
        f"In-Reply-To: <{token}@clinic.example>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{words}\r\n"
    ).encode()


async def test_a_mail_that_answers_ours_is_its_patients_and_any_other_waits_for_the_desk(
    world: World, lines: dict[Way, UUID]
) -> None:
    line, key = lines[Way.EMAIL], MAIL.token_key.get_secret_value()
    notice = await send(world, world.here, Way.EMAIL, line, "x")
    token = mail_token(key, notice, "anna@mail.example")
    assert (await mail(world, line, answer("forged" * 8))).status_code == 200
    assert await thread(world, world.here) == []
    listed = (await world.get("/v1/staff/stranger-messages", world.here.staff)).json()["items"]
    assert [each["address"] for each in listed] == ["anna@mail.example"]
    assert (await mail(world, line, answer(token).replace(b"a1@", b"a2@"))).status_code == 200
    assert await thread(world, world.here) == [("Grazie, va bene", "email")]


async def test_a_bounce_that_names_our_mail_ends_its_address(world: World, lines: dict[Way, UUID]) -> None:
    line, key = lines[Way.EMAIL], MAIL.token_key.get_secret_value()
    notice = await send(world, world.here, Way.EMAIL, line, "to be named", address="anna@mail.example")
    token = mail_token(key, notice, "anna@mail.example")
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update delivery set provider_id = :token"), {"token": token})
    bounce = (
        b"From: MAILER-DAEMON@relay.example\r\nReturn-Path: <>\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n'
        b"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; relay.example\r\n\r\n"
        b"Final-Recipient: rfc822; anna@mail.example\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n--b--\r\n"
    )
    recipient = f"b+{token}@bounces.clinic.example"
    assert (await mail(world, line, bounce, recipient)).status_code == 200
    assert (await standing(world, notice))[0] == "dead"
    assert Reported.ADDRESS_DEAD.value == "address_dead"


async def test_a_blocked_bot_ends_its_chat(world: World, lines: dict[Way, UUID]) -> None:
    chat = 77
    async with world.database.sweeping() as sweeping:
        linked = text(
            "insert into messenger_link (clinic_id, id, patient_id, account_id, way, token_hash, expires_at, address,"
            " linked_at) values (:clinic, :id, :patient, :account, 'telegram', ''::bytea, now(), '77', now())"
        )
        here = world.here
        ids = {"clinic": here.clinic_id, "id": new_id(), "patient": here.patient_id, "account": here.account_id}
        await sweeping.execute(linked, ids)
    line = lines[Way.TELEGRAM]
    assert (await telegram(world, line, "Buongiorno", chat)).status_code == 200
    assert await thread(world, world.here) == [("Buongiorno", "telegram")]
    assert (await telegram(world, line, "/stop", chat)).status_code == 200
    assert ("marketing", "messenger", False, "provider") not in await consents(world, here.patient_id)
    body = {
        "update_id": 6,
        "my_chat_member": {
            "chat": {"id": chat, "type": "private"}, "date": int(now().timestamp()),
            "new_chat_member": {"status": "kicked"},
        },
    }  # fmt: skip
    headers = {"x-telegram-bot-api-secret-token": "h" * 40}
    assert (await world.http.post(f"/v1/hooks/telegram/{line}", headers=headers, json=body)).status_code == 200
    async with world.database.sweeping() as sweeping:
        assert (await sweeping.execute(text("select address from dead_address"))).scalars().all() == ["77"]


async def test_no_address_keeps_what_others_wrote_from_the_desk(world: World, lines: dict[Way, UUID]) -> None:
    """Anybody may write to a clinic's number, and gateways pass on what they got."""
    strange = ["9" * 50_000, "<script>", "\u202enotpay", "\0"]
    for address in [*strange, "+15550001111"]:
        assert (await wrote(world, lines[Way.SMS], "a word", address)).status_code == 200
    desk = await world.get("/v1/staff/stranger-messages", world.here.staff)
    told = [each["address"] for each in desk.json()["items"]]
    assert (desk.status_code, told) == (200, ["9" * 200, "<script>", "\u202enotpay", "", "+15550001111"])


async def test_a_report_of_no_name_costs_none_of_the_others(world: World, lines: dict[Way, UUID]) -> None:
    notice = await send(world, world.here, Way.WHATSAPP, lines[Way.WHATSAPP], "wamid.1")
    at = str(int(now().timestamp()))
    statuses = [{"id": name, "status": "delivered", "timestamp": at} for name in ("\0", "wamid.1")]
    assert (await whatsapp(world, lines[Way.WHATSAPP], {"statuses": statuses})).status_code == 200
    assert (await standing(world, notice))[2]


async def test_what_is_kept_of_a_report_names_nobody(world: World, lines: dict[Way, UUID]) -> None:
    """Reports outlive a person's erasure by months."""
    digits = world.here.phone.removeprefix("+")
    stop = {
        "wa_id": digits, "category": "marketing_messages", "value": "stop", "timestamp": int(now().timestamp()),
    }  # fmt: skip
    for _ in range(2):
        assert (await whatsapp(world, lines[Way.WHATSAPP], {"user_preferences": [stop]})).status_code == 200
    async with world.database.sweeping() as sweeping:
        kept = [row[0] for row in await sweeping.execute(text("select report::text from report"))]
    assert len(kept) == 1
    assert digits not in kept[0]
