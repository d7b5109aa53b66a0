"""A form or a card sent again under its id is the message that was kept, whatever the clinic has changed since."""

from typing import Any

import pytest
from sqlalchemy import text

from chat.starter import default_starters
from core.ids import new_id
from tests.api.test_cards import last_message, visit
from tests.world import World

MESSAGES = "/v1/me/conversation/messages"
PAIN = {"starter": "pain", "answers": [{"key": "where", "value": " in alto "}, {"key": "since", "value": "today"}]}


def cards(world: World) -> str:
    return f"/v1/staff/patients/{world.here.patient_id}/conversation/cards"


def asked(thing_id: str, body: str = "Viene?") -> dict[str, Any]:
    return {"client_id": str(new_id()), "kind": "appointment", "id": thing_id, "body": body}


async def set_to_one_other_starter(world: World) -> None:
    other = next(each for each in default_starters() if each.key != "pain").model_dump(mode="json")
    put = await world.http.put("/v1/staff/desk/starters", headers=world.here.staff, json={"items": [other]})
    assert put.status_code == 200, put.text


async def test_a_form_whose_starter_is_gone_meanwhile_is_answered_as_it_was(world: World) -> None:
    body = {"client_id": str(new_id()), "form": PAIN}
    first = await world.post(MESSAGES, world.here.patient, body)
    await set_to_one_other_starter(world)
    again = await world.post(MESSAGES, world.here.patient, body)
    assert (first.status_code, again.status_code) == (201, 200), again.text
    assert again.json() == {**first.json(), "duplicate": True}
    another = await world.post(MESSAGES, world.here.patient, {**body, "client_id": str(new_id())})
    assert another.status_code == 422


async def test_another_form_under_the_same_id_is_refused(world: World) -> None:
    body = {"client_id": str(new_id()), "form": PAIN}
    assert (await world.post(MESSAGES, world.here.patient, body)).status_code == 201
    for other in ({"form": {**PAIN, "answers": PAIN["answers"][:1]}}, {"body": "Ho dolore"}):
        again = await world.post(MESSAGES, world.here.patient, {"client_id": body["client_id"], **other})
        assert (again.status_code, again.json()["code"]) == (409, "id-reused")


async def test_a_card_of_what_is_over_or_hidden_meanwhile_is_answered_as_it_was(world: World) -> None:
    body = asked(await visit(world, world.here.patient_id, world.here))
    first = await world.post(cards(world), world.here.staff, body)
    for gone in ("update appointment set status = 'cancelled'", "update appointment set private = true"):
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text(gone))
        again = await world.post(cards(world), world.here.staff, body)
        assert (first.status_code, again.status_code) == (201, 200), again.text
        assert again.json() == {**first.json(), "duplicate": True}


@pytest.mark.parametrize("other", [{"body": "Domani?"}, {"stage": 1}, {"kind": "visit"}])
async def test_another_card_under_the_same_id_is_refused(world: World, other: dict[str, Any]) -> None:
    body = asked(await visit(world, world.here.patient_id, world.here))
    assert (await world.post(cards(world), world.here.staff, body)).status_code == 201
    again = await world.post(cards(world), world.here.staff, {**body, **other})
    assert (again.status_code, again.json()["code"]) == (409, "id-reused")
    assert (await last_message(world))["body"] == "Viene?"


async def test_who_may_write_no_more_is_not_told_what_was_kept(world: World) -> None:
    body = asked(await visit(world, world.here.patient_id, world.here))
    assert (await world.post(cards(world), world.here.staff, body)).status_code == 201
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = '{}'"))
    assert (await world.post(cards(world), world.here.staff, body)).status_code == 403
