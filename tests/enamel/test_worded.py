"""Messages as they leave the worker, over a real database: no word of health leaves the house."""

import json
import logging
import re
from dataclasses import asdict, replace
from email import message_from_bytes
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.clock import now
from core.ids import new_id
from core.moments import rfc3339
from enamel.worker.push import deliver_due, only
from enamel.worker.wording import Words
from push.channel import Message, Target, Way
from push.commands import Due, claim, enqueue_across
from push.consent import ConsentChannel
from push.links import Links
from push.mail_letter import letter
from push.notice import Notice, NoticeKind, Purpose
from push.printed import Printed, PrintedPushes
from push.sms_words import words_of
from push.ways import CHANNEL_OF
from tests.push.phones import HOUR, give_phone
from tests.push.sent import MAIL
from tests.world import DAY, World

CANARY = "Zahnfleisch-canary"
LINKS = Links(b"l" * 32, "https://clinic.example")
ADDRESSES = {
    Way.SMS: "+390255501234", Way.EMAIL: "anna@mail.example", Way.TELEGRAM: "77", Way.WHATSAPP: "+390255501234",
}  # fmt: skip


async def a_visit(world: World, **more: Any) -> str:
    start = now() + 3 * DAY
    body = {
        "starts_at": rfc3339(start), "ends_at": rfc3339(start + DAY / 24), "service": CANARY,
        "practitioner": f"Dr. {CANARY}", **more,
    }  # fmt: skip
    path = f"/v1/staff/patients/{world.here.patient_id}/appointments"
    answer = await world.post(path, world.here.staff, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["appointment_id"])


def due(world: World, visit: str, way: Way, purpose: Purpose = Purpose.MARKETING) -> Due:
    at = now()
    message = Message(new_id(), NoticeKind.VISIT, "", "", f"/visits/{visit}", at + HOUR, HOUR)
    here = world.here
    return Due(
        here.clinic_id, new_id(), message.notice_id, here.patient_id, new_id(), None, purpose, 1, at, at, at + HOUR,
        Target("", "line", ADDRESSES[way]), message, here.account_id, new_id(), channel=CHANNEL_OF[way], way=way,
    )  # fmt: skip


async def write(world: World, **draft: Any) -> None:
    whole = {"kind": "visit", "language": "it", **draft}
    answer = await world.post("/v1/staff/message-templates", world.here.staff, whole)
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("mode", ["generic", "when"])
async def test_no_word_of_health_leaves_the_house_on_any_way(
    world: World, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Also of a text that was kept when its variables were less private: written past all checks here."""
    caplog.set_level(logging.DEBUG)
    visit = await a_visit(world)
    await world.http.put("/v1/me/lock-screen", headers=world.here.patient, json={"mode": mode})
    channels = ("push", "sms", "email", "messenger")
    for channel in channels:
        title = {"title": "{{clinic_name}}"} if channel in ("push", "email") else {}
        await write(world, channel=channel, text="{{visit_day}} {{visit_time}}", **title)
    async with world.database.sweeping() as sweeping:
        worse = text(
            """update message_template set draft = draft || '{"text": "{{service}} {{doctor_name}}"}'::jsonb"""
        )
        await sweeping.execute(worse)
    words = Words(world.database, LINKS, b"v" * 32)
    asked = [replace(due(world, visit, way), cause_id=UUID(visit)) for way in ADDRESSES]
    for each in await words(asked):
        message = each.message
        assert message.text
        said = json.dumps(asdict(message), default=str, ensure_ascii=False) + words_of(message)
        assert CANARY not in said
        assert str(world.here.patient_id) not in message.web_link + message.stop_link
        if each.way is Way.EMAIL:
            assert CANARY.encode() not in letter(MAIL, each.target.token, message, now()).content
    assert CANARY not in caplog.text


async def test_a_push_says_the_generic_words_until_the_patient_wants_more(world: World, tmp_path: Any) -> None:
    visit = await a_visit(world)
    await give_phone(world.database, world.keys, world.here, "token-of-anna", now())
    printed = Printed(tmp_path / "pushes.jsonl")
    words = Words(world.database, LINKS, b"v" * 32)
    for mode in ("generic", "when"):
        await world.http.put("/v1/me/lock-screen", headers=world.here.patient, json={"mode": mode})
        at = now()
        told = Notice(
            world.here.patient_id, NoticeKind.VISIT, Purpose.SERVICE, str(new_id()), at, at + HOUR,
            cause_id=UUID(visit),
        )  # fmt: skip
        async with world.database.writing(world.here.scope) as writing:
            await enqueue_across(writing, [(world.here.clinic_id, told)], at)
        assert await deliver_due(world.database, only(PrintedPushes(printed)), words=words) == 1
    lines = [json.loads(line) for line in (tmp_path / "pushes.jsonl").read_text().splitlines()]
    first, second = (str(line) for line in lines)
    assert "Sulla tua visita: apri l'app per i dettagli." in first
    assert "aspettiamo" in second
    assert CANARY not in first + second


async def test_what_was_said_is_written_down_with_its_version_and_variant(world: World) -> None:
    visit = await a_visit(world)
    await give_phone(world.database, world.keys, world.here, "token-of-anna", now())
    for variant in ("a", "b"):
        await write(world, channel="push", text="Ciao", title="", variant=variant)
    at = now()
    told = [
        Notice(world.here.patient_id, NoticeKind.VISIT, Purpose.SERVICE, str(new_id()), at, at + HOUR)
        for _ in range(30)
    ]
    async with world.database.writing(world.here.scope) as writing:
        await enqueue_across(writing, [(world.here.clinic_id, each) for each in told], at)

    class Deaf:
        async def send(self, *_: Any) -> Any:
            raise OSError

        check = close = send

    await deliver_due(world.database, only(Deaf()), words=Words(world.database, LINKS, b"v" * 32))
    path = f"/v1/staff/patients/{world.here.patient_id}/touchpoints"
    lines = (await world.get(path, world.here.staff)).json()["items"]
    said = [line for line in lines if line["template_id"]]
    assert len(said) == 30
    assert {line["variant"] for line in said} == {"a", "b"}
    assert {line["template_version"] for line in said} == {1}
    assert visit


async def test_a_batch_is_worded_in_as_many_statements_as_one_message(world: World, at_most: Any) -> None:
    visit = UUID(await a_visit(world))
    words = Words(world.database, LINKS, b"v" * 32)
    many = [replace(due(world, str(visit), way), cause_id=visit) for way in ADDRESSES for _ in range(25)]
    with at_most(5):  # whose clinic it is, people, visits, what they chose, texts
        assert len(await words(many)) == 100


async def test_a_private_visit_is_named_to_nobody(world: World) -> None:
    """The phone may be a guardian's."""
    visit = await a_visit(world)
    await world.http.put("/v1/me/lock-screen", headers=world.here.patient, json={"mode": "when"})
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update appointment set private = true"))
    words = Words(world.database, LINKS, b"v" * 32)
    (worded,) = await words([replace(due(world, visit, Way.SMS), cause_id=UUID(visit))])
    assert worded.message.text == "Rome Dental: ci sono novità sulla Sua visita."


async def test_a_mail_of_marketing_can_be_ended_by_one_click_and_one_about_a_visit_has_no_such_link(
    world: World,
) -> None:
    visit = await a_visit(world)
    words = Words(world.database, LINKS, b"v" * 32)
    offer, service = await words([due(world, visit, Way.EMAIL), due(world, visit, Way.EMAIL, Purpose.SERVICE)])
    sent = message_from_bytes(letter(MAIL, offer.target.token, offer.message, now()).content)
    assert sent["List-Unsubscribe"] == f"<{offer.message.stop_link}>"
    assert sent["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    stopping = LINKS.stopping(offer.message.stop_link.rpartition("/")[2])
    assert stopping is not None
    assert (stopping.patient_id, stopping.purpose) == (world.here.patient_id, Purpose.MARKETING)
    assert stopping.channel is ConsentChannel.EMAIL
    assert service.message.stop_link == ""


async def test_mail_goes_without_its_links_where_the_house_is_reached_over_plain_http(world: World) -> None:
    """As in development. A mail with such a link is refused by its own adapter, for good."""
    words = Words(world.database, Links(b"l" * 32, "http://127.0.0.1:8000"), b"v" * 32)
    (said,) = await words([due(world, await a_visit(world), Way.EMAIL)])
    assert said.message.text
    assert b"http://" not in letter(MAIL, said.target.token, said.message, now()).content


async def test_a_notice_says_the_words_that_it_names_and_the_day_of_its_visit(world: World) -> None:
    """From the outbox to the phone; the visit is not its cause."""
    visit = await a_visit(world)
    await give_phone(world.database, world.keys, world.here, "token-of-anna", now())
    said = []
    for mode in ("generic", "when"):
        await world.http.put("/v1/me/lock-screen", headers=world.here.patient, json={"mode": mode})
        at = now()
        told = Notice(
            world.here.patient_id, NoticeKind.REMINDING, Purpose.SERVICE, str(new_id()), at, at + HOUR,
            cause_id=new_id(), wording="visit-remind", visit_id=UUID(visit),
        )  # fmt: skip
        async with world.database.sweeping() as sweeping:
            await enqueue_across(sweeping, [(world.here.clinic_id, told)], at)
            held = await claim(sweeping, at, 10, HOUR)
        (worded,) = await Words(world.database, LINKS, b"v" * 32)(held)
        said.append((worded.message.title, worded.message.text))
    assert said[0] == ("La visita si avvicina", "La aspettiamo presto da noi.")
    assert said[1][0] == said[0][0]
    assert re.fullmatch(r"La aspettiamo \d+ \w+ \d{4} alle \d\d:\d\d\.", said[1][1]), said[1]
