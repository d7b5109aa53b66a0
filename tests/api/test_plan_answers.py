"""A patient answers an offer: exactly the offer they saw, once, and the clinic's system learns of it."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from pypdf import PdfReader
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from core.clock import now
from tests.world import World

EUR = {"currency": "EUR"}
LATER = (now().date() + timedelta(days=30)).isoformat()


def item(minor: int, **more: Any) -> dict[str, Any]:
    return {"name": "Filling", "unit_price": {"amount_minor": minor, **EUR}, **more}


def plan(version: int = 1, external_id: str = "p1", **more: Any) -> dict[str, Any]:
    stages = [
        {"title": "Caries", "visits": 2, "duration_days": 14, "items": [item(10_000), item(5_000)]},
        {"title": "Crown", "visits": 1, "duration_days": 7, "depends_on": [0], "items": [item(60_000)]},
        {"title": "Hygiene", "items": [item(8_000)]},
    ]
    told = {"external_id": external_id, "version": version, "patient": "anna", "title": "Plan A", "currency": "EUR"}
    return {**told, "valid_until": LATER, "stages": stages, **more}


def dearer(by: int, **more: Any) -> dict[str, Any]:
    risen = plan(**more)
    risen["stages"][0]["items"][0] = item(10_000 + by)
    return risen


async def push(world: World, *plans: dict[str, Any]) -> list[str]:
    answer = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": list(plans)})
    assert answer.status_code == 200, answer.text
    assert answer.json()["refusals"] == []
    return [row["id"] for row in answer.json()["rows"]]


async def seen(world: World, plan_id: str) -> dict[str, Any]:
    answer = await world.get(f"/v1/me/plans/{plan_id}", world.here.patient)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def sha_of(world: World, plan_id: str) -> str:
    return str((await seen(world, plan_id))["offer"]["sha256"])


async def accept(world: World, plan_id: str, sha256: str, *stages: int) -> httpx.Response:
    body = {"offer_sha256": sha256, "stages": list(stages), "language": "it"}
    return await world.post(f"/v1/me/plans/{plan_id}/acceptance", world.here.patient, body)


async def decline(world: World, plan_id: str, sha256: str, *stages: int, **more: Any) -> httpx.Response:
    body = {"offer_sha256": sha256, "stages": list(stages), "language": "ru", "reason": "too_expensive", **more}
    return await world.post(f"/v1/me/plans/{plan_id}/decline", world.here.patient, body)


async def offers(world: World, plan_id: str) -> list[dict[str, Any]]:
    path = f"/v1/staff/patients/{world.here.patient_id}/plans/{plan_id}/offers"
    answer = await world.get(path, world.here.staff)
    assert answer.status_code == 200, answer.text
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


async def events(world: World, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """By kind: what is recorded in one moment has no order."""
    asked = text("select kind, facts from event where kind = any(:kinds) order by kind, facts::text")
    async with world.database.reading(world.here.scope) as reading:
        return [(row.kind, row.facts) for row in await reading.execute(asked, {"kinds": list(kinds)})]


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_a_whole_plan_is_accepted_with_what_the_clinics_system_must_know(world: World) -> None:
    [plan_id] = await push(world, plan())
    before = await seen(world, plan_id)
    assert (before["status"], before["offer"]["number"], before["offer"]["answered"]) == ("proposed", 1, None)
    answer = await accept(world, plan_id, before["offer"]["sha256"])
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert (after["status"], after["offer"]["answered"]) == ("accepted", "accepted")
    assert [stage["answered"] for stage in after["stages"]] == ["accepted"] * 3
    assert await events(world, "plan.accepted", "stage.accepted") == [
        ("plan.accepted", {"offer": 1, "sha256": before["offer"]["sha256"], "stages": []})
    ]


async def test_the_fingerprint_is_of_the_text_that_is_kept(world: World) -> None:
    [plan_id] = await push(world, plan())
    async with world.database.reading(world.here.scope) as reading:
        row = (await reading.execute(text("select snapshot, sha256 from plan_offer"))).one()
    assert hashlib.sha256(row.snapshot.encode()).hexdigest() == row.sha256 == await sha_of(world, plan_id)


async def test_an_older_offer_is_refused_as_changed_whatever_became_of_the_plan(world: World) -> None:
    [plan_id] = await push(world, plan())
    old = await sha_of(world, plan_id)
    await push(world, plan(2, title="Plan B"))
    assert outcome(await accept(world, plan_id, old)) == (412, "offer-changed")
    assert outcome(await decline(world, plan_id, old)) == (412, "offer-changed")
    assert outcome(await accept(world, plan_id, "0" * 64)) == (412, "offer-changed")
    assert (await accept(world, plan_id, await sha_of(world, plan_id))).status_code == 200
    assert outcome(await accept(world, plan_id, old)) == (412, "offer-changed")


async def test_an_offer_that_ran_out_is_refused_until_it_is_offered_again(world: World) -> None:
    yesterday = (now().date() - timedelta(days=2)).isoformat()
    [plan_id] = await push(world, plan(valid_until=yesterday))
    sha256 = await sha_of(world, plan_id)
    assert outcome(await accept(world, plan_id, sha256)) == (409, "offer-expired")
    assert outcome(await decline(world, plan_id, sha256)) == (409, "offer-expired")
    await push(world, plan(2))
    assert (await accept(world, plan_id, await sha_of(world, plan_id))).status_code == 200


async def test_a_rise_in_price_does_not_alter_an_offer_that_holds(world: World) -> None:
    [plan_id] = await push(world, plan())
    before = await seen(world, plan_id)
    risen = dearer(100, version=2)
    risen["stages"][2]["items"][0]["status"] = "completed"
    await push(world, risen)
    held = await seen(world, plan_id)
    assert held["offer"] == before["offer"]
    assert held["cost"] == before["cost"]
    assert held["stages"][2]["status"] == "done"  # what is no price is taken in
    await push(world, dearer(100, version=3, valid_until=None))
    after = await seen(world, plan_id)
    assert after["offer"]["number"] == 2
    assert after["cost"]["patient"]["amount_minor"] == before["cost"]["patient"]["amount_minor"] + 100


async def test_a_rise_that_is_not_taken_in_is_told_to_the_sender_and_changes_nothing(world: World) -> None:
    await push(world, plan())
    for version in (2, 3):
        answer = await world.post(
            "/v1/partner/sync/plans", world.here.partner, {"items": [dearer(100, version=version)]}
        )
        [row] = answer.json()["rows"]
        assert (row["outcome"], row["remark"]) == ("unchanged", "price-held")
    assert await events(world, "plan.updated") == []
    answer = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [plan(4, title="Other words")]})
    assert [(row["outcome"], row["remark"]) for row in answer.json()["rows"]] == [("updated", None)]


async def test_a_word_mended_beside_does_not_unlock_the_price(world: World) -> None:
    [plan_id] = await push(world, plan())
    before = await seen(world, plan_id)
    risen = dearer(5_000, version=2)
    risen["stages"][2]["items"][0]["explanation"] = "Mended"
    await push(world, risen)
    after = await seen(world, plan_id)
    assert after["stages"][2]["items"][0]["explanation"] == "Mended"
    assert (after["offer"]["number"], after["cost"]) == (2, before["cost"])


async def test_once_treatment_goes_on_another_price_is_offered_and_must_be_accepted(world: World) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id))
    await push(world, plan(2, status="in_progress"))
    await push(world, dearer(5_000, version=3, status="in_progress"))
    shown = await seen(world, plan_id)
    assert (shown["status"], shown["offer"]["number"], shown["offer"]["answered"]) == ("in_progress", 2, "again")
    assert shown["cost"]["patient"]["amount_minor"] == 88_000


async def test_what_becomes_cheaper_is_a_new_offer_at_once(world: World) -> None:
    [plan_id] = await push(world, plan())
    await push(world, dearer(-100, version=2))
    assert (await seen(world, plan_id))["offer"]["number"] == 2


async def test_a_change_of_what_was_accepted_must_be_accepted_again(world: World) -> None:
    [plan_id] = await push(world, plan())
    first = await sha_of(world, plan_id)
    await accept(world, plan_id, first)
    await push(world, plan(2, status="accepted"))  # the clinic's system has heard of it
    assert (await seen(world, plan_id))["offer"]["number"] == 1
    await push(world, plan(3, status="accepted", title="With a better crown"))
    changed = await seen(world, plan_id)
    assert (changed["status"], changed["offer"]["number"], changed["offer"]["answered"]) == ("proposed", 2, "again")
    assert [stage["answered"] for stage in changed["stages"]] == [None] * 3
    assert (await accept(world, plan_id, changed["offer"]["sha256"])).json()["status"] == "accepted"
    history = await offers(world, plan_id)
    assert [(offer["number"], [said["verdict"] for said in offer["answers"]]) for offer in history] == [
        (2, ["accepted"]),
        (1, ["accepted"]),
    ]
    assert history[1]["content"]["title"] == "Plan A"
    assert history[1]["sha256"] == first


async def test_that_treatment_goes_on_leaves_the_answer_alone(world: World) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id), 0)
    begun = plan(2, status="in_progress")
    begun["stages"][0]["items"][0]["status"] = "completed"
    await push(world, begun)
    shown = await seen(world, plan_id)
    assert (shown["offer"]["number"], shown["offer"]["answered"]) == (1, "accepted")
    assert [stage["answered"] for stage in shown["stages"]] == ["accepted", None, None]
    assert shown["progress"] == {"items": 4, "items_done": 1}


async def test_stages_are_accepted_one_by_one_in_the_order_they_need(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    assert outcome(await accept(world, plan_id, sha256, 1)) == (409, "stage-needs-another")
    assert outcome(await accept(world, plan_id, sha256, 7)) == (422, "unknown-stage")
    assert (await accept(world, plan_id, sha256, 0)).json()["status"] == "accepted"
    assert outcome(await decline(world, plan_id, sha256, 0)) == (409, "offer-decided")
    assert outcome(await decline(world, plan_id, sha256)) == (409, "offer-decided")
    assert (await decline(world, plan_id, sha256, 2)).status_code == 200
    last = (await accept(world, plan_id, sha256, 1)).json()
    assert [stage["answered"] for stage in last["stages"]] == ["accepted", "accepted", "declined"]
    facts = {"offer": 1, "sha256": sha256}
    assert await events(world, "plan.accepted", "stage.accepted", "stage.declined", "plan.declined") == [
        ("plan.accepted", {**facts, "stages": [0]}),
        ("stage.accepted", {**facts, "stage": 0}),
        ("stage.accepted", {**facts, "stage": 1}),
        ("stage.declined", {**facts, "reason": "too_expensive", "stage": 2}),
    ]


async def test_a_decline_tells_its_reason_and_only_staff_reads_the_note(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    declined = await decline(world, plan_id, sha256, note="La mia banca dice di no.")
    assert declined.json()["status"] == "declined"
    assert "banca" not in declined.text
    assert await events(world, "plan.declined") == [
        ("plan.declined", {"offer": 1, "sha256": sha256, "reason": "too_expensive", "stages": []})
    ]
    [said] = (await offers(world, plan_id))[0]["answers"]
    assert (said["verdict"], said["reason"], said["note"], said["how"], said["language"], said["stage"]) == (
        "declined", "too_expensive", "La mia banca dice di no.", "click", "ru", None,
    )  # fmt: skip
    assert UUID(said["by_id"]) == world.here.account_id
    await push(world, plan(2, status="declined"))
    await push(world, plan(3, status="proposed"))
    again = await seen(world, plan_id)
    assert (again["status"], again["offer"]["number"], again["offer"]["sha256"]) == ("proposed", 2, sha256)
    assert (await accept(world, plan_id, sha256)).status_code == 200


async def test_of_several_plans_one_is_chosen(world: World) -> None:
    bridge = [{"title": "Bridge", "visits": 3, "items": [item(90_000)]}]
    implant, other, draft = await push(
        world,
        plan(group="2026", pros=["Lasts long"], cons=["Takes time"]),
        plan(group="2026", external_id="p2", title="With a bridge", stages=bridge),
        plan(group="2026", external_id="p3", status="draft"),
    )
    compared = await world.get("/v1/me/plans/groups/2026", world.here.patient)
    assert compared.status_code == 200, compared.text
    assert [
        (each["plan_id"], each["cost"]["patient"]["amount_minor"], each["visits"], each["duration_days"], each["pros"])
        for each in compared.json()["items"]
    ] == [(implant, 83_000, 3, 21, ["Lasts long"]), (other, 90_000, 3, None, [])]
    bridge_sha = await sha_of(world, other)
    assert (await accept(world, implant, await sha_of(world, implant))).status_code == 200
    assert (await seen(world, other))["status"] == "not_chosen"
    assert outcome(await accept(world, other, bridge_sha)) == (409, "other-plan-chosen")
    assert [kind for kind, _ in await events(world, "plan.accepted", "plan.not_chosen")] == [
        "plan.accepted", "plan.not_chosen",
    ]  # fmt: skip
    assert (await world.get(f"/v1/me/plans/{draft}", world.here.patient)).status_code == 404


async def test_a_change_of_the_chosen_plan_is_declined_before_another_is_chosen(world: World) -> None:
    chosen, other = await push(world, plan(group="g"), plan(group="g", external_id="p2", title="B"))
    await accept(world, chosen, await sha_of(world, chosen))
    changed = plan(2, group="g", status="accepted", title="Changed")
    await push(world, changed, plan(2, "p2", group="g", title="B changed"))
    assert (await seen(world, other))["status"] == "not_chosen"
    assert outcome(await accept(world, other, await sha_of(world, other))) == (409, "other-plan-chosen")
    await decline(world, chosen, await sha_of(world, chosen))
    await push(world, plan(version=3, group="g", external_id="p2", title="B changed again"))
    assert (await accept(world, other, await sha_of(world, other))).status_code == 200
    assert [(await seen(world, each))["status"] for each in (chosen, other)] == ["declined", "accepted"]


async def test_when_the_chosen_plan_is_stopped_another_with_new_content_is_open_again(world: World) -> None:
    chosen, other = await push(world, plan(group="g"), plan(group="g", external_id="p2", title="B"))
    await accept(world, chosen, await sha_of(world, chosen))
    await push(world, plan(2, status="accepted", group="g"))
    new = {"group": "g", "external_id": "p2"}
    await push(world, plan(3, status="stopped", group="g"), plan(2, title="B new", **new))
    assert (await seen(world, other))["status"] == "proposed"
    assert (await accept(world, other, await sha_of(world, other))).status_code == 200


@pytest.mark.parametrize("group", ["anna/46", "..", "/"])
async def test_the_name_of_a_group_stands_in_a_path(world: World, group: str) -> None:
    answer = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [plan(group=group)]})
    [refused] = answer.json()["refusals"]
    assert refused["errors"][0]["pointer"] == "/group"


async def insisting(call: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
    """As an app does that is told to come again: on a slow machine two hundred wait too long for a connection."""
    for _ in range(20):
        answer = await call()
        if answer.status_code != 503:
            break
    return answer


async def test_two_hundred_answers_at_once_are_one_answer(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    said = [
        partial(accept, world, plan_id, sha256),
        partial(decline, world, plan_id, sha256),
        partial(accept, world, plan_id, sha256, 0),
        partial(decline, world, plan_id, sha256, 0, 1, 2),
    ]
    answers = await asyncio.gather(*[insisting(said[turn % 4]) for turn in range(200)])
    told = Counter(outcome(answer) for answer in answers)
    stages = (await seen(world, plan_id))["stages"]
    [offer] = await offers(world, plan_id)
    for place in range(3):
        of_stage = [each for each in offer["answers"] if each["stage"] in (None, place)]
        assert len(of_stage) == 1, "each stage was answered once, whoever was faster"
    assert len({each["verdict"] for each in offer["answers"]} | {stage["answered"] for stage in stages}) == 1
    assert told == {(200, ""): 100, (409, "offer-decided"): 100}, "who said the same was told that it is said"
    assert len(await events(world, "plan.accepted", "plan.declined")) == 1


async def test_two_hundred_choices_among_two_plans_choose_one(world: World) -> None:
    both = await push(world, plan(group="2026"), plan(group="2026", external_id="p2", title="With a bridge"))
    shas = [await sha_of(world, each) for each in both]
    said = [partial(accept, world, plan_id, sha256) for plan_id, sha256 in zip(both, shas, strict=True)]
    answers = await asyncio.gather(*[insisting(said[turn % 2]) for turn in range(200)])
    assert Counter(answer.status_code for answer in answers) == {200: 100, 409: 100}
    [said] = [each for plan_id in both for offer in await offers(world, plan_id) for each in offer["answers"]]
    assert said["verdict"] == "accepted"
    statuses = sorted([(await seen(world, each))["status"] for each in both])
    assert statuses == ["accepted", "not_chosen"]


async def test_an_answer_while_the_doctor_changes_the_plan_is_to_one_offer_or_refused(world: World) -> None:
    for turn in range(10):
        name = f"p{turn}"
        [plan_id] = await push(world, plan(1, name))
        sha256 = await sha_of(world, plan_id)
        answer, _ = await asyncio.gather(
            accept(world, plan_id, sha256), push(world, plan(2, name, title="Changed meanwhile"))
        )
        history = await offers(world, plan_id)
        shown = await seen(world, plan_id)
        assert [offer["number"] for offer in history] == [2, 1]
        assert (shown["status"], history[0]["answers"]) == ("proposed", [])
        assert outcome(answer) in ((200, ""), (412, "offer-changed"))
        assert len(history[1]["answers"]) == (answer.status_code == 200)
        assert shown["offer"]["answered"] == ("again" if answer.status_code == 200 else None)


async def test_a_withdrawn_offer_is_gone_until_the_plan_is_offered_anew(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    path = f"/v1/staff/patients/{world.here.patient_id}/plans/{plan_id}/withdrawal"
    taken = await world.post(path, world.here.staff, {"note": "A wrong price"})
    assert taken.status_code == 200, taken.text
    assert [said["verdict"] for said in taken.json()["items"][0]["answers"]] == ["withdrawn"]
    assert (await world.get(f"/v1/me/plans/{plan_id}", world.here.patient)).status_code == 404
    assert outcome(await accept(world, plan_id, sha256)) == (409, "offer-withdrawn")
    assert outcome(await world.post(path, world.here.staff, {})) == (409, "offer-withdrawn")
    await push(world, dearer(100, version=2))  # no lock: the offer it would be held to was taken back
    anew = await seen(world, plan_id)
    assert (anew["status"], anew["offer"]["number"]) == ("proposed", 2)
    assert (await accept(world, plan_id, anew["offer"]["sha256"])).status_code == 200
    assert outcome(await world.post(path, world.here.staff, {})) == (409, "offer-decided")


async def test_the_change_of_an_accepted_plan_is_not_withdrawn_but_told_anew(world: World) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id))
    await push(world, plan(2, status="accepted", title="Changed"))
    path = f"/v1/staff/patients/{world.here.patient_id}/plans/{plan_id}/withdrawal"
    assert outcome(await world.post(path, world.here.staff, {})) == (409, "offer-decided")
    assert (await seen(world, plan_id))["offer"]["answered"] == "again"


async def test_said_again_after_a_lost_answer_it_is_the_same_answer(world: World) -> None:
    [plan_id] = await push(world, plan())
    sha256 = await sha_of(world, plan_id)
    for _ in range(2):
        assert (await accept(world, plan_id, sha256, 2)).status_code == 200
    whole = await accept(world, plan_id, sha256)
    assert [stage["answered"] for stage in whole.json()["stages"]] == ["accepted"] * 3
    assert (await accept(world, plan_id, sha256)).json() == whole.json()
    [offer] = await offers(world, plan_id)
    assert sorted(said["stage"] for said in offer["answers"]) == [0, 1, 2]
    await push(world, plan(2, title="Changed"))
    assert outcome(await accept(world, plan_id, sha256)) == (412, "offer-changed")


async def test_a_code_that_was_spent_is_not_asked_for_again(world: World) -> None:
    [plan_id] = await push(world, plan())
    body = {"offer_sha256": await sha_of(world, plan_id), "language": "it"}
    await world.post(f"/v1/me/plans/{plan_id}/acceptance-code", world.here.patient, body)
    signed = {**body, "method": "code", "code": world.last_code(world.here.phone)}
    for _ in range(2):
        assert (await world.post(f"/v1/me/plans/{plan_id}/acceptance", world.here.patient, signed)).status_code == 200
    again = await world.post(f"/v1/me/plans/{plan_id}/acceptance-code", world.here.patient, body)
    assert outcome(again) == (409, "offer-decided")


async def test_a_plan_in_which_nothing_is_left_to_do_cannot_be_answered(world: World) -> None:
    [plan_id] = await push(world, plan(stages=[{"title": "Gone", "items": [item(100, status="cancelled")]}]))
    assert outcome(await accept(world, plan_id, await sha_of(world, plan_id))) == (409, "offer-decided")
    assert (await seen(world, plan_id))["status"] == "proposed"


async def test_what_was_offered_and_answered_cannot_be_altered(world: World) -> None:
    [plan_id] = await push(world, plan())
    await accept(world, plan_id, await sha_of(world, plan_id))
    for change in (
        "update plan_offer set sha256 = ''", "delete from plan_offer",
        "update offer_answer set verdict = 'declined'", "delete from offer_answer",
    ):  # fmt: skip
        with pytest.raises(ProgrammingError, match="permission denied"):
            async with world.database.writing(world.here.scope) as writing:
                await writing.execute(text(change))


@pytest.mark.parametrize(
    "more",
    [
        {"price": 1}, {"stages": [{"position": 0, "cost": 1}]}, {"stages": [-1]}, {"stages": [20]},
        {"offer_sha256": "A" * 64}, {"currency": "JPY"}, {"stages": ["0"]}, {"language": "xx"},
    ],
)  # fmt: skip
async def test_nothing_but_a_fingerprint_and_stages_is_taken(world: World, more: dict[str, Any]) -> None:
    [plan_id] = await push(world, plan())
    body = {"offer_sha256": await sha_of(world, plan_id), "language": "it", **more}
    answer = await world.post(f"/v1/me/plans/{plan_id}/acceptance", world.here.patient, body)
    assert answer.status_code == 422


async def test_a_code_to_the_phone_accepts_the_plan_it_was_sent_for(world: World) -> None:
    first, second = await push(world, plan(), plan(external_id="p2", title="Another"))
    sha256 = await sha_of(world, first)
    body = {"offer_sha256": sha256, "language": "it"}
    sent = await world.post(f"/v1/me/plans/{first}/acceptance-code", world.here.patient, body)
    assert sent.status_code == 202, sent.text
    code = world.last_code(world.here.phone)
    other = {**body, "offer_sha256": await sha_of(world, second), "method": "code", "code": code}
    assert outcome(await world.post(f"/v1/me/plans/{second}/acceptance", world.here.patient, other)) == (
        401, "code-wrong",
    )  # fmt: skip
    wrong = {**body, "method": "code", "code": f"{(int(code) + 1) % 1_000_000:06d}"}
    path = f"/v1/me/plans/{first}/acceptance"
    assert outcome(await world.post(path, world.here.patient, wrong)) == (401, "code-wrong")
    accepted = await world.post(path, world.here.patient, {**wrong, "code": code})
    assert accepted.status_code == 200, accepted.text
    [offer] = await offers(world, first)
    assert [said["how"] for said in offer["answers"]] == ["code"]
    assert (await seen(world, second))["status"] == "proposed"


async def test_tries_at_a_code_are_counted_and_end(world: World) -> None:
    [plan_id] = await push(world, plan())
    body = {"offer_sha256": await sha_of(world, plan_id), "language": "it"}
    await world.post(f"/v1/me/plans/{plan_id}/acceptance-code", world.here.patient, body)
    code = world.last_code(world.here.phone)
    wrong = {**body, "method": "code", "code": f"{(int(code) + 1) % 1_000_000:06d}"}
    path = f"/v1/me/plans/{plan_id}/acceptance"
    for _ in range(5):
        assert (await world.post(path, world.here.patient, wrong)).status_code == 401
    assert outcome(await world.post(path, world.here.patient, {**wrong, "code": code})) == (401, "code-wrong")
    assert (await seen(world, plan_id))["status"] == "proposed"


async def test_a_drawn_signature_is_kept_with_the_answer(world: World) -> None:
    [plan_id] = await push(world, plan())
    strokes = [{"x": [100, 300, 500], "y": [200, 50, 300]}]
    body = {"offer_sha256": await sha_of(world, plan_id), "language": "zh", "method": "drawn", "strokes": strokes}
    path = f"/v1/me/plans/{plan_id}/acceptance"
    dot = {**body, "strokes": [{"x": [1], "y": [1]}]}
    assert (await world.post(path, world.here.patient, dot)).status_code == 422
    assert (await world.post(path, world.here.patient, {**body, "method": "click"})).status_code == 422
    assert (await world.post(path, world.here.patient, body)).status_code == 200
    async with world.database.reading(world.here.scope) as reading:
        row = (await reading.execute(text("select how, strokes, session_id from offer_answer"))).one()
    assert (row.how, row.strokes) == ("drawn", strokes)
    assert row.session_id is not None


@pytest.mark.parametrize(("language", "words"), [("it", "in attesa"), ("zh", "等待您的答复"), ("fr", "waits")])
async def test_the_paper_speaks_the_readers_language(world: World, language: str, words: str) -> None:
    [plan_id] = await push(world, plan())
    headers = {**world.here.patient, "accept-language": language}
    answer = await world.get(f"/v1/me/plans/{plan_id}/plan.pdf", headers)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    told = "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages)
    assert words in told
    assert "Anna Rossi" in told
    assert await sha_of(world, plan_id) in told


GRANT = text(
    "insert into access (clinic_id, id, account_id, patient_id, relation, granted_at, scopes)"
    " values (:clinic, gen_random_uuid(), :account, :patient, 'carer', now(), :scopes)"
)


async def care(world: World, *scopes: str) -> str:
    """Anna cares for Boris, as far as `scopes` go; the address of his plans for her."""
    here = world.here
    named = {"clinic": here.clinic_id, "account": here.account_id, "patient": here.other_patient_id}
    async with world.database.writing(here.scope) as writing:
        await writing.execute(GRANT, {**named, "scopes": list(scopes)})
    return f"/v1/patients/{here.other_patient_id}/plans"


async def test_a_carer_reads_and_signs_only_what_was_granted(world: World) -> None:
    [plan_id] = await push(world, plan(patient="boris"))
    path = f"/v1/patients/{world.here.other_patient_id}/plans"
    assert (await world.get(path, world.here.patient)).status_code == 404
    await care(world, "view_plan")
    listed = await world.get(path, world.here.patient)
    assert listed.status_code == 200, listed.text
    [shown] = listed.json()["items"]
    body = {"offer_sha256": shown["offer"]["sha256"], "language": "it"}
    for act, more in (("acceptance", {}), ("decline", {"reason": "other"}), ("acceptance-code", {})):
        answer = await world.post(f"{path}/{plan_id}/{act}", world.here.patient, {**body, **more})
        assert outcome(answer) == (403, "access-too-narrow")
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set scopes = array['view_plan', 'sign'] where relation = 'carer'"))
    assert (await world.post(f"{path}/{plan_id}/acceptance", world.here.patient, body)).status_code == 200


async def test_what_is_owed_is_told_beside_a_plan_only_to_who_may_see_money(world: World) -> None:
    [plan_id] = await push(world, plan(patient="boris"))
    books = {"external_id": "e1", "version": 1, "patient": "boris", "plan": "p1", "posted_on": "2026-11-01"}
    charge = {**books, "kind": "charge", "amount": {"amount_minor": 15_000, **EUR}}
    await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": [charge]})
    path = await care(world, "view_plan")

    async def told() -> list[Any]:
        one = (await world.get(f"{path}/{plan_id}", world.here.patient)).json()
        [listed] = (await world.get(path, world.here.patient)).json()["items"]
        accounts = [each["account"] for each in (one, listed)]
        return [each and each["owed"]["amount_minor"] for each in accounts]

    assert await told() == [None, None]
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set scopes = array['view_plan', 'pay'] where relation = 'carer'"))
    assert await told() == [15_000, 15_000]
    desk = f"/v1/staff/patients/{world.here.other_patient_id}/plans"
    assert (await world.get(desk, world.here.staff)).json()["items"][0]["account"] is not None
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update staff set permissions = array_remove(permissions, 'finance.read')"))
    assert (await world.get(desk, world.here.staff)).json()["items"][0]["account"] is None


async def test_a_private_plan_is_not_there_for_anybody_but_its_patient(world: World) -> None:
    open_one, private = await push(
        world, plan(patient="boris", group="g"), plan(patient="boris", external_id="p2", private=True, group="g")
    )
    path = await care(world, "view_plan", "sign")
    listed = await world.get(path, world.here.patient)
    assert [each["plan_id"] for each in listed.json()["items"]] == [open_one]
    compared = await world.get(f"{path}/groups/g", world.here.patient)
    assert [each["plan_id"] for each in compared.json()["items"]] == [open_one]
    assert (await world.get(f"{path}/{private}", world.here.patient)).status_code == 404
    assert (await world.get(f"{path}/{private}/plan.pdf", world.here.patient)).status_code == 404
    async with world.database.sweeping() as sweeping:
        named = text("select offer_sha256 from plan where id = :id")
        sha256 = (await sweeping.execute(named, {"id": private})).scalar_one()
    body = {"offer_sha256": sha256, "language": "it"}
    answer = await world.post(f"{path}/{private}/acceptance", world.here.patient, body)
    assert outcome(answer) == (404, "not-found")


async def test_a_plan_tells_what_was_paid_of_it_and_of_its_stages(world: World) -> None:
    paid, unpaid = await push(world, plan(), plan(external_id="unpaid"))
    told = {"version": 1, "patient": "anna", "plan": "p1", "posted_on": "2026-11-01"}
    books = [
        {**told, "external_id": "e1", "kind": "charge", "amount": {"amount_minor": 15_000, **EUR}, "stage": 0},
        {**told, "external_id": "e2", "kind": "payment", "amount": {"amount_minor": 4_000, **EUR}, "stage": 0},
        {**told, "external_id": "e3", "kind": "payment", "amount": {"amount_minor": 1_000, **EUR}},
    ]
    answer = await world.post("/v1/partner/sync/ledger", world.here.partner, {"items": books})
    assert answer.json()["created"] == 3, answer.text
    account = (await seen(world, paid))["account"]
    assert (account["paid"]["amount_minor"], account["owed"]["amount_minor"]) == (5_000, 10_000)
    [stage] = account["stages"]
    assert (stage["stage"], stage["paid"]["amount_minor"], stage["owed"]["amount_minor"]) == (0, 4_000, 11_000)
    assert (await seen(world, unpaid))["account"] is None
