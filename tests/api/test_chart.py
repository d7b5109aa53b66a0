"""The tooth chart over the API: pushed by the clinic's system, read by the patient and by staff, drawn."""

import asyncio
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import bindparam, select, text
from sqlmodel import col

from cabinet.queries.chart import chart_json, findings_of
from cabinet.tables.chart import ChartRow
from core.clock import now
from core.database import Scope
from core.events import Event
from core.ids import new_id
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


async def test_a_chart_that_is_not_stored_costs_two_statements_more(world: World, at_most: Queries) -> None:
    with at_most(4):  # findings and examinations of the gums
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
    with at_most(10):
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


LANGUAGES = ("en", "ru", "it", "zh")


async def test_the_stored_chart_speaks_every_language_for_the_price_of_one(world: World, at_most: Queries) -> None:
    await push(world, finding(), finding("f2", tooth="26", code="crown", surfaces=[], status="planned"))
    said = {}
    for language in LANGUAGES:
        with at_most(2):
            answer = await world.get("/v1/me/chart", {**world.here.patient, "accept-language": language})
        past = await world.get("/v1/me/chart?on=2199-01-01", {**world.here.patient, "accept-language": language})
        said[language] = [each["text"] for each in answer.json()["teeth"]]
        assert said[language] == [each["text"] for each in past.json()["teeth"]]
        lines = [line["text"] for each in answer.json()["teeth"] for line in each["findings"]]
        assert len(lines) == 2
        assert all(any(line in text or line.lower() in text for text in said[language]) for line in lines)
    assert len({str(texts) for texts in said.values()}) == 4


async def test_documents_take_the_chart_in_the_language_a_statement_names(world: World) -> None:
    await push(world, finding())
    async with world.database.reading(world.here.scope) as reading:
        for language in (*LANGUAGES, "de"):
            named = chart_json(col(ChartRow.clinic_id), col(ChartRow.id), bindparam("language"))
            values = {"today": now().date(), "language": language}
            document = (await reading.execute(select(named).select_from(ChartRow), values)).scalar_one()
            answer = await world.get("/v1/me/chart", {**world.here.patient, "accept-language": language})
            assert document == answer.json()


async def test_a_bridge_told_with_its_group_is_one_piece(world: World) -> None:
    parts = {"23": "bridge_abutment", "24": "pontic", "25": "pontic", "27": "bridge_abutment"}
    rows = [finding(tooth, tooth=tooth, code=code, surfaces=[], group="b1") for tooth, code in parts.items()]
    assert (await push(world, *rows))["created"] == 4
    (span,) = (await world.get("/v1/me/chart", world.here.patient)).json()["spans"]
    assert (span["kind"], span["teeth"], span["pontics"]) == ("bridge", list(parts), ["24", "25"])
    teeth = await chart(world)
    assert {line["group"] for tooth in parts for line in teeth[tooth]["findings"]} == {"b1"}


async def test_grades_canals_and_groups_stand_only_where_they_mean_something(world: World) -> None:
    good = [
        finding("loose", code="mobility", surfaces=[], grade=2), finding("deep", grade=6),
        finding("root", code="root_canal", surfaces=[], canals=3),
    ]  # fmt: skip
    bad = [
        finding("worse", code="mobility", surfaces=[], grade=4), finding("crown", code="crown", surfaces=[], grade=1),
        finding("canal", canals=2), finding("joined", group="b1"),
    ]  # fmt: skip
    result = await push(world, *good, *bad)
    faults = {row["external_id"]: (row["errors"][0]["pointer"], row["errors"][0]["code"]) for row in result["refusals"]}
    assert faults == {
        "worse": ("/grade", "no-such-grade"), "crown": ("/grade", "no-such-grade"),
        "canal": ("/canals", "treats-no-root-canal"), "joined": ("/group", "joins-no-teeth"),
    }  # fmt: skip
    lines = {line["code"]: line for line in (await chart(world))["16"]["findings"]}
    assert (lines["mobility"]["text"], lines["root_canal"]["canals"]) == ("Loose, grade 2 of 3", 3)


async def test_what_changed_between_two_dates_is_told(world: World) -> None:
    done = finding("f2", code="filling", status="completed", observed_on="2025-03-01")
    await push(world, finding(), done)
    path = "/v1/me/chart/changes?since=2024-06-01&until=2025-06-01"
    told = (await world.get(path, {**world.here.patient, "accept-language": "ru"})).json()
    (tooth,) = told["teeth"]
    assert ([line["code"] for line in tooth["appeared"]], [line["code"] for line in tooth["ended"]]) == (
        ["filling"], ["caries"],
    )  # fmt: skip
    assert "Появилось: пломба" in told["text"]
    staff = await world.get(path.replace("/v1/me", f"/v1/staff/patients/{world.here.patient_id}"), world.here.staff)
    assert staff.json()["teeth"][0]["tooth"] == "16"
    turned = await world.get("/v1/me/chart/changes?since=2025-06-01&until=2024-06-01", world.here.patient)
    assert (turned.status_code, turned.json()["errors"]) == (422, [{"pointer": "/until", "code": "before-since"}])
    assert (await world.get("/v1/me/chart/changes", world.here.patient)).status_code == 422


async def test_the_picture_takes_a_notation_and_a_highlight(world: World) -> None:
    await push(world, finding(code="crown", surfaces=[], status="planned"))
    answer = await world.get("/v1/me/chart.svg?notation=palmer&highlight=planned", world.here.patient)
    assert "UR6: crown" in answer.text
    assert (await world.get("/v1/me/chart.svg?notation=roman", world.here.patient)).status_code == 422
    path = f"/v1/staff/patients/{world.here.patient_id}/chart.svg?notation=universal"
    assert ">3</text>" in (await world.get(path, world.here.staff)).text


async def test_the_picture_says_whose_teeth_it_shows_and_of_which_day(world: World) -> None:
    here = world.here
    paths = {
        "/v1/me/chart.svg": (here.patient, "My teeth"),
        "/v1/me/chart.svg?on=2025-01-01": (here.patient, "My teeth, 2025-01-01"),
        f"/v1/patients/{here.patient_id}/chart.svg": (here.patient, "Tooth chart"),
        f"/v1/staff/patients/{here.patient_id}/chart.svg": (here.staff, "Tooth chart"),
        f"/v1/staff/patients/{here.patient_id}/chart.svg?on=2025-01-01": (here.staff, "Tooth chart, 2025-01-01"),
    }
    for path, (who, title) in paths.items():
        assert f'<title id="ec-title">{title}</title>' in (await world.get(path, who)).text


async def test_today_is_the_day_it_is_where_the_patient_is_at_home(world: World) -> None:
    """One of the two is always behind the day that begins first on Earth."""
    zones, days = ("Pacific/Pago_Pago", "Pacific/Kiritimati"), []
    for zone in zones:
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update branch set zone = :zone"), {"zone": zone})
        told = (await world.get("/v1/me/chart/changes?since=2025-01-01", world.here.patient)).json()
        days.append((told["until"], now().astimezone(ZoneInfo(zone)).date().isoformat()))
    assert all(told == day for told, day in days)
    assert days[0] != days[1]


async def test_staff_record_a_finding_go_on_from_it_and_take_it_back(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/findings"
    planned = {
        "notation": "palmer", "tooth": "UR6", "code": "filling", "surfaces": ["O"], "status": "planned",
        "material": "composite", "observed_on": "2025-01-01",
    }  # fmt: skip
    made = await world.post(path, world.here.staff, planned)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert (await chart(world))["16"]["planned"]
    name = made.json()["finding_id"]
    done = {**planned, "status": "completed", "observed_on": "2025-02-01", "finding_id": name}
    assert (await world.post(path, world.here.staff, done)).json() == {"finding_id": name, "version": 2}
    (line,) = (await chart(world))["16"]["findings"]
    assert (line["finding_id"], line["status"], biting((await chart(world))["16"])) == (name, "completed", "filled")
    await world.post(path, world.here.staff, {**done, "status": "entered_in_error"})
    assert (await chart(world))["16"]["findings"] == []


async def test_staff_change_only_findings_of_their_own_and_of_that_patient(world: World) -> None:
    theirs = (await push(world, finding()))["rows"][0]["id"]
    path = f"/v1/staff/patients/{world.here.patient_id}/findings"
    body = {"notation": "fdi", "tooth": "16", "code": "caries", "observed_on": "2025-01-01"}
    kept = await world.post(path, world.here.staff, {**body, "finding_id": theirs})
    assert (kept.status_code, kept.json()["code"]) == (409, "finding-of-another-system")
    own = (await world.post(path, world.here.staff, body)).json()["finding_id"]
    other = f"/v1/staff/patients/{world.here.other_patient_id}/findings"
    for name in (own, str(new_id())):
        refused = await world.post(other, world.here.staff, {**body, "finding_id": name})
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    future = {**body, "observed_on": (now() + timedelta(days=2)).date().isoformat()}
    assert (await world.post(path, world.here.staff, future)).json()["errors"][0]["code"] == "in-the-future"


async def test_ten_corrections_of_one_finding_at_once_are_ten_versions(world: World) -> None:
    path = f"/v1/staff/patients/{world.here.patient_id}/findings"
    body = {"notation": "fdi", "tooth": "16", "code": "caries", "observed_on": "2025-01-01"}
    name = (await world.post(path, world.here.staff, body)).json()["finding_id"]
    grades = [{**body, "finding_id": name, "grade": 1 + number % 6} for number in range(10)]
    answers = await asyncio.gather(*(world.post(path, world.here.staff, each) for each in grades))
    assert sorted(answer.json()["version"] for answer in answers) == list(range(2, 12))


PERIO = "/v1/partner/sync/perio-exams"


def perio_exam(external_id: str = "e1", depth: int = 6, **members: Any) -> dict[str, Any]:
    sites = [
        {"site": "MB", "probing_mm": depth, "margin_mm": 1, "bleeding": True}, {"site": "L", "probing_mm": 2},
    ]  # fmt: skip
    teeth = [{"tooth": "16", "mobility": 1, "furcation": 2, "sites": sites}]
    row = {
        "external_id": external_id, "version": 1, "patient": "anna", "notation": "fdi", "examined_on": "2024-03-01",
        "teeth": teeth,
    }  # fmt: skip
    return {**row, **members}


async def test_an_examination_of_the_gums_stands_in_the_chart_of_its_date(world: World) -> None:
    later = perio_exam("e2", 4, examined_on="2025-03-01")
    assert (await push(world, perio_exam(), later, path=PERIO))["created"] == 2
    gum = (await chart(world))["16"]["gum"]
    assert (gum["deepest_mm"], gum["attachment_loss_mm"], gum["furcation"], gum["bleeding_sites"]) == (4, 5, 2, 1)
    assert (await chart(world, "?on=2024-06-01"))["16"]["gum"]["deepest_mm"] == 6
    assert (await chart(world, "?on=2023-06-01"))["16"]["gum"] is None
    exam = (await world.get("/v1/me/chart/perio?on=2024-06-01", world.here.patient)).json()
    assert (exam["summary"]["deepest_mm"], exam["summary"]["pockets"], exam["summary"]["bleeding_percent"]) == (
        6,
        1,
        50,
    )
    assert [(site["site"], site["attachment_loss_mm"]) for site in exam["teeth"][0]["sites"]] == [
        ("MB", 7),
        ("L", None),
    ]
    changed = await world.get("/v1/me/chart/changes?since=2024-06-01", world.here.patient)
    assert [(each["pocket_before_mm"], each["pocket_after_mm"]) for each in changed.json()["teeth"]] == [(6, 4)]
    nothing = await world.get("/v1/me/chart/perio?on=2023-06-01", world.here.patient)
    assert nothing.json() == {"summary": None, "teeth": []}


async def test_an_examination_is_corrected_voided_and_refused_like_every_other_row(world: World) -> None:
    await push(world, perio_exam(), path=PERIO)
    assert (await push(world, perio_exam(), path=PERIO))["unchanged"] == 1
    await push(world, perio_exam(depth=5, version=2), path=PERIO)
    assert (await chart(world))["16"]["gum"]["deepest_mm"] == 5
    await push(world, perio_exam(depth=5, version=3, entered_in_error=True), path=PERIO)
    assert (await chart(world))["16"]["gum"] is None
    tomorrow = (now() + timedelta(days=2)).date().isoformat()
    bad = [
        perio_exam("a", patient="nobody"), perio_exam("b", examined_on=tomorrow), perio_exam("c", depth=20),
        perio_exam("d", notation="universal", teeth=[{"tooth": "8", "furcation": 1}]),
    ]  # fmt: skip
    faults = [row["errors"][0]["code"] for row in (await push(world, *bad, path=PERIO))["refusals"]]
    assert faults == ["unknown-reference", "in-the-future", "less-than-equal", "no-furcation-on-this-tooth"]
    kinds = [kind for kind, _ in await event_kinds(world)]
    assert (kinds.count("perio_exam.recorded"), kinds.count("perio_exam.voided")) == (2, 1)


async def test_staff_see_the_gums_and_every_look_is_noted(world: World) -> None:
    await push(world, perio_exam(), path=PERIO)
    path = f"/v1/staff/patients/{world.here.patient_id}/chart"
    for name in ("", ".svg", "/perio", "/changes?since=2024-01-01"):
        before = len(await event_kinds(world))
        assert (await world.get(path + name, world.here.staff)).status_code == 200
        assert (await event_kinds(world))[before:] == [("chart.read", world.here.staff_id)]
        strange = path.replace(str(world.here.patient_id), str(world.there.patient_id)) + name
        assert (await world.get(strange, world.here.staff)).status_code == 404
