"""The tooth chart over the API: pushed by the clinic's system, read by the patient and by staff, drawn."""

import asyncio
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from sqlalchemy import select
from sqlmodel import col

from cabinet.queries.chart import chart_json, findings_of
from cabinet.tables.chart import ChartRow
from core.clock import now
from core.database import Scope
from core.events import Event
from tests.conftest import Queries
from tests.world import World, patient_fact

SYNC = "/v1/partner/sync/findings"
PROCEDURES = "/v1/partner/sync/procedures"


def finding(external_id: str = "f1", **members: Any) -> dict[str, Any]:
    row = {
        "external_id": external_id, "version": 1, "patient": "anna", "notation": "fdi", "tooth": "16",
        "code": "caries", "surfaces": ["O"], "observed_on": "2024-03-01",
    }  # fmt: skip
    return {**row, **members}


async def push(world: World, *rows: dict[str, Any], path: str = SYNC) -> dict[str, Any]:
    answer = await world.post(path, world.here.partner, {"items": list(rows)})
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


async def chart(world: World, query: str = "") -> dict[str, dict[str, Any]]:
    answer = await world.get(f"/v1/me/chart{query}", world.here.patient)
    assert answer.status_code == 200, answer.text
    return {tooth["tooth"]: tooth for tooth in answer.json()["teeth"]}


def biting(tooth: dict[str, Any]) -> str:
    return str(tooth["surfaces"][-1]["condition"])


async def test_a_finding_pushed_by_the_clinic_stands_in_the_patients_chart(world: World) -> None:
    result = await push(world, finding())
    assert (result["created"], result["refused"]) == (1, 0)
    teeth = await chart(world)
    assert len(teeth) == 32
    assert biting(teeth["16"]) == "caries"
    assert "Caries (chewing surface)" in teeth["16"]["text"]


async def test_the_notation_decides_which_tooth_is_meant(world: World) -> None:
    await push(world, finding(notation="universal", tooth="14"), finding("f2", tooth="14"))
    teeth = await chart(world)
    assert (biting(teeth["26"]), biting(teeth["14"]), biting(teeth["16"])) == ("caries", "caries", "sound")


async def test_bad_rows_are_refused_by_member_and_reason_and_good_ones_taken(world: World) -> None:
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    bad = {
        "19": finding("19", tooth="19"), "56": finding("56", tooth="56"),
        "U": finding("U", notation="universal", tooth="U"),
        "edge": finding("edge", surfaces=["I"]), "whole": finding("whole", code="implant"),
        "future": finding("future", observed_on=tomorrow), "stranger": finding("stranger", patient="nobody"),
        "code": finding("code", code="toothache"), "old": finding("old", observed_on="1850-01-01"),
    }  # fmt: skip
    silent = finding("silent")
    del silent["notation"]
    result = await push(world, *bad.values(), silent, finding("good"))
    faults = {row["external_id"]: (row["errors"][0]["pointer"], row["errors"][0]["code"]) for row in result["refusals"]}
    assert faults == {
        "19": ("/tooth", "unknown-tooth"), "56": ("/tooth", "unknown-tooth"), "U": ("/tooth", "unknown-tooth"),
        "edge": ("/surfaces", "surface-not-on-this-tooth"), "whole": ("/surfaces", "finding-of-the-whole-tooth"),
        "future": ("/observed_on", "in-the-future"), "stranger": ("/patient", "unknown-reference"),
        "code": ("/code", "enum"), "silent": ("/notation", "missing"), "old": ("/observed_on", "greater-than-equal"),
    }  # fmt: skip
    assert [row["external_id"] for row in result["rows"]] == ["good"]


async def test_the_same_batch_again_changes_nothing_and_an_old_version_is_stale(world: World) -> None:
    first = await push(world, finding(version=5))
    again = await push(world, finding(version=5))
    assert (again["unchanged"], again["rows"][0]["id"]) == (1, first["rows"][0]["id"])
    stale = await push(world, finding(version=4, surfaces=["M"]))
    assert stale["refusals"][0]["errors"] == [{"pointer": "/version", "code": "stale-version"}]
    newer = await push(world, finding(version=6, surfaces=["M"]))
    assert (newer["updated"], newer["rows"][0]["id"]) == (1, first["rows"][0]["id"])
    assert biting((await chart(world))["16"]) == "sound"


async def test_a_late_older_version_does_not_undo_a_newer_one_that_brought_nothing_new(world: World) -> None:
    await push(world, finding(version=1))
    events = await event_kinds(world)
    assert (await push(world, finding(version=5)))["unchanged"] == 1
    late = await push(world, finding(version=3, surfaces=["M"]))
    assert late["refusals"][0]["errors"] == [{"pointer": "/version", "code": "stale-version"}]
    assert biting((await chart(world))["16"]) == "caries"
    assert await event_kinds(world) == events


@pytest.mark.parametrize("day", [0, 1_709_251_200, "1709251200", "2024-03-01T00:00:00", "20240301"])
async def test_a_date_is_a_date(world: World, day: object) -> None:
    done = {"external_id": "h1", "patient": "anna", "kind": "hygiene", "performed_on": day}
    for refused in (await push(world, finding(observed_on=day)), await push(world, done, path=PROCEDURES)):
        assert [row["errors"][0]["code"] for row in refused["refusals"]] == ["not-an-rfc-3339-date"]
    assert (await world.get(f"/v1/me/chart?on={day}", world.here.patient)).status_code == 422


async def test_a_tooth_and_a_mouth_of_which_much_is_said_are_still_drawn(world: World) -> None:
    plans = [finding(f"plan-{n}", code="crown", surfaces=[], status="planned") for n in range(201)]
    names = [f"{place}s{n}" for place in range(11, 19) for n in range(1, 10)]
    names += [f"{int(name[:2]) + ten}{name[2:]}" for name in names for ten in (10, 20, 30)]
    extra = [finding(name, tooth=name, code="present", surfaces=[]) for name in names]
    assert (await push(world, *plans, *extra))["created"] == 201 + 288
    teeth = await chart(world)
    assert len(teeth) == 32 + 288
    assert [line["code"] for line in teeth["16"]["findings"]] == ["crown"]


async def test_the_chart_of_a_past_date_is_the_chart_of_that_date(world: World) -> None:
    done = finding("f2", code="filling", status="completed", observed_on="2025-03-01")
    await push(world, done, finding())
    assert biting((await chart(world))["16"]) == "filled"
    assert biting((await chart(world, "?on=2024-06-01"))["16"]) == "caries"
    assert biting((await chart(world, "?on=2023-01-01"))["16"]) == "sound"


async def test_two_batches_at_once_for_one_patient_both_stand_in_the_chart(world: World) -> None:
    rows = [finding(f"f-{tooth}", tooth=tooth) for tooth in ("16", "26", "36", "46", "17", "27")]
    await asyncio.gather(*(push(world, row) for row in rows))
    teeth = await chart(world)
    assert {biting(teeth[row["tooth"]]) for row in rows} == {"caries"}


async def test_a_finding_moved_to_another_patient_leaves_the_first_ones_chart(world: World) -> None:
    await push(world, finding())
    await push(world, finding(version=2, patient="boris"))
    assert biting((await chart(world))["16"]) == "sound"
    async with world.database.reading(world.here.scope) as reading:
        found = await findings_of(reading, [world.here.patient_id, world.here.other_patient_id])
    assert list(found) == [world.here.other_patient_id]


async def test_reading_the_chart_is_one_key_lookup(world: World, at_most: Queries) -> None:
    await push(world, finding())
    with at_most(2):  # who may open which record, and the chart
        assert biting((await chart(world))["16"]) == "caries"


async def test_a_chart_that_is_not_stored_costs_one_statement_more(world: World, at_most: Queries) -> None:
    with at_most(3):
        assert len(await chart(world)) == 32


async def test_a_corrected_birth_date_is_believed_at_once(world: World) -> None:
    await push(world, finding(tooth="55"))
    assert len(await chart(world)) == 33
    born = (now() - timedelta(days=8 * 366)).date()
    fact = patient_fact("anna", "Anna", world.here.phone, born).model_copy(update={"version": 2})
    taken = await world.post("/v1/partner/sync/patients", world.here.partner, {"items": [fact.model_dump(mode="json")]})
    assert taken.json()["updated"] == 1, taken.text
    assert len(await chart(world)) == 52


async def test_the_stored_chart_is_given_to_documents_while_it_holds(world: World) -> None:
    await push(world, finding())
    today = now().date()
    async with world.database.reading(world.here.scope) as reading:
        held = select(chart_json(col(ChartRow.clinic_id), col(ChartRow.id))).select_from(ChartRow)
        document = (await reading.execute(held, {"today": today})).scalar_one()
    answer = await world.get("/v1/me/chart", world.here.patient)
    assert document == answer.json()


async def test_a_thousand_findings_of_many_patients_cost_a_fixed_number_of_statements(
    world: World, at_most: Queries
) -> None:
    people = [patient_fact(f"p{number}", "Pat", None).model_dump(mode="json") for number in range(100)]
    await world.post("/v1/partner/sync/patients", world.here.partner, {"items": people})
    teeth = ["16", "15", "14", "26", "25", "24", "36", "35", "46", "45"]
    rows = [finding(f"{name}-{tooth}", patient=f"p{name}", tooth=tooth) for name in range(100) for tooth in teeth]
    with at_most(9):
        result = await push(world, *rows)
    assert result["created"] == 1000
    with at_most(5):
        again = await push(world, *rows)
    assert again["unchanged"] == 1000


async def test_the_picture_is_the_same_chart_in_the_readers_language(world: World) -> None:
    await push(world, finding())
    headers = {**world.here.patient, "accept-language": "it"}
    answer = await world.get("/v1/me/chart.svg", headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert answer.headers["content-language"] == "it"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    picture = ElementTree.fromstring(answer.text)  # noqa: S314  our own text
    titles = {title.text or "" for title in picture.iter("{http://www.w3.org/2000/svg}title")}
    assert "Dente 16, primo molare superiore destro: presente. Carie (superficie masticatoria)." in titles


async def test_records_of_others_are_not_there(world: World) -> None:
    for patient_id in (world.here.other_patient_id, world.there.patient_id):
        for name in ("chart", "chart.svg"):
            refused = await world.get(f"/v1/patients/{patient_id}/{name}", world.here.patient)
            assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    own = await world.get(f"/v1/patients/{world.here.patient_id}/chart", world.here.patient)
    assert own.status_code == 200


async def test_a_look_by_staff_stays_in_the_patients_events(world: World) -> None:
    await push(world, finding())
    seen = await world.get(f"/v1/staff/patients/{world.here.patient_id}/chart", world.here.staff)
    assert seen.status_code == 200, seen.text
    kinds = await event_kinds(world)
    assert kinds[-1] == ("chart.read", world.here.staff_id)
    other = await world.get(f"/v1/staff/patients/{world.there.patient_id}/chart", world.here.staff)
    assert other.status_code == 404
    assert await event_kinds(world) == kinds


async def event_kinds(world: World) -> list[tuple[str, Any]]:
    async with world.database.reading(Scope(world.here.clinic_id)) as reading:
        statement = (
            select(col(Event.kind), col(Event.actor_id))
            .where(col(Event.patient_id) == world.here.patient_id)
            .order_by(col(Event.at), col(Event.id))
        )
        return [(row.kind, row.actor_id) for row in await reading.execute(statement)]


async def test_a_procedure_is_taken_once_and_told_as_an_event(world: World) -> None:
    row = {"external_id": "h1", "patient": "anna", "kind": "hygiene", "performed_on": "2024-03-01", "name": "Air-flow"}
    path = PROCEDURES
    assert (await push(world, row, path=path))["created"] == 1
    assert (await push(world, row, path=path))["unchanged"] == 1
    kinds = [kind for kind, _ in await event_kinds(world)]
    assert kinds.count("procedure.performed") == 1
    nameless = {**row, "external_id": "h2", "tooth": "16"}
    wrong = {**row, "external_id": "h3", "tooth": "19", "notation": "fdi"}
    refused = await push(world, nameless, wrong, path=path)
    faults = [(row["errors"][0]["pointer"], row["errors"][0]["code"]) for row in refused["refusals"]]
    assert faults == [("/tooth", "tooth-without-notation"), ("/tooth", "unknown-tooth")]


async def test_the_partner_of_another_clinic_knows_no_patient_of_this_one(world: World) -> None:
    await push(world, finding())
    answer = await world.post(SYNC, world.there.partner, {"items": [finding()]})
    assert answer.json()["created"] == 1  # its own Anna
    async with world.database.reading(world.there.scope) as reading:
        found = await findings_of(reading, [world.here.patient_id, world.there.patient_id])
    assert list(found) == [world.there.patient_id]
