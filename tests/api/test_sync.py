"""A clinic's own system pushes its facts: good rows are taken, bad ones reported, and nothing is taken twice."""

from typing import Any

import pytest
from sqlalchemy import text

from tests.world import World

PATIENTS = "/v1/partner/sync/patients"
VISITS = "/v1/partner/sync/appointments"


def patient(external_id: str = "chen", **changes: Any) -> dict[str, Any]:
    row = {
        "external_id": external_id, "version": 1, "branch": "Centro", "given_name": "Chen", "family_name": "Wei",
        "birth_date": "1990-02-28", "phone": "+390255517777", "language": "zh",
    }  # fmt: skip
    return {**row, **changes}


def visit(external_id: str = "v1", **changes: Any) -> dict[str, Any]:
    row = {
        "external_id": external_id, "version": 1, "patient": "anna", "status": "booked", "service": "Hygiene",
        "starts_at": "2026-01-11T09:00:00Z", "ends_at": "2026-01-11T09:30:00+00:00", "practitioner": "Dr. Bianchi",
    }  # fmt: skip
    return {**row, **changes}


async def push(world: World, path: str, *rows: dict[str, Any], status: int = 200) -> dict[str, Any]:
    answer = await world.post(path, world.here.partner, {"items": list(rows)})
    assert answer.status_code == status, answer.text
    report: dict[str, Any] = answer.json()
    return report


def refusals(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(each["index"], fault["pointer"], fault["code"]) for each in report["refusals"] for fault in each["errors"]]


def outcomes(report: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(each["index"], each["external_id"], each["outcome"]) for each in report["rows"]]


async def kinds(world: World, prefix: str) -> list[str]:
    """Kinds of the clinic's events that begin with `prefix`, oldest first."""
    statement = text("select kind from event where kind like :prefix order by at, id")
    async with world.database.reading(world.here.scope) as reading:
        return list((await reading.execute(statement, {"prefix": f"{prefix}%"})).scalars())


async def test_good_rows_are_taken_and_bad_ones_reported_in_one_answer(world: World) -> None:
    report = await push(
        world, PATIENTS, patient("one"), patient("two", birth_date="1990-02-30"), patient("three", branch="Nowhere"),
        patient("four", birth_date="2199-01-01"), patient("five", phone="12345", nickname="C"), {"version": 1},
        patient("six", phone=None),
    )  # fmt: skip
    assert outcomes(report) == [(0, "one", "created"), (6, "six", "created")]
    assert refusals(report) == [
        (1, "/birth_date", "date-from-datetime-parsing"),
        (2, "/branch", "unknown-reference"),
        (3, "/birth_date", "in-the-future"),
        (4, "/phone", "string-pattern-mismatch"),
        (4, "/nickname", "extra-forbidden"),
        *((5, f"/{name}", "missing") for name in ("external_id", "branch", "given_name", "family_name", "birth_date")),
    ]
    assert [report[name] for name in ("created", "updated", "unchanged", "refused")] == [2, 0, 0, 5]
    assert [each["external_id"] for each in report["refusals"]] == ["two", "three", "four", "five", None]


async def test_a_report_names_no_value(world: World) -> None:
    answer = await world.post(
        PATIENTS, world.here.partner, {"items": [patient(phone="canary", family_name=["canary"])]}
    )
    assert "canary" not in answer.text


async def test_a_batch_sent_again_changes_nothing(world: World) -> None:
    rows = [patient(f"p{number}") for number in range(5)]
    first, second = await push(world, PATIENTS, *rows), await push(world, PATIENTS, *rows)
    assert (first["created"], second["unchanged"]) == (5, 5)
    assert [row["id"] for row in first["rows"]] == [row["id"] for row in second["rows"]]
    assert (await kinds(world, "patient.")).count("patient.created") == 2 + 5


async def test_an_older_version_is_refused_as_stale(world: World) -> None:
    await push(world, PATIENTS, patient(version=5))
    report = await push(world, PATIENTS, patient(version=4, given_name="Other"))
    assert refusals(report) == [(0, "/version", "stale-version")]
    assert report["refused"] == 1


@pytest.mark.parametrize("version", [2**53, -1, 1.5, "1", True, None])
async def test_a_version_is_a_whole_number(world: World, version: object) -> None:
    report = await push(world, PATIENTS, patient(version=version))
    assert [pointer for _, pointer, _ in refusals(report)] == ["/version"]


@pytest.mark.parametrize("birth", [0, "0", 631_152_000, "19900228", "1990-02-28T00:00:00Z", "1899-12-31", ""])
async def test_a_birth_date_is_a_date(world: World, birth: object) -> None:
    report = await push(world, PATIENTS, patient(birth_date=birth))
    assert [pointer for _, pointer, _ in refusals(report)] == ["/birth_date"]


async def test_the_largest_version_is_kept(world: World) -> None:
    await push(world, PATIENTS, patient(version=2**53 - 1))
    report = await push(world, PATIENTS, patient(version=2**53 - 2, given_name="Other"))
    assert refusals(report) == [(0, "/version", "stale-version")]


async def test_visits_are_taken_for_known_patients_only(world: World) -> None:
    report = await push(
        world, VISITS, visit("v1"), visit("v2", patient="nobody"), visit("v3", branch="Nowhere"),
        visit("v4", ends_at="2026-01-11T09:00:00Z"), visit("v5", starts_at="2026-01-11T09:00:00"),
        visit("v6", status="lost"), visit("v7", branch="Centro", patient="boris"),
    )  # fmt: skip
    assert outcomes(report) == [(0, "v1", "created"), (6, "v7", "created")]
    assert refusals(report) == [
        (1, "/patient", "unknown-reference"),
        (2, "/branch", "unknown-reference"),
        (3, "/ends_at", "ends-before-it-starts"),
        (4, "/starts_at", "not-an-rfc-3339-moment"),
        (5, "/status", "enum"),
    ]
    mine = await world.get("/v1/me/appointments", world.here.patient)
    assert [item["starts_at"] for item in mine.json()["items"]] == ["2026-01-11T09:00:00.000Z"]


async def test_a_visit_goes_only_where_visits_can_go(world: World) -> None:
    for version, status in enumerate(["booked", "confirmed", "arrived", "completed"], start=1):
        assert (await push(world, VISITS, visit(version=version, status=status)))["refused"] == 0
    report = await push(world, VISITS, visit(version=9, status="booked"), visit("v2", status="no_show"))
    assert refusals(report) == [(0, "/status", "transition-not-allowed")]
    assert outcomes(report) == [(1, "v2", "created")]
    assert await kinds(world, "appointment.") == [
        f"appointment.{status}" for status in ("booked", "confirmed", "arrived", "completed", "no_show")
    ]


async def test_a_stale_visit_is_stale_even_where_it_could_not_go_there(world: World) -> None:
    await push(world, VISITS, visit(version=5, status="completed"))
    assert refusals(await push(world, VISITS, visit(version=4, status="booked"))) == [(0, "/version", "stale-version")]


async def test_a_moved_visit_is_an_event_of_its_own(world: World) -> None:
    await push(world, VISITS, visit())
    await push(world, VISITS, visit(version=2, starts_at="2026-01-12T09:00:00Z", ends_at="2026-01-12T10:00:00Z"))
    await push(world, VISITS, visit(version=3, starts_at="2026-01-12T09:00:00Z", ends_at="2026-01-12T11:00:00Z"))
    assert await kinds(world, "appointment.") == ["appointment.booked", "appointment.moved", "appointment.changed"]


async def test_a_patient_is_known_to_its_own_clinic_only(world: World) -> None:
    await push(world, PATIENTS, patient("only-here"))
    answer = await world.post(VISITS, world.there.partner, {"items": [visit(patient="only-here")]})
    assert refusals(answer.json()) == [(0, "/patient", "unknown-reference")]


async def test_an_app_may_not_push_after_it_was_revoked(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(
            text("update partner_app set revoked_at = now() where id = :id"), {"id": world.here.app_id}
        )
    answer = await world.post(PATIENTS, world.here.partner, {"items": [patient()]})
    assert (answer.status_code, answer.json()["code"]) == (401, "session-ended")


async def test_an_app_that_may_only_read_may_not_push(world: World) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update partner_app set scopes = '{clinic:read}'"))
    answer = await world.post(PATIENTS, world.here.partner, {"items": [patient()]})
    assert (answer.status_code, answer.json()["code"]) == (403, "not-allowed")
