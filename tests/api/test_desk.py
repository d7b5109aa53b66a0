"""The desk by REST: the inbox and its filters, taking a case, settings, canned replies, scores, other channels."""

import asyncio
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from chat.desk_facts import MOST_CANNED
from clinic.commands import take_patients
from core.clock import now
from core.events import SYSTEM, Actor, ActorKind, Happening, record
from core.ids import new_id
from enamel.worker.desk import keep_words
from tests.conftest import Queries
from tests.world import World, patient_fact

INBOX = "/v1/staff/conversations"


def message(body: str = "Posso venire?") -> dict[str, str]:
    return {"client_id": str(new_id()), "body": body}


async def asks(world: World, body: str = "Posso venire?") -> str:
    answer = await world.post("/v1/me/conversation/messages", world.here.patient, message(body))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation_id"])


async def boris_asks(world: World, body: str = "Sono Boris") -> str:
    row = {"channel": "whatsapp", "external_id": str(new_id()), "body": body, "patient": "boris"}
    answer = await world.post("/v1/partner/messages", world.here.partner, row)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["conversation_id"])


async def put(world: World, path: str, body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Any:
    answer = await world.http.put(path, headers=headers or world.here.staff, json=body)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def listed(world: World, **wanted: Any) -> dict[str, Any]:
    answer = await world.get(INBOX, world.here.staff, params=wanted)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_inbox_is_one_statement_with_cases_counts_and_how_it_begins(world: World, at_most: Queries) -> None:
    anna, boris = await asks(world), await boris_asks(world, "Sono Boris. " * 30)
    await world.post(f"{INBOX}/{anna}/take", world.here.staff, None)
    with at_most(2) as seen:  # one of them asks who is calling
        page = await listed(world)
    assert len(seen) == 2
    assert [line["conversation_id"] for line in page["items"]] == [boris, anna]
    first, second = page["items"]
    assert (first["case"]["state"], second["case"]["state"]) == ("open", "assigned")
    assert (second["case"]["assignee_name"], second["unread"], second["staff_rev"]) == ("Olga", 1, 2)
    assert (first["preview"]["via"], first["preview"]["side"], len(first["preview"]["text"])) == (
        "whatsapp", "patient", 140,
    )  # fmt: skip
    counts = {"bot": 0, "open": 1, "assigned": 1, "snoozed": 0, "mine": 1, "waiting": 2, "escalated": 0, "unread": 2}
    assert page["counts"] == counts


async def test_the_inbox_can_be_filtered_by_each_thing_and_paged(world: World) -> None:
    desk = {"labels": ["vip"], "topics": [{"key": "pain", "names": []}]}
    await put(world, "/v1/staff/desk", desk)
    anna, boris = await asks(world), await boris_asks(world)
    await world.post(f"{INBOX}/{anna}/take", world.here.staff, None)
    await put(world, f"{INBOX}/{anna}/labels", {"labels": ["vip"]})
    await put(world, f"{INBOX}/{anna}/sorting", {"priority": 2, "topic": "pain"})
    await put(world, f"{INBOX}/{anna}/marks", {"delivered": 1, "read": 1}, 204)
    everything: tuple[tuple[dict[str, Any], list[str]], ...] = (
        ({"state": "assigned"}, [anna]), ({"state": "open"}, [boris]), ({"state": "live"}, [boris, anna]),
        ({"state": "closed"}, []), ({"assignee_id": str(world.here.staff_id)}, [anna]),
        ({"assignee_id": str(new_id())}, []), ({"branch_id": str(world.here.branch_id)}, [boris, anna]),
        ({"branch_id": str(world.there.branch_id)}, []), ({"label": "vip"}, [anna]), ({"topic": "pain"}, [anna]),
        ({"priority": 1}, [anna]), ({"priority": 3}, []), ({"unread": "true"}, [boris]),
        ({"label": "vip", "state": "open"}, []),
    )  # fmt: skip
    for wanted, expected in everything:
        found = [line["conversation_id"] for line in (await listed(world, **wanted))["items"]]
        assert found == expected, wanted
    assert (await listed(world, label="vip"))["counts"]["assigned"] == 1
    assert (await listed(world, label="vip"))["counts"]["open"] == 0
    page = await listed(world, limit=1)
    following = await listed(world, limit=1, cursor=page["next_cursor"])
    assert [line["conversation_id"] for line in (*page["items"], *following["items"])] == [boris, anna]
    assert following["next_cursor"] is None
    other = await world.get(INBOX, world.here.staff, params={"cursor": page["next_cursor"], "state": "open"})
    assert other.status_code == 422


async def test_who_is_too_late_to_take_a_case_is_told_who_has_it(world: World) -> None:
    anna = await asks(world)
    async with world.database.writing(world.here.scope) as writing:
        rita = (
            await writing.execute(
                text(
                    "insert into staff (clinic_id, id, account_id, name, permissions) select clinic_id, :id, :account,"
                    " 'Rita', permissions from staff where clinic_id = :clinic returning id"
                ),
                {"id": new_id(), "account": world.here.account_id, "clinic": world.here.clinic_id},
            )
        ).scalar_one()
    await put(world, f"{INBOX}/{anna}/assignment", {"staff_id": str(rita)})
    answer = await world.post(f"{INBOX}/{anna}/take", world.here.staff, None)
    assert (answer.status_code, answer.json()["code"]) == (409, "case-taken")
    assert answer.json()["taken_by"] == {"staff_id": str(rita), "name": "Rita"}
    assert (await listed(world))["items"][0]["case"]["assignee_name"] == "Rita"


async def test_two_clicks_at_once_leave_one_owner(world: World) -> None:
    anna = await asks(world)
    done = await asyncio.gather(*(world.post(f"{INBOX}/{anna}/take", world.here.staff, None) for _ in range(2)))
    assert [answer.status_code for answer in done] == [200, 200], "the same person twice is no race"
    assert (await listed(world))["counts"]["mine"] == 1


async def test_states_and_what_is_refused_of_them(world: World) -> None:
    anna = await asks(world)
    path = f"{INBOX}/{anna}/state"
    assert (await put(world, path, {"state": "snoozed", "until": "2100-01-01T09:00:00.000Z"}, 422))["errors"] == [
        {"pointer": "/until", "code": "not-ahead"}
    ]
    for wrong in (
        {"state": "bot"},
        {"state": "assigned"},
        {"state": "snoozed"},
        {"state": "open", "until": None, "x": 1},
    ):
        await put(world, path, wrong, 422)
    assert (await put(world, path, {"state": "closed"}))["closed_at"] is not None
    assert (await put(world, f"{INBOX}/{anna}/sorting", {"priority": 1}, 409))["code"] == "no-live-case"
    assert (await put(world, path, {"state": "open"}))["closed_at"] is None
    listed_cases = (await world.get(f"{INBOX}/{anna}/cases", world.here.staff)).json()["items"]
    assert [case["state"] for case in listed_cases] == ["open"]


async def test_a_patient_scores_a_closed_case_once(world: World) -> None:
    anna = await asks(world)
    await world.post(f"/v1/staff/patients/{world.here.patient_id}/messages", world.here.staff, message("Sì"))
    case_id = (await put(world, f"{INBOX}/{anna}/state", {"state": "closed"}))["case_id"]
    path = f"/v1/me/conversation/cases/{case_id}/score"
    await put(world, path, {"score": 6}, 422, world.here.patient)
    await put(world, path, {"score": 5, "words": "\x9b2J"}, 422, world.here.patient)
    for _ in range(2):
        await put(world, path, {"score": 4, "words": "Grazie"}, 204, world.here.patient)
    refused = await put(world, path, {"score": 5}, 409, world.here.patient)
    assert refused["code"] == "case-scored"
    (case,) = (await world.get(f"{INBOX}/{anna}/cases", world.here.staff)).json()["items"]
    assert (case["score"], case["score_words"]) == (4, "Grazie")
    told = (await world.get("/v1/me/conversation/events", world.here.patient)).text
    assert "Grazie" not in told


async def test_a_score_that_nobody_asked_for_is_not_taken(world: World) -> None:
    """Nobody answered; or the clinic did not ask. Asked once, it may be given whatever the desk says later."""
    anna = await asks(world)
    case_id = (await put(world, f"{INBOX}/{anna}/state", {"state": "closed"}))["case_id"]
    path = f"/v1/me/conversation/cases/{case_id}/score"
    assert (await put(world, path, {"score": 1}, 409, world.here.patient))["code"] == "score-not-asked"
    await asks(world)
    await world.post(f"/v1/staff/patients/{world.here.patient_id}/messages", world.here.staff, message("Sì"))
    await put(world, "/v1/staff/desk", {"asks_score": False})
    await put(world, f"{INBOX}/{anna}/state", {"state": "closed"})
    assert (await put(world, path, {"score": 1}, 409, world.here.patient))["code"] == "score-not-asked"
    await put(world, "/v1/staff/desk", {"asks_score": True})
    await put(world, f"{INBOX}/{anna}/state", {"state": "open"})
    await put(world, f"{INBOX}/{anna}/state", {"state": "closed"})
    await put(world, "/v1/staff/desk", {"asks_score": False})
    await put(world, path, {"score": 5}, 204, world.here.patient)


async def test_canned_replies_take_only_variables_there_are(world: World) -> None:
    anna = await asks(world)
    wrong = {"title": "Ciao", "body": "{{patient.phone}}"}
    refused = await world.post("/v1/staff/canned-replies", world.here.staff, wrong)
    assert refused.json()["errors"] == [{"pointer": "/body", "code": "unknown-variable"}]
    for left_open in ("{{patient_name", "{{{{patient_name}}}}", "{patient_name}}", "{{patient_name}} {{"):
        refused = await world.post("/v1/staff/canned-replies", world.here.staff, {**wrong, "body": left_open})
        assert refused.json()["errors"] == [{"pointer": "/body", "code": "unknown-variable"}], left_open
    body = "<b>{{patient_name}}</b> da {{ staff_name }}, {{clinic_name}} {{branch_name}}"
    made = await world.post("/v1/staff/canned-replies", world.here.staff, {"title": "Ciao", "body": body})
    assert made.status_code == 201
    reply_id = made.json()["reply_id"]
    filled = await world.get(f"{INBOX}/{anna}/canned-replies/{reply_id}", world.here.staff)
    assert filled.json() == {"body": "<b>Anna</b> da Olga, Rome Dental Centro"}
    await put(world, f"/v1/staff/canned-replies/{reply_id}", {"title": "Addio", "body": "A presto"})
    assert [
        each["title"] for each in (await world.get("/v1/staff/canned-replies", world.here.staff)).json()["items"]
    ] == ["Addio"]
    gone = await world.http.delete(f"/v1/staff/canned-replies/{reply_id}", headers=world.here.staff)
    assert gone.status_code == 204
    assert (await world.get("/v1/staff/canned-replies", world.here.staff)).json()["items"] == []


async def test_a_desk_keeps_so_many_texts_and_no_more(world: World) -> None:
    """Five add at once where one has room."""
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(
            text(
                "insert into canned_reply (clinic_id, id, title, body, language, changed_at) "
                "select :clinic, gen_random_uuid(), 'n', 'x', 'it', now() from generate_series(1, :most)"
            ),
            {"clinic": world.here.clinic_id, "most": MOST_CANNED - 1},
        )
    path, one = "/v1/staff/canned-replies", {"title": "Ciao", "body": "Ciao"}
    added = await asyncio.gather(*(world.post(path, world.here.staff, one) for _ in range(5)))
    assert sorted(each.status_code for each in added) == [201, 409, 409, 409, 409]
    assert {each.json()["code"] for each in added if each.status_code == 409} == {"too-many-canned-replies"}
    reply_id = next(each.json()["reply_id"] for each in added if each.status_code == 201)
    await put(world, f"{path}/{reply_id}", {"title": "Addio", "body": "A presto"})
    there = await world.post(path, world.there.staff, one)
    assert there.status_code == 201, "another clinic's are its own"
    await world.http.delete(f"{path}/{reply_id}", headers=world.here.staff)
    assert (await world.post(path, world.here.staff, one)).status_code == 201


async def test_answering_needs_one_right_and_setting_up_another(world: World) -> None:
    anna = await asks(world)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['chat.reply']"))
    await world.post(f"{INBOX}/{anna}/take", world.here.staff, None)
    assert (await world.get("/v1/staff/desk", world.here.staff)).status_code == 200
    await put(world, "/v1/staff/desk", {}, 403)
    await put(world, "/v1/staff/desk/rota", {"members": []}, 403)
    canned = await world.post("/v1/staff/canned-replies", world.here.staff, {"title": "Ciao", "body": "Ciao"})
    assert canned.status_code == 403
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update staff set permissions = array['clinic.manage']"))
    assert (await world.get(INBOX, world.here.staff)).status_code == 403
    assert (await world.post(f"{INBOX}/{anna}/take", world.here.staff, None)).status_code == 403
    assert (await world.post(f"{INBOX}/search", world.here.staff, {"words": "venire"})).status_code == 403


async def test_the_desk_is_set_up_and_read_back(world: World) -> None:
    desk = {
        "assigning": "rotation", "weekdays": [0, 1, 2, 3, 4], "escalate_minutes": 30,
        "escalate_to": str(world.here.staff_id), "asks_score": False, "labels": ["vip", "срочно"],
        "topics": [{"key": "pain", "names": [{"language": "it", "text": "Dolore"}],
                    "branch_id": str(world.here.branch_id)}],
        "away": [{"language": "it", "text": "Siamo chiusi.\nA domani"}],
    }  # fmt: skip
    assert await put(world, "/v1/staff/desk", desk) == desk
    wrong = {**desk, "escalate_to": str(world.there.staff_id)}
    assert (await put(world, "/v1/staff/desk", wrong, 422))["errors"][0]["pointer"] == "/escalate_to"
    twice = await put(world, "/v1/staff/desk", {**desk, "weekdays": [1, 1]}, 422)
    assert twice["errors"] == [{"pointer": "/weekdays", "code": "given-twice"}]
    member = {"staff_id": str(world.here.staff_id), "branch_ids": [], "topics": ["pain"], "paused": False}
    assert await put(world, "/v1/staff/desk/rota", {"members": [member]}) == {"members": [member]}
    assert await put(world, "/v1/staff/desk/duty", {"paused": True}) == {"paused": True}
    assert (await world.get("/v1/staff/desk/rota", world.here.staff)).json()["members"][0]["paused"]
    stranger = {**member, "staff_id": str(world.there.staff_id)}
    assert (await put(world, "/v1/staff/desk/rota", {"members": [stranger]}, 422))["errors"][0]["code"] == (
        "unknown-reference"
    )


async def test_a_patient_is_told_whether_somebody_is_there(world: World) -> None:
    told = (await world.get("/v1/me/conversation/desk", world.here.patient)).json()
    assert set(told) == {"open", "opens_at", "online", "replies"}
    assert told["open"] == (told["opens_at"] is None)
    assert told["replies"] == "unknown"


async def test_a_message_of_another_channel_comes_in_once(world: World) -> None:
    row = {"channel": "sms", "external_id": "m-1", "body": "Ciao", "address": world.here.phone}
    first = await world.post("/v1/partner/messages", world.here.partner, row)
    again = await world.post("/v1/partner/messages", world.here.partner, row)
    assert (first.status_code, again.status_code) == (201, 200)
    assert (first.json()["duplicate"], again.json()["duplicate"]) == (False, True)
    changed = await world.post("/v1/partner/messages", world.here.partner, {**row, "body": "Altro"})
    assert (changed.status_code, changed.json()["code"]) == (409, "external-id-reused")
    nobody = {**row, "external_id": "m-2", "address": "+390255509999"}
    assert (await world.post("/v1/partner/messages", world.here.partner, nobody)).status_code == 404
    events = (await world.get("/v1/me/conversation/events", world.here.patient)).json()["events"]
    assert [(each["message"]["via"], each["message"]["body"]) for each in events] == [("sms", "Ciao")]


async def test_one_row_does_not_take_a_phone_over_from_the_records_that_hold_it(world: World) -> None:
    async def bring(**whose: str) -> Any:
        row = {"channel": "whatsapp", "external_id": str(new_id()), "body": "Ciao", **whose}
        return await world.post("/v1/partner/messages", world.here.partner, row)

    facts = [patient_fact("carla", "Carla", world.here.phone)]  # as Anna's
    async with world.database.writing(world.here.scope) as writing:
        await take_patients(writing, world.here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
    phone = world.here.phone
    taken = await bring(patient="boris", address=phone)
    assert (taken.status_code, taken.json()["patient_id"]) == (201, str(world.here.other_patient_id))
    alone = await bring(address=phone)
    assert (alone.status_code, alone.json()["code"]) == (409, "sender-ambiguous")
    assert (await bring(patient="carla", address=phone)).status_code == 201  # it is hers too
    assert (await bring(address=phone)).status_code == 201


async def test_messages_are_searched_page_by_page_and_the_search_is_noted(world: World) -> None:
    for number in range(3):
        await asks(world, f"Ho un dente rotto {number}")
    await keep_words(world.database)
    found: list[str] = []
    cursor: str | None = None
    for _ in range(3):
        page = f"{INBOX}/search?limit=1" + (f"&cursor={cursor}" if cursor else "")
        answer = await world.post(page, world.here.staff, {"words": "denti rotti"})
        assert answer.status_code == 200, answer.text
        found += [each["excerpt"] for each in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
    assert (found, cursor) == ([f"Ho un dente rotto {number}" for number in (2, 1, 0)], None)
    async with world.database.reading(world.here.scope) as reading:
        noted = await reading.execute(text("select facts from event where kind = 'chat.searched'"))
        assert [row[0] for row in noted] == [{}, {}, {}]
    shown = (await world.get("/v1/me/privacy/reads", world.here.patient)).json()["items"]
    assert {(each["area"], each["reader"]) for each in shown} == {("chat", "staff")}


async def test_nobody_is_told_of_a_search_that_did_not_show_them(world: World) -> None:
    await asks(world, "Ho un dente rotto")
    await keep_words(world.database)
    assert (await world.post(f"{INBOX}/search", world.here.staff, {"words": "febbre"})).json()["items"] == []
    assert (await world.get("/v1/me/privacy/reads", world.here.patient)).json()["items"] == []
    answer = await world.get(f"{INBOX}/search?q=febbre", world.here.staff)  # words of ills stand in no address
    assert answer.status_code in (404, 405, 422)


async def test_whoever_reads_on_from_anywhere_leaves_one_trace_an_hour(world: World) -> None:
    conversation = f"{INBOX}/{await asks(world)}"
    await asks(world, "Ho la febbre")
    olga, patient = Actor(ActorKind.STAFF, world.here.staff_id), world.here.patient_id
    async with world.database.writing(world.here.scope) as writing:
        earlier = [Happening("chat.read", patient, patient_id=patient)]
        await record(writing, world.here.clinic_id, olga, earlier, now() - timedelta(minutes=61))
    assert await times_looked_at(world) == 1
    for path in ("events?after=1", "events?before=3", "events?after=2&log=p", "cases", "events"):
        assert (await world.get(f"{conversation}/{path}", world.here.staff)).status_code == 200
    assert await times_looked_at(world) == 2


async def times_looked_at(world: World) -> int:
    shown = (await world.get("/v1/me/privacy/reads", world.here.patient)).json()["items"]
    return len([each for each in shown if each["area"] == "chat"])
