"""Segments over HTTP: staff makes tags and groups, gives and takes them, and asks who is in, why and since when."""

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlmodel import col

from clinic.tables import Patient
from core.clock import now
from core.ids import new_id
from enamel.worker.segments import keep_segments
from tests.api.journeying import recall, running
from tests.api.test_journeys import OVERDUE, overdue_patient, readers_of, staff_who_is
from tests.world import World

RULE: dict[str, Any] = {"key": "overdue", "name": "Overdue", "kind": "rule", "criteria": OVERDUE}
TAG: dict[str, Any] = {"key": "vip", "name": "Very kind", "kind": "manual", "clinical": False, "colour": "#2f9e44"}
SEGMENTS = "/v1/staff/segments"


async def made(world: World, body: dict[str, Any]) -> str:
    answer = await world.post(SEGMENTS, world.here.staff, body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["segment_id"])


async def test_a_group_fills_itself_and_says_who_is_in_it_and_why(world: World) -> None:
    patient_id = await overdue_patient(world, world.here)
    segment_id = await made(world, RULE)
    fresh = (await world.get(f"{SEGMENTS}/{segment_id}", world.here.staff)).json()
    assert (fresh["size"], fresh["refreshed_at"], fresh["clinical"]) == (0, None, True)
    await keep_segments(world.database, now())
    listed = (await world.get(SEGMENTS, world.here.staff)).json()["items"]
    assert [(each["key"], each["size"], each["refreshed_at"] is None) for each in listed] == [("overdue", 1, False)]
    page = (await world.get(f"{SEGMENTS}/{segment_id}/members", world.here.staff)).json()
    assert [(each["patient_id"], each["source"]) for each in page["items"]] == [(str(patient_id), "rule")]
    why = (await world.get(f"{SEGMENTS}/{segment_id}/patients/{patient_id}", world.here.staff)).json()
    assert (why["is_in"], why["source"]) == (True, "rule")
    assert [(each["kind"], each["holds"]) for each in why["evidence"]] == [
        ("procedure_last", True), ("appointment_ahead", False),
    ]  # fmt: skip
    assert await readers_of(world, patient_id, "segment.read") == [world.here.staff_id] * 2
    (day,) = (await world.get(f"{SEGMENTS}/{segment_id}/days", world.here.staff)).json()["items"]
    assert (day["joined"], day["left"]) == (1, 0)
    (line,) = (await world.get(f"/v1/staff/patients/{patient_id}/segment-changes", world.here.staff)).json()["items"]
    assert (line["name"], line["joined"], line["cause"]) == ("Overdue", True, "rule")


async def test_who_is_banned_stays_out_until_the_criteria_decide_again(world: World) -> None:
    patient_id = await overdue_patient(world, world.here)
    segment_id = await made(world, RULE)
    await keep_segments(world.database, now())
    path = f"{SEGMENTS}/{segment_id}/patients/{patient_id}"
    assert (await world.http.delete(path, headers=world.here.staff)).status_code == 204
    await keep_segments(world.database, now() + timedelta(days=1))
    why = (await world.get(path, world.here.staff)).json()
    assert (why["is_in"], why["source"]) == (False, "ban")
    kept_out = (await world.get(f"{SEGMENTS}/{segment_id}/members?part=kept_out", world.here.staff)).json()["items"]
    assert [each["patient_id"] for each in kept_out] == [str(patient_id)]
    assert (await world.post(f"{path}/free", world.here.staff, None)).status_code == 204
    assert (await world.get(path, world.here.staff)).json()["source"] == "rule"


async def test_tags_are_given_by_hand_and_a_clinical_one_by_who_reads_clinical_facts(world: World) -> None:
    kind, ill = await made(world, TAG), await made(world, {**TAG, "key": "ill", "name": "Ill", "clinical": True})
    reception = await staff_who_is(world, "reception")
    here = f"patients/{world.here.patient_id}"
    assert (await world.http.put(f"{SEGMENTS}/{kind}/{here}", headers=reception)).status_code == 204
    assert (await world.http.put(f"{SEGMENTS}/{ill}/{here}", headers=reception)).json()["code"] == "not-allowed"
    assert (await world.http.put(f"{SEGMENTS}/{ill}/{here}", headers=world.here.staff)).status_code == 204
    tags = f"/v1/staff/{here}/segments"
    assert [each["key"] for each in (await world.get(tags, reception)).json()["items"]] == ["vip"]
    assert [each["key"] for each in (await world.get(tags, world.here.staff)).json()["items"]] == ["ill", "vip"]
    assert [each["key"] for each in (await world.get("/v1/staff/tags", reception)).json()["items"]] == ["vip"]
    assert (await world.post(f"{SEGMENTS}/{kind}/{here}/free", world.here.staff, None)).json()["code"] == (
        "segment-has-no-criteria"
    )
    assert (await world.http.delete(f"{SEGMENTS}/{kind}/{here}", headers=reception)).status_code == 204
    assert (await world.get(tags, reception)).json()["items"] == []


async def test_criteria_are_overruled_by_who_may_write_them(world: World) -> None:
    segment_id = await made(world, {**RULE, "criteria": {"kind": "age_at_least", "years": 99}})
    path = f"{SEGMENTS}/{segment_id}/patients/{world.here.patient_id}"
    assert (await world.http.put(path, headers=await staff_who_is(world, "reception"))).json()["code"] == "not-allowed"
    assert (await world.http.put(path, headers=world.here.staff)).status_code == 204


async def test_small_clinical_groups_have_no_size_for_who_may_not_read_clinical_facts(world: World) -> None:
    await overdue_patient(world, world.here)
    await made(world, RULE)
    await made(world, TAG)
    await keep_segments(world.database, now())
    marketer = await staff_who_is(world, "marketer")
    listed = (await world.get(SEGMENTS, marketer)).json()["items"]
    assert [(each["key"], each["size"], each["fewer_than"]) for each in listed] == [
        ("overdue", None, 5), ("vip", 0, None),
    ]  # fmt: skip
    segment_id = listed[0]["segment_id"]
    for path in ("members", "days"):
        refused = await world.get(f"{SEGMENTS}/{segment_id}/{path}", marketer)
        assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")


async def test_of_a_list_good_lines_are_taken_and_each_bad_one_is_named(world: World) -> None:
    segment_id = await made(world, {**TAG, "kind": "import"})
    path, here = f"{SEGMENTS}/{segment_id}/imports", world.here
    lines = [str(here.patient_id), "nonsense", str(new_id()), str(here.patient_id), str(world.there.patient_id)]
    report = (await world.post(path, here.staff, {"lines": lines})).json()
    assert (report["taken"], report["already_in"]) == (1, 0)
    assert [(each["line"], each["reason"]) for each in report["bad"]] == [
        (2, "not-an-id"), (3, "unknown-patient"), (4, "said-twice"), (5, "unknown-patient"),
    ]  # fmt: skip
    async with world.database.reading(here.scope) as reading:
        source = (await reading.execute(select(col(Patient.source)).distinct())).scalar_one()
    theirs = (await world.post(path, here.staff, {"source": source, "lines": ["anna", "boris", "x"]})).json()
    assert (theirs["taken"], theirs["already_in"], len(theirs["bad"])) == (1, 1, 1)
    assert (await world.get(f"{SEGMENTS}/{segment_id}", here.staff)).json()["size"] == 2
    rule = await made(world, RULE)
    refused = await world.post(f"{SEGMENTS}/{rule}/imports", here.staff, {"lines": lines})
    assert (refused.status_code, refused.json()["code"]) == (409, "segment-fills-itself")


async def test_criteria_may_ask_for_a_tag_of_the_clinic_and_for_no_group(world: World) -> None:
    tag = await made(world, TAG)
    asks = {"kind": "not", "items": [{"kind": "tag_is", "segment_id": tag}]}
    group = await made(world, {**RULE, "criteria": asks})
    for wrong in (group, str(new_id())):
        criteria = {"kind": "all", "items": [asks, {"kind": "tag_is", "segment_id": wrong}]}
        refused = await world.post(SEGMENTS, world.here.staff, {**RULE, "key": "other", "criteria": criteria})
        assert refused.json()["errors"] == [{"pointer": "/criteria/items/1/segment_id", "code": "unknown-tag"}]
    in_use = await world.post(f"{SEGMENTS}/{tag}/archive", world.here.staff, None)
    assert (in_use.status_code, in_use.json()["code"]) == (409, "segment-in-use")
    assert (await world.post(f"{SEGMENTS}/{group}/archive", world.here.staff, None)).status_code == 204
    assert (await world.post(f"{SEGMENTS}/{tag}/archive", world.here.staff, None)).status_code == 204
    assert (await world.get(SEGMENTS, world.here.staff)).json()["items"] == []
    await made(world, TAG)


async def test_a_change_is_made_from_the_version_that_was_seen(world: World) -> None:
    segment_id = await made(world, RULE)
    taken = await world.post(SEGMENTS, world.here.staff, {**TAG, "key": "overdue"})
    assert (taken.status_code, taken.json()["code"]) == (409, "segment-key-taken")
    body = {"name": "Elderly", "criteria": {"kind": "age_at_least", "years": 70}, "version": 1}
    changed = await world.http.put(f"{SEGMENTS}/{segment_id}", headers=world.here.staff, json=body)
    assert (changed.json()["version"], changed.json()["clinical"]) == (2, False)
    assert (await world.http.put(f"{SEGMENTS}/{segment_id}", headers=world.here.staff, json=body)).json()[
        "code"
    ] == "stale-version"
    bare = await world.http.put(
        f"{SEGMENTS}/{segment_id}", headers=world.here.staff, json={"name": "Elderly", "version": 2}
    )
    assert bare.json()["errors"] == [{"pointer": "/criteria", "code": "does-not-fit-the-kind"}]


async def test_what_tells_of_health_is_neither_filled_nor_renamed_by_who_may_not_read_it(world: World) -> None:
    """The answer to a list says who was in it already; and a tag that is clinical no more is shown to everybody."""
    ill = await made(world, {**TAG, "key": "ill", "name": "Ill", "clinical": True})
    marketer = await staff_who_is(world, "marketer")
    lines = {"lines": [str(world.here.patient_id)]}
    refused = await world.post(f"{SEGMENTS}/{ill}/imports", marketer, lines)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    plain = {"name": "Ill", "clinical": False, "version": 1}
    refused = await world.http.put(f"{SEGMENTS}/{ill}", headers=marketer, json=plain)
    assert (refused.status_code, refused.json()["code"]) == (403, "not-allowed")
    renamed = await world.http.put(f"{SEGMENTS}/{ill}", headers=marketer, json={**plain, "clinical": True})
    assert renamed.status_code == 200
    assert (await world.post(f"{SEGMENTS}/{await made(world, TAG)}/imports", marketer, lines)).status_code == 200
    allowed = await world.http.put(f"{SEGMENTS}/{ill}", headers=world.here.staff, json={**plain, "version": 2})
    assert allowed.status_code == 200


async def test_criteria_that_ask_for_no_tag_of_the_clinic_are_refused_wherever_they_are_tried(world: World) -> None:
    ghost = {"kind": "all", "items": [{"kind": "tag_is", "segment_id": str(new_id())}]}
    campaign = {"name": "C", "kind": "offer", "criteria": ghost}
    journey = recall("ghost", trigger={"kind": "segment", "criteria": ghost})
    asked = {
        "/v1/staff/segments/preview": ({"criteria": ghost}, "/criteria"),
        "/v1/staff/campaigns": (campaign, "/criteria"), "/v1/staff/campaigns/preview": (campaign, "/criteria"),
        "/v1/staff/journeys/dry-run": (journey, "/trigger/criteria"),
    }  # fmt: skip
    for path, (body, at) in asked.items():
        refused = await world.post(path, world.here.staff, body)
        assert refused.status_code == 422, path
        assert refused.json()["errors"] == [{"pointer": f"{at}/items/0/segment_id", "code": "unknown-tag"}]


async def test_what_a_running_journey_or_a_campaign_asks_for_is_not_archived(world: World) -> None:
    tag, by_key, free = [await made(world, {**TAG, "key": key, "name": key}) for key in ("tag", "lead", "free")]
    asks = {"kind": "tag_is", "segment_id": tag}
    body = {"name": "C", "kind": "offer", "criteria": asks, "day": "2199-01-01", "at": "10:00"}
    campaign = (await world.post("/v1/staff/campaigns", world.here.staff, body)).json()["campaign_id"]
    of_campaign = f"/v1/staff/campaigns/{campaign}"
    assert (await world.post(f"{of_campaign}/launch", world.here.staff, None)).json()["state"] == "launched"
    first = await running(world, world.here, trigger={"kind": "segment", "segment": "lead"})
    for segment_id in (tag, by_key):
        refused = await world.post(f"{SEGMENTS}/{segment_id}/archive", world.here.staff, None)
        assert (refused.status_code, refused.json()["code"]) == (409, "segment-in-use")
    assert (await world.post(f"{SEGMENTS}/{free}/archive", world.here.staff, None)).status_code == 204
    await world.post(f"{of_campaign}/abort", world.here.staff, None)
    await world.post(f"/v1/staff/journeys/{first['journey_id']}/stop", world.here.staff, {})
    for segment_id in (tag, by_key):
        assert (await world.post(f"{SEGMENTS}/{segment_id}/archive", world.here.staff, None)).status_code == 204


async def test_criteria_that_leave_one_person_out_tell_nothing_of_them(world: World) -> None:
    """A planner who reads no clinical facts asks for the ill, and for the ill without somebody who carries a tag."""
    ill = [await overdue_patient(world, world.here) for _ in range(7)]
    tag, marketer = await made(world, TAG), await staff_who_is(world, "marketer")
    await world.post(f"{SEGMENTS}/{tag}/imports", marketer, {"lines": [str(ill[0])]})
    without = {"kind": "all", "items": [OVERDUE, {"kind": "not", "items": [{"kind": "tag_is", "segment_id": tag}]}]}
    told, exact = [], []
    for criteria in (OVERDUE, without):
        body = {"criteria": criteria}
        told.append((await world.post(f"{SEGMENTS}/preview", marketer, body)).json()["count"])
        exact.append((await world.post(f"{SEGMENTS}/preview", world.here.staff, body)).json()["count"])
        campaign = {"name": "C", "kind": "offer", "criteria": criteria, "per_hour": 1}
        preview = (await world.post("/v1/staff/campaigns/preview", marketer, campaign)).json()
        told += [preview["size"], preview["hours_needed"]]
    assert (told, exact) == ([5] * 6, [7, 6])
