"""The chat over REST: the same commands as the socket's, with the same ids and the same refusals."""

import asyncio
from typing import Any

from core.ids import new_id
from tests.conftest import Queries
from tests.world import Party, World

MINE = "/v1/me/conversation"


def message(body: str, name: str | None = None) -> dict[str, str]:
    return {"client_id": name or str(new_id()), "body": body}


async def write_to(world: World, party: Party, patient_id: object, body: str) -> dict[str, Any]:
    sent = await world.post(f"/v1/staff/patients/{patient_id}/messages", party.staff, message(body))
    assert sent.status_code == 201, sent.text
    answer: dict[str, Any] = sent.json()
    return answer


async def test_patient_and_desk_talk_and_read_each_other(world: World) -> None:
    before = await world.get(MINE, world.here.patient)
    assert before.json() == {
        "conversation_id": None, "patient_id": str(world.here.patient_id), "rev": 0, "last_seq": 0, "unread": 0,
        "last_at": None, "marks": [],
    }  # fmt: skip
    assert (await world.get(f"{MINE}/events", world.here.patient)).json()["events"] == []
    sent = await world.post(f"{MINE}/messages", world.here.patient, message("Posso venire?"))
    assert (sent.status_code, sent.json()["seq"], sent.json()["duplicate"]) == (201, 1, False)
    inbox = (await world.get("/v1/staff/conversations", world.here.staff)).json()["items"]
    assert [(line["patient_name"], line["unread"]) for line in inbox] == [("Anna Rossi", 1)]
    answer = await write_to(world, world.here, world.here.patient_id, "Alle dieci")
    conversation = answer["conversation_id"]
    assert conversation == inbox[0]["conversation_id"]
    path = f"/v1/staff/conversations/{conversation}"
    read = await world.http.put(f"{path}/marks", headers=world.here.staff, json={"read": 1})
    assert read.status_code == 204
    assert (await world.get("/v1/staff/conversations", world.here.staff)).json()["items"][0]["unread"] == 0
    events = (await world.get(f"{MINE}/events?after=1", world.here.patient)).json()
    assert [event["kind"] for event in events["events"]] == ["msg", "mark"]
    assert events["events"][0]["message"]["author"] == "Olga"
    assert events["events"][1]["mark"] == {"side": "clinic", "delivered": 1, "read": 1}
    assert (events["rev"], events["more"], events["reset"]) == (3, False, None)
    assert (await world.get(f"{path}/events", world.here.staff)).json()["events"][1:] == events["events"]
    assert (await world.get(MINE, world.here.patient)).json()["unread"] == 1
    await world.http.put(f"{MINE}/marks", headers=world.here.patient, json={"delivered": 2, "read": 2})
    assert (await world.get(MINE, world.here.patient)).json()["unread"] == 0


async def test_a_repeat_is_the_same_message_and_another_text_is_refused(world: World) -> None:
    first = await world.post(f"{MINE}/messages", world.here.patient, message("Ciao", str(new_id())))
    name = first.json()["client_id"]
    again = await world.post(f"{MINE}/messages", world.here.patient, message("Ciao", name))
    assert again.status_code == 200
    assert again.json() == {**first.json(), "duplicate": True}
    other = await world.post(f"{MINE}/messages", world.here.patient, message("Addio", name))
    assert (other.status_code, other.json()["code"]) == (409, "id-reused")


async def test_who_writes_too_fast_is_told_when_to_try_again(world: World) -> None:
    tried = await asyncio.gather(
        *(world.post(f"{MINE}/messages", world.here.patient, message(f"n{number}")) for number in range(20))
    )
    refused = [answer for answer in tried if answer.status_code != 201]
    assert refused
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "too-many-requests")}
    assert all(int(answer.headers["retry-after"]) > 0 for answer in refused)
    assert (await write_to(world, world.here, world.here.patient_id, "Con calma"))["seq"] == 21 - len(refused)


async def test_sending_is_one_statement(world: World, at_most: Queries) -> None:
    with at_most(1):
        await world.post(f"{MINE}/messages", world.here.patient, message("Ciao"))


async def test_the_inbox_turns_its_pages_newest_first(world: World) -> None:
    await write_to(world, world.here, world.here.patient_id, "uno")
    await write_to(world, world.here, world.here.other_patient_id, "due")
    await write_to(world, world.there, world.there.patient_id, "altrove")
    first = (await world.get("/v1/staff/conversations?limit=1", world.here.staff)).json()
    assert [line["patient_name"] for line in first["items"]] == ["Boris Rossi"]
    turned = f"/v1/staff/conversations?limit=1&cursor={first['next_cursor']}"
    second = (await world.get(turned, world.here.staff)).json()
    assert [line["patient_name"] for line in second["items"]] == ["Anna Rossi"]
    assert second["next_cursor"] is None


async def test_older_messages_come_by_their_number(world: World) -> None:
    for number in range(5):
        await write_to(world, world.here, world.here.patient_id, f"n{number}")
    page = (await world.get(f"{MINE}/events?before=5&limit=2", world.here.patient)).json()
    assert ([event["message"]["body"] for event in page["events"]], page["more"]) == (["n2", "n3"], True)


async def test_who_holds_more_than_there_is_starts_over(world: World) -> None:
    await write_to(world, world.here, world.here.patient_id, "uno")
    page = (await world.get(f"{MINE}/events?after=9", world.here.patient)).json()
    assert (page["reset"], page["rev"], page["events"]) == ("epoch", 1, [])


async def test_foreign_and_unknown_conversations_and_patients_are_not_found_alike(world: World) -> None:
    theirs = (await write_to(world, world.there, world.there.patient_id, "Salve"))["conversation_id"]
    for conversation in (theirs, str(new_id())):
        path = f"/v1/staff/conversations/{conversation}"
        read = await world.get(f"{path}/events", world.here.staff)
        marked = await world.http.put(f"{path}/marks", headers=world.here.staff, json={"read": 1})
        assert (read.status_code, marked.status_code) == (404, 404)
        assert (read.json()["code"], marked.json()["code"]) == ("not-found", "not-found")
    for patient in (world.there.patient_id, new_id()):
        sent = await world.post(f"/v1/staff/patients/{patient}/messages", world.here.staff, message("?"))
        assert (sent.status_code, sent.json()["code"]) == (404, "not-found")


async def test_the_sides_doors_are_apart_and_nothing_of_a_message_can_be_forged(world: World) -> None:
    assert (await world.get("/v1/staff/conversations", world.here.patient)).status_code == 401
    assert (await world.get(MINE, world.here.staff)).status_code == 401
    forged = {**message("Ciao"), "side": "clinic", "seq": 9}
    refused = await world.post(f"{MINE}/messages", world.here.patient, forged)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid-input")
    for body in ("", "   ", "x" * 4001, "bell\x07"):
        assert (await world.post(f"{MINE}/messages", world.here.patient, message(body))).status_code == 422
