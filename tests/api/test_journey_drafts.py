"""Journeys over HTTP: written, checked, published with a preview, halted, ended; and one patient's way through."""

from typing import Any

from core.ids import new_id
from tests.api.journeying import draft, enrolment, recall, running
from tests.api.test_journeys import staff_who_is
from tests.world import World


async def test_a_draft_is_changed_by_who_has_read_it_and_then_published(world: World) -> None:
    made = await draft(world, world.here)
    assert (made["version"], made["state"]) == (0, "draft")
    path = f"/v1/staff/journey-drafts/{made['journey_id']}"
    body = {"digest": made["digest"], "journey": {**made["journey"], "name": "Another name"}}
    changed = await world.http.put(path, headers=world.here.staff, json=body)
    assert changed.status_code == 200, changed.text
    assert (await world.http.put(path, headers=world.here.staff, json=body)).status_code == 412
    journey = f"/v1/staff/journeys/{made['journey_id']}"
    preview = (await world.get(f"{journey}/publishing", world.here.staff)).json()
    assert preview["check"] == {"faults": [], "reach": {"messages": 1, "days": 5, "around_visit": False}}
    assert {each["carrying"] for each in preview["choices"]} == {"newcomers", "move", "restart", "leave"}
    stale = await world.post(f"{journey}/publish", world.here.staff, {"digest": made["digest"]})
    assert stale.json()["code"] == "stale-version"
    digest = changed.json()["digest"]
    published = (await world.post(f"{journey}/publish", world.here.staff, {"digest": digest})).json()
    assert (published["version"], published["state"], published["digest"]) == (1, "active", digest)
    gone = await world.http.delete(path, headers=world.here.staff)
    assert gone.json()["code"] == "journey-not-a-draft"


async def test_faults_have_a_place_before_and_as_it_is_published(world: World) -> None:
    steps: list[dict[str, Any]] = [
        {"id": "gift", "kind": "coupon", "promotion_id": str(new_id()), "next": "gift"},
        {"id": "text", "kind": "message", "notice": "offer"},
    ]
    body = {"journey": recall("wrong", steps=steps)}
    told = (await world.post("/v1/staff/journeys/check", world.here.staff, body)).json()
    assert told["reach"] is None
    assert {"pointer": "/steps/0/next", "code": "not-a-later-step"} in told["faults"]
    assert {"pointer": "/steps/1/notice", "code": "not-for-this-purpose"} in told["faults"]
    made = await draft(world, world.here, steps=steps)
    path = f"/v1/staff/journeys/{made['journey_id']}/publish"
    refused = await world.post(path, world.here.staff, {"digest": made["digest"]})
    assert refused.status_code == 422
    assert refused.json()["errors"] == told["faults"]


async def test_what_the_format_refuses_is_refused_with_its_place(world: World) -> None:
    steps = [{"id": "wait", "kind": "wait", "days": 3, "notice": "recall"}]
    body = {"journey": recall("odd", steps=steps)}
    refused = await world.post("/v1/staff/journey-drafts", world.here.staff, body)
    assert refused.json()["errors"] == [{"pointer": "/journey/steps/0", "code": "members-do-not-fit-the-kind"}]


async def test_a_journey_is_halted_goes_on_ends_and_comes_back(world: World) -> None:
    first = await running(world, world.here)
    journey = f"/v1/staff/journeys/{first['journey_id']}"
    states = [
        (await world.post(f"{journey}/{verb}", world.here.staff, {})).json()["state"]
        for verb in ("pause", "resume", "stop")
    ]
    assert states == ["paused", "active", "stopped"]
    again = await world.post(f"{journey}/publish-again", world.here.staff, {})
    assert again.status_code == 200, again.text
    listed = (await world.get(f"{journey}/versions", world.here.staff)).json()["items"]
    assert [(each["version"], each["state"], each["on_it"]) for each in listed] == [
        (2, "active", 0), (1, "stopped", 0),
    ]  # fmt: skip


async def test_a_draft_that_never_ran_is_published_and_not_brought_back(world: World) -> None:
    made = await draft(world, world.here)
    refused = await world.post(f"/v1/staff/journeys/{made['journey_id']}/publish-again", world.here.staff, {})
    assert (refused.status_code, refused.json()["code"]) == (409, "journey-never-published")


async def test_small_counts_of_a_journey_are_hidden_from_who_reads_no_clinical_facts(world: World) -> None:
    await enrolment(world, world.here)
    marketer = await staff_who_is(world, "marketer")
    (listed,) = (await world.get("/v1/staff/journeys", marketer)).json()["items"]
    assert (listed["active"], listed["exited"]) == (None, 0)
    path = f"/v1/staff/journeys/{listed['journey_id']}"
    (count,) = (await world.get(path, marketer)).json()["counts"]
    assert (count["standing"], count["passed"]) == (None, 0)
    assert [each["on_it"] for each in (await world.get(f"{path}/versions", marketer)).json()["items"]] == [None]
    choices = (await world.get(f"{path}/publishing", marketer)).json()["choices"]
    assert [(each["carrying"], each["stay"], each["leave"]) for each in choices] == [
        ("newcomers", None, 0), ("move", 0, 0), ("restart", 0, 0), ("leave", 0, None),
    ]  # fmt: skip
    (exact,) = (await world.get("/v1/staff/journeys", world.here.staff)).json()["items"]
    assert exact["active"] == 1


async def test_a_way_through_a_journey_is_shown_and_ended(world: World) -> None:
    one = await enrolment(world, world.here)
    path = f"/v1/staff/enrolments/{one}"
    shown = (await world.get(path, world.here.staff)).json()
    assert (shown["state"], shown["step"], shown["lines"]) == ("active", "think", [])
    journey = (await world.get(f"/v1/staff/journeys/{shown['journey_id']}", world.here.staff)).json()
    assert journey["counts"] == [{"step": "think", "standing": 1, "passed": 0}]
    assert (await world.post(f"{path}/stop", world.here.staff, {})).status_code == 204
    shown = (await world.get(path, world.here.staff)).json()
    assert (shown["state"], shown["exit_reason"]) == ("exited", "stopped")
    assert [(each["verdict"], each["reason"]) for each in shown["lines"]] == [("exited", "stopped")]
    refused = await world.post(f"{path}/stop", world.here.staff, {})
    assert refused.json()["code"] == "not-on-the-journey"
