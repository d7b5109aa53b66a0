"""`GET /v1/me/cabinet`: what the phone opens first, in one trip, with an ETag, to nobody else."""

from typing import Any

import pytest
from sqlalchemy import text

from cabinet.queries.cabinet import Cabinet
from clinic.commands import grant_access
from core.clock import now
from tests.conftest import Queries
from tests.world import World

ME = "/v1/me/cabinet"

FINDING = {
    "external_id": "f1", "version": 1, "patient": "anna", "notation": "fdi", "tooth": "16",
    "code": "caries", "surfaces": ["O"], "observed_on": "2026-01-09",
}  # fmt: skip
PLAN: dict[str, Any] = {
    "external_id": "p1", "version": 1, "patient": "anna", "title": "Plan A", "currency": "EUR",
    "stages": [
        {"title": "Caries", "items": [{"name": "Filling", "unit_price": {"amount_minor": 9000, "currency": "EUR"}}]}
    ],
}  # fmt: skip


@pytest.fixture
async def furnished(world: World) -> World:
    for kind, row in (("findings", FINDING), ("plans", PLAN)):
        taken = await world.post(f"/v1/partner/sync/{kind}", world.here.partner, {"items": [row]})
        assert taken.json()["created"] == 1, taken.text
    return world


async def test_a_patient_opens_their_cabinet_in_one_trip(furnished: World, at_most: Queries) -> None:
    with at_most(1):
        mine = await furnished.get(ME, furnished.here.patient)
    assert mine.status_code == 200, mine.text
    assert mine.headers["content-type"] == "application/json"
    assert mine.headers["cache-control"] == "no-store"
    cabinet = Cabinet.model_validate_json(mine.content)
    assert cabinet.patient.given_name == "Anna"
    assert cabinet.plans[0].cost.patient.amount_minor == 9_000
    assert cabinet.chart is not None
    assert next(tooth for tooth in cabinet.chart.teeth if tooth.tooth == "16").findings


async def test_a_patient_of_whom_nothing_was_found_has_a_chart_by_age(world: World, at_most: Queries) -> None:
    with at_most(3):  # the document, then the findings and the examinations of the gums it is folded from
        mine = await world.get(ME, world.here.patient)
    assert mine.status_code == 200, mine.text
    cabinet = Cabinet.model_validate_json(mine.content)
    assert cabinet.chart is not None
    assert len(cabinet.chart.teeth) >= 28
    assert (cabinet.plans, cabinet.pictures, cabinet.promotions, cabinet.next_visit) == ([], [], [], None)


async def test_an_unchanged_cabinet_is_not_sent_again(furnished: World, at_most: Queries) -> None:
    first = await furnished.get(ME, furnished.here.patient)
    tag = first.headers["etag"]
    for held in (tag, f'"other", W/{tag}', "*"):
        with at_most(1):
            again = await furnished.get(ME, {**furnished.here.patient, "if-none-match": held})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert again.headers["cache-control"] == "no-store"
    other = await furnished.get(ME, {**furnished.here.patient, "if-none-match": '"other"'})
    assert other.status_code == 200


async def test_a_changed_cabinet_has_another_tag(furnished: World) -> None:
    before = (await furnished.get(ME, furnished.here.patient)).headers["etag"]
    newer = {**PLAN, "version": 2, "title": "Plan B"}
    await furnished.post("/v1/partner/sync/plans", furnished.here.partner, {"items": [newer]})
    after = await furnished.get(ME, {**furnished.here.patient, "if-none-match": before})
    assert (after.status_code, after.json()["plans"][0]["title"]) == (200, "Plan B")


async def test_what_is_under_way_stands_before_what_was_declined_and_the_newest_first_within(world: World) -> None:
    told = ["in_progress", "completed", "accepted", "proposed", "accepted", "lapsed", "stopped", "declined"]
    for place, state in enumerate(told):
        status = {"status": "proposed", "valid_until": "2020-01-01"} if state == "lapsed" else {"status": state}
        row = {**PLAN, **status, "external_id": f"p{place}", "title": f"{state} {place}"}
        taken = await world.post("/v1/partner/sync/plans", world.here.partner, {"items": [row]})
        assert taken.json()["created"] == 1, taken.text
    ordered = [
        *("in_progress 0", "accepted 4", "accepted 2", "proposed 3", "completed 1"),
        *("declined 7", "stopped 6", "lapsed 5"),
    ]
    mine = await world.get(ME, world.here.patient)
    assert [plan["title"] for plan in mine.json()["plans"]] == ordered
    seen = await world.get(f"/v1/staff/patients/{world.here.patient_id}/plans", world.here.staff)
    assert [plan["title"] for plan in seen.json()["items"]] == ordered


async def test_a_guardian_opens_a_wards_cabinet_and_equal_data_has_another_tag_there(furnished: World) -> None:
    here, path = furnished.here, f"/v1/patients/{furnished.here.other_patient_id}/cabinet"
    assert (await furnished.get(path, here.patient)).status_code == 404
    async with furnished.database.writing(here.scope) as writing:
        await grant_access(writing, here.clinic_id, here.account_id, here.other_patient_id, "carer", now())
    ward = await furnished.get(path, here.patient)
    assert ward.status_code == 200, ward.text
    assert (ward.json()["patient"]["given_name"], ward.json()["patient"]["relation"]) == ("Boris", "carer")
    own = await furnished.get(f"/v1/patients/{here.patient_id}/cabinet", here.patient)
    assert own.content == (await furnished.get(ME, here.patient)).content


async def test_foreign_and_absent_records_answer_alike(world: World, at_most: Queries) -> None:
    answers = []
    for patient_id in (world.there.patient_id, world.here.other_patient_id, "01890000-0000-7000-8000-000000000000"):
        with at_most(2):
            answer = await world.get(f"/v1/patients/{patient_id}/cabinet", world.here.patient)
        answers.append((answer.status_code, {**answer.json(), "request_id": ""}))
    assert answers[0][0] == 404
    assert answers[0] == answers[1] == answers[2]


async def test_an_account_without_a_record_is_told_what_to_do(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update access set relation = 'guardian'"))
    refused = await world.get(ME, world.here.patient)
    assert (refused.status_code, refused.json()["code"]) == (403, "no-record-linked")


async def test_a_signed_out_device_gets_nothing_and_hears_why(world: World, at_most: Queries) -> None:
    me = (await world.get("/v1/me", world.here.patient)).json()
    session_id = next(device["session_id"] for device in me["devices"] if device["is_this"])
    gone = await world.http.delete(f"/v1/me/devices/{session_id}", headers=world.here.patient)
    assert gone.status_code == 204
    for path in (ME, f"/v1/patients/{world.here.patient_id}/cabinet"):
        with at_most(2):
            refused = await world.get(path, world.here.patient)
        assert (refused.status_code, refused.json()["code"]) == (401, "session-ended")


async def test_a_parameter_nobody_asked_for_is_refused(world: World) -> None:
    assert (await world.get(f"{ME}?at=2020-01-01", world.here.patient)).status_code == 422
