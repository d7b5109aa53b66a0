"""Results over HTTP: who may see what, who is where in pages that leave traces, and rows for tables outside."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select
from sqlmodel import col

from automation.queries.rows_for_bi import AT_ONCE
from automation.tables import Touchpoint
from core.events import Event
from core.ids import new_id
from core.moments import rfc3339
from identity.permissions import PRESETS, Permission
from tests.api.test_journeys import readers_of, staff_who_is, staff_with
from tests.architecture.house import ROOT
from tests.automation.ways_through import DAY, NOON, RECALL, Went, journey_of, people, put_ways
from tests.world import World

PERIOD = {"since": rfc3339(NOON - DAY), "until": rfc3339(NOON + DAY)}


async def test_numbers_and_money_go_to_who_may_see_them(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 3)
    await put_ways(world, world.here, journey_id, [Went(each, due_at=NOON) for each in who])
    path = f"/v1/staff/journeys/{journey_id}/results"
    whole = (await world.get(path, world.here.staff)).json()
    assert (whole["entered"], whole["active"], whole["brought"]) == (3, 3, {"reached": [], "held_out": []})
    marketer = await staff_who_is(world, "marketer")
    told = (await world.get(path, marketer)).json()
    assert (told["entered"], told["active"], told["brought"]) == (None, None, None)
    assert (await world.get(path, await staff_who_is(world, "doctor"))).status_code == 403
    assert [each["count"] for each in (await planned(world, marketer))] == [None]
    dry = await world.post("/v1/staff/journeys/dry-run", marketer, RECALL.definition())
    assert (dry.status_code, dry.json()["patient_ids"]) == (200, [])


async def planned(world: World, headers: dict[str, str]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = (await world.get("/v1/staff/planned-messages?days=60", headers)).json()["items"]
    return items


async def test_journeys_of_others_are_not_there(world: World) -> None:
    elsewhere = await journey_of(world, world.there)
    for journey_id in (elsewhere, new_id()):
        for what in ("results", "patients"):
            answer = await world.get(f"/v1/staff/journeys/{journey_id}/{what}", world.here.staff)
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_who_is_on_it_comes_in_pages_and_each_who_was_shown_is_told(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 7)
    ways = [Went(each, entered_at=NOON - (place // 2) * DAY, due_at=NOON + DAY) for place, each in enumerate(who)]
    await put_ways(world, world.here, journey_id, ways)
    path, seen, cursor = f"/v1/staff/journeys/{journey_id}/patients?limit=3", [], ""
    for _ in range(3):
        page = (await world.get(path + cursor, world.here.staff)).json()
        seen += page["items"]
        cursor = f"&cursor={page['next_cursor']}"
    assert page["next_cursor"] is None
    assert [each["enrolment_id"] for each in seen] == [
        str(each.id) for each in sorted(ways, key=lambda way: (way.entered_at, way.id), reverse=True)
    ]
    assert (seen[0]["name"], seen[0]["step"], seen[0]["due_at"]) == ("P Q", "think", rfc3339(NOON + DAY))
    for patient_id in who:
        assert await readers_of(world, patient_id, "enrolments.read") == [world.here.staff_id]
    foreign = await world.get(f"/v1/staff/journeys/{journey_id}/patients?limit=2&step=nudge{cursor}", world.here.staff)
    assert foreign.status_code in {400, 422}


async def test_of_one_step_or_state_where_they_are_asked_for(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 3)
    await put_ways(world, world.here, journey_id, [
        Went(who[0], step="nudge"), Went(who[1], "exited", "nudge", exit_reason="booked"), Went(who[2]),
    ])  # fmt: skip
    path = f"/v1/staff/journeys/{journey_id}/patients"
    found = {
        query: [each["patient_id"] for each in (await world.get(path + query, world.here.staff)).json()["items"]]
        for query in ("?step=nudge&state=active", "?state=exited", "?step=remind")
    }
    assert found == {"?step=nudge&state=active": [str(who[0])], "?state=exited": [str(who[1])], "?step=remind": []}
    assert await readers_of(world, who[2], "enrolments.read") == []
    marketer = await staff_who_is(world, "marketer")
    assert (await world.get(path, marketer)).status_code == 403


async def exported(world: World, table: str) -> list[dict[str, str]]:
    answer = await world.get(f"/v1/staff/exports/{table}", world.here.staff, params=PERIOD)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{table}.csv"'
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


@pytest.mark.parametrize("table", ["enrolments", "touchpoints", "deliveries"])
async def test_the_columns_are_those_of_the_page(world: World, table: str) -> None:
    journey_id, (anna,) = await journey_of(world, world.here), await people(world, 1)
    went = Went(anna, done=[("nudge", "sent", "")], tries=[("push", {"accepted_at": NOON})])
    await put_ways(world, world.here, journey_id, [went])
    elsewhere, (dora,) = await journey_of(world, world.there), await people(world, 1, world.there)
    await put_ways(world, world.there, elsewhere, [Went(dora, done=went.done, tries=went.tries)])
    (row,) = await exported(world, table)
    (line,) = [
        each for each in (ROOT / "docs/results.md").read_text().splitlines() if each.startswith(f"| `{table}` |")
    ]
    assert list(row) == [each.strip("`,") for each in line.split("|")[2].split() if each.startswith("`")]
    moments = [said for name, said in row.items() if name in {"at", "entered_at", "accepted_at"}]
    assert moments
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", said) for said in moments)
    assert row.get("patient_id", str(anna)) == str(anna)
    assert row.get("enrolment_id", row.get("cause_id")) == str(went.id)


async def test_rows_of_a_longer_table_come_each_once_and_in_order(world: World) -> None:
    """More than a batch, many of them of one moment."""
    journey_id, (anna,) = await journey_of(world, world.here), await people(world, 1)
    way, count = Went(anna), AT_ONCE * 2 + 7
    await put_ways(world, world.here, journey_id, [way])
    rows = [
        {
            "clinic_id": world.here.clinic_id, "id": new_id(), "enrolment_id": way.id, "seq": seq, "step": "nudge",
            "verdict": "held", "reason": "", "at": NOON + timedelta(minutes=seq // 1_000),
        }
        for seq in range(count)
    ]  # fmt: skip
    rows.append({**rows[0], "id": new_id(), "seq": count, "at": NOON + DAY})  # at the end, which is not in it
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(insert(Touchpoint), rows)
    found = await exported(world, "touchpoints")
    assert sorted(int(each["seq"]) for each in found) == list(range(count))
    assert [each["at"] for each in found] == sorted(each["at"] for each in found)


async def test_a_spreadsheet_finds_no_formula(world: World) -> None:
    journey_id, (anna,) = await journey_of(world, world.here), await people(world, 1)
    tries = [("push", {"state": "dead", "reason": said}) for said in ('=HYPERLINK("x")', '-1, "two"\n', "plain")]
    await put_ways(world, world.here, journey_id, [Went(anna, tries=tries)])
    reasons = {each["reason"] for each in await exported(world, "deliveries")}
    assert reasons == {'\'=HYPERLINK("x")', '\'-1, "two"\n', "plain"}


async def test_who_exported_what_is_kept_and_only_who_may_does(world: World) -> None:
    await exported(world, "enrolments")
    refused = await world.get("/v1/staff/exports/enrolments", await staff_who_is(world, "marketer"), params=PERIOD)
    assert refused.status_code == 403
    exporting = PRESETS["marketer"] | {Permission.EXPORT}
    refused = await world.get("/v1/staff/exports/enrolments", await staff_with(world, exporting), params=PERIOD)
    assert refused.status_code == 403  # who is on which journey is a clinical fact
    async with world.database.reading(world.here.scope) as reading:
        made = (await reading.execute(select(Event).where(col(Event.kind) == "rows.exported"))).scalars().all()
    assert [(each.actor_id, each.facts["table"]) for each in made] == [(world.here.staff_id, "enrolments")]


@pytest.mark.parametrize("until", [NOON - DAY, NOON + 366 * DAY])
async def test_a_period_ends_after_it_begins_and_within_a_year(world: World, until: Any) -> None:
    asked = {"since": PERIOD["since"], "until": rfc3339(until)}
    answer = await world.get("/v1/staff/exports/enrolments", world.here.staff, params=asked)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/until")


async def test_of_a_journey_without_criteria_nobody_knows_who_would_come(world: World) -> None:
    body = {**RECALL.definition(), "trigger": {"kind": "manual"}}
    answer = await world.post("/v1/staff/journeys/dry-run", world.here.staff, body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/trigger/criteria")
