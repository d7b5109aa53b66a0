"""Cards and starters over REST: made from what the patient can see now, acted upon by the cabinet's own operations."""

from typing import Any

import pytest
from sqlalchemy import text

from api.app import bare_app
from api.cards import NEEDS
from api.documents import Door, document
from chat.bot_http import SECRETS
from chat.card import CardKind, card
from chat.starter import default_starters
from core.clock import now
from core.ids import new_id
from tests.world import DAY, World


async def visit(world: World, patient_id: Any, party: Any, **more: Any) -> str:
    start = now() + 3 * DAY
    body = {"starts_at": start.isoformat(), "ends_at": (start + DAY / 24).isoformat(), **more}
    made = await world.post(f"/v1/staff/patients/{patient_id}/appointments", party.staff, body)
    return str(made.json()["appointment_id"])


async def send(world: World, kind: str, thing_id: str | None, **more: Any) -> Any:
    body = {"client_id": str(new_id()), "kind": kind, "id": thing_id, **more}
    return await world.post(f"/v1/staff/patients/{world.here.patient_id}/conversation/cards", world.here.staff, body)


async def last_message(world: World) -> dict[str, Any]:
    answer = await world.get("/v1/me/conversation/events", world.here.patient)
    told: dict[str, Any] = [each["message"] for each in answer.json()["events"] if each["message"]][-1]
    return told


async def test_a_visit_comes_as_a_card_that_confirms_it(world: World) -> None:
    thing_id = await visit(world, world.here.patient_id, world.here, service="<b>Igiene</b> {title}")
    assert (await send(world, "appointment", thing_id, body="Viene?")).status_code == 201
    said = await last_message(world)
    made = said["card"]
    assert (said["body"], made["kind"], made["id"]) == ("Viene?", "appointment", thing_id)
    assert "<b>Igiene</b> {title}" in made["title"]
    assert made["title"] in made["fallback"]
    assert made["fallback"].startswith("La sua visita")
    assert made["action"]["operation_id"] == "confirmPatientAppointment"
    confirmed = await world.post(made["action"]["path"], world.here.patient, None)
    assert (confirmed.status_code, confirmed.json()["status"]) == (200, "confirmed")


async def test_the_same_card_sent_again_stands_once(world: World) -> None:
    thing_id = await visit(world, world.here.patient_id, world.here)
    body = {"client_id": str(new_id()), "kind": "appointment", "id": thing_id}
    path = f"/v1/staff/patients/{world.here.patient_id}/conversation/cards"
    assert [(await world.post(path, world.here.staff, body)).status_code for _ in range(2)] == [201, 200]


@pytest.mark.parametrize("kind", [each.value for each in NEEDS if each is not CardKind.PAYMENT])
async def test_foreign_and_absent_ids_make_no_card(world: World, kind: str) -> None:
    neighbours = await visit(world, world.here.other_patient_id, world.here)
    elsewhere = await visit(world, world.there.patient_id, world.there)
    for thing_id in (neighbours, elsewhere, str(new_id()), None):
        answer = await send(world, kind, thing_id, **({"stage": 0} if kind == "stage" else {}))
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


@pytest.mark.parametrize("kind", [each.value for each in NEEDS if each is not CardKind.STAGE])
async def test_a_stage_that_no_card_of_this_kind_has_is_refused_and_not_dropped(world: World, kind: str) -> None:
    refused = await send(world, kind, None, stage=2**31 - 1)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [{"pointer": "/stage", "code": "not-of-this-kind"}]


async def test_of_what_is_over_hidden_or_not_owed_there_is_no_card(world: World) -> None:
    hidden = await visit(world, world.here.patient_id, world.here, private=True)
    assert (await send(world, "appointment", hidden)).status_code == 404
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update appointment set private = false, status = 'cancelled'"))
    assert (await send(world, "appointment", hidden)).status_code == 404
    assert (await send(world, "payment", None)).status_code == 404
    assert (await send(world, "choices", None)).status_code == 422


async def test_a_card_of_what_is_hidden_later_is_gone_from_the_thread_and_comes_back_with_it(world: World) -> None:
    thing_id = await visit(world, world.here.patient_id, world.here, service="Secret")
    assert (await send(world, "appointment", thing_id, body="Viene?")).status_code == 201
    path = f"/v1/staff/patients/{world.here.patient_id}/private/appointment/{thing_id}"
    for private in (True, False):
        await world.http.put(path, headers=world.here.staff, json={"private": private})
        told = [await last_message(world), await message_scrolled_back_to(world)]
        assert [(each["body"], each["card"] is None) for each in told] == [("Viene?", private)] * 2


async def message_scrolled_back_to(world: World) -> dict[str, Any]:
    answer = await world.get("/v1/me/conversation/events?before=2", world.here.patient)
    told: dict[str, Any] = answer.json()["events"][-1]["message"]
    return told


async def test_a_debt_comes_as_a_card_that_pays_it(world: World) -> None:
    row = {
        "external_id": "owed", "version": 1, "patient": "anna", "kind": "charge", "posted_on": now().date().isoformat(),
        "amount": {"amount_minor": 12_345, "currency": "EUR"},
    }  # fmt: skip
    await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [row]})
    assert (await send(world, "payment", None)).status_code == 201
    made = (await last_message(world))["card"]
    assert (made["title"], made["action"]["operation_id"]) == ("123,45 €", "startPatientPayment")


async def test_who_may_not_see_a_thing_sends_no_card_of_it(world: World) -> None:
    thing_id = await visit(world, world.here.patient_id, world.here)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{chat.reply}'"))
    assert (await send(world, "appointment", thing_id)).status_code == 403


def test_every_card_names_an_operation_that_there_is() -> None:
    paths = document(bare_app(None), Door.PATIENT)["paths"]
    known = {
        told["operationId"]: path for path, methods in paths.items() for told in methods.values()
    }  # fmt: skip
    patient_id, thing_id = new_id(), new_id()
    for kind in NEEDS:
        action = card(kind, patient_id, thing_id, "t", "en").action
        assert action is not None
        shape = [part for part in known[action.operation_id].split("/") if not part.startswith("{")]
        named = [part for part in action.path.split("/") if part not in (str(patient_id), str(thing_id))]
        assert named == shape, kind


@pytest.mark.parametrize(
    ("language", "label"),
    [("en", "Book a visit"), ("it", "Prenota una visita"), ("ru", "Записаться на приём"), ("zh", "预约就诊")],
)
async def test_starters_come_in_the_language_asked_for(world: World, language: str, label: str) -> None:
    headers = {**world.here.patient, "accept-language": language}
    items = (await world.get("/v1/me/conversation/starters", headers)).json()["items"]
    assert [each["key"] for each in items] == ["book", "move", "pain", "price", "photo"]
    assert items[0]["label"] == label


async def test_an_answered_starter_is_a_message_that_the_desk_can_read(world: World) -> None:
    answers = [{"key": "where", "value": "in alto"}, {"key": "since", "value": "today"}]
    body = {"client_id": str(new_id()), "form": {"starter": "pain", "answers": answers}}
    for status in (201, 200):
        sent = await world.post("/v1/me/conversation/messages", world.here.patient, body)
        assert sent.status_code == status, sent.text
    said = await last_message(world)
    assert said["body"] == "Ho dolore adesso\nDove fa male: in alto\nDa quando: Oggi"
    assert said["form"] == {"starter": "pain", "answers": answers}


@pytest.mark.parametrize(
    ("form", "pointer"),
    [
        ({"starter": "nothing", "answers": []}, "/form/starter"),
        ({"starter": "pain", "answers": []}, "/form/answers"),
        (
            {"starter": "pain", "answers": [{"key": "where", "value": "x"}, {"key": "since", "value": "ages"}]},
            "/form/answers/1",
        ),
        ({"starter": "book", "answers": [{"key": "day", "value": "2026-13-01"}]}, "/form/answers/0"),
        ({"starter": "price", "answers": [{"key": "service", "value": "a\x9bb"}]}, "/form/answers/0"),
        ({"starter": "book", "answers": [{"key": "no", "value": "x"}]}, "/form/answers/0"),
        (
            {"starter": "price", "answers": [{"key": "service", "value": "a"}, {"key": "service", "value": "b"}]},
            "/form/answers/1",
        ),
    ],
)
async def test_answers_that_do_not_fit_the_form_are_refused(world: World, form: Any, pointer: str) -> None:
    body = {"client_id": str(new_id()), "form": form}
    answer = await world.post("/v1/me/conversation/messages", world.here.patient, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, pointer)


async def test_a_clinic_sets_its_own_starters(world: World) -> None:
    one = default_starters()[0].model_dump(mode="json")
    put = await world.http.put("/v1/staff/desk/starters", headers=world.here.staff, json={"items": [one]})
    assert put.status_code == 200, put.text
    items = (await world.get("/v1/me/conversation/starters", world.here.patient)).json()["items"]
    assert [each["key"] for each in items] == ["book"]
    twice = await world.http.put("/v1/staff/desk/starters", headers=world.here.staff, json={"items": [one, one]})
    assert twice.status_code == 422
    there = (await world.get("/v1/me/conversation/starters", world.there.patient)).json()["items"]
    assert len(there) == 5


async def test_a_bots_secret_is_kept_sealed_and_told_nobody(world: World) -> None:
    body = {"kind": "http", "address": "https://bot.example/enamel", "secret": "s" * 32}
    put = await world.http.put("/v1/staff/desk/bot", headers=world.here.staff, json=body)
    assert put.json() == {"kind": "http", "address": body["address"], "has_secret": True}
    async with world.database.reading(world.here.scope) as reading:
        kept = (await reading.execute(text("select bot_secret from chat_desk"))).scalar_one()
    assert b"sss" not in kept
    assert SECRETS
    again = await world.http.put("/v1/staff/desk/bot", headers=world.here.staff, json={**body, "secret": ""})
    assert again.status_code == 200
    other = {**body, "address": "https://other.example/", "secret": ""}
    moved = await world.http.put("/v1/staff/desk/bot", headers=world.here.staff, json=other)
    assert (moved.status_code, moved.json()["errors"][0]["pointer"]) == (422, "/secret")
    for address in (
        "ftp://bot.example/",
        "http://user@bot.example/",
        "https://bot.example/?a=1",
        "x",
        "https://10.0.0.5/",
        "https://[::1]/",
        "https://169.254.169.254/",
        "https://localhost/",
        "https://2130706433/",
        "https://127.1/",
    ):
        refused = await world.http.put(
            "/v1/staff/desk/bot", headers=world.here.staff, json={**body, "address": address}
        )
        assert refused.status_code == 422, address


async def test_the_price_list_is_set_whole_and_read_by_patients(world: World) -> None:
    line = {"names": [{"language": "it", "name": "Igiene"}], "price": {"amount_minor": 8_000, "currency": "EUR"}}
    for items in ([line, line], [line]):
        put = await world.http.put("/v1/staff/price-list", headers=world.here.staff, json={"items": items})
        assert put.status_code == 200, put.text
    read = (await world.get("/v1/me/price-list", world.here.patient)).json()["items"]
    assert read == [{**line, "up_to": None}]
    assert (await world.get("/v1/me/price-list", world.there.patient)).json()["items"] == []
