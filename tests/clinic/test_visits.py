"""Visits: what the desk may book and change, what a clinic's system may tell, and who is master of which."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from core.clock import now
from core.database import NOBODY
from core.moments import rfc3339
from identity.commands import SystemNameReserved, make_partner_app
from tests.world import DAY, World

LAST_WEEK = now() - 7 * DAY
VISITS = "/v1/partner/sync/appointments"


async def booked(world: World, starts_at: datetime, length: timedelta = DAY / 24) -> tuple[int, dict[str, Any]]:
    body = {"starts_at": rfc3339(starts_at), "ends_at": rfc3339(starts_at + length)}
    answer = await world.post(f"/v1/staff/patients/{world.here.patient_id}/appointments", world.here.staff, body)
    return answer.status_code, answer.json()


async def changed(world: World, appointment_id: UUID | str, status: str) -> tuple[int, dict[str, Any]]:
    answer = await world.post(f"/v1/staff/appointments/{appointment_id}/status", world.here.staff, {"status": status})
    return answer.status_code, answer.json()


async def pushed(world: World, **changes: Any) -> dict[str, Any]:
    row = {
        "external_id": "v1", "version": 1, "patient": "anna", "status": "booked",
        "starts_at": rfc3339(LAST_WEEK), "ends_at": rfc3339(LAST_WEEK + DAY / 24), **changes,
    }  # fmt: skip
    answer = await world.post(VISITS, world.here.partner, {"items": [row]})
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


@pytest.mark.parametrize(
    ("ahead", "length", "fault"),
    [
        (-DAY, DAY / 24, ("/starts_at", "in-the-past")),
        (-80 * 365 * DAY, DAY / 24, ("/starts_at", "in-the-past")),
        (3 * 365 * DAY, DAY / 24, ("/starts_at", "too-far-ahead")),
        (DAY, 2 * DAY, ("/ends_at", "longer-than-a-day")),
        (DAY, 170 * 365 * DAY, ("/ends_at", "longer-than-a-day")),
    ],
)
async def test_the_desk_books_what_can_take_place(
    world: World, ahead: timedelta, length: timedelta, fault: tuple[str, str]
) -> None:
    status, answer = await booked(world, now() + ahead, length)
    assert (status, answer["code"]) == (422, "visit-not-bookable")
    assert answer["errors"] == [{"pointer": fault[0], "code": fault[1]}]


async def test_of_many_identical_bookings_at_once_one_is_a_visit(world: World) -> None:
    start = now() + 3 * DAY
    answers = await asyncio.gather(*(booked(world, start) for _ in range(20)))
    assert sorted(status for status, _ in answers) == [201] + [409] * 19
    assert {answer["code"] for status, answer in answers if status == 409} == {"visit-overlaps"}
    mine = await world.get("/v1/me/appointments", world.here.patient)
    assert len(mine.json()["items"]) == 1


async def test_a_patient_has_no_two_visits_at_one_time_until_the_first_is_cancelled(world: World) -> None:
    start, hour = now() + 3 * DAY, DAY / 24
    _, first = await booked(world, start, hour)
    for begin, length in ((start - hour / 2, hour), (start + hour / 2, hour), (start - hour, 3 * hour)):
        status, answer = await booked(world, begin, length)
        assert (status, answer["code"]) == (409, "visit-overlaps")
    assert (await booked(world, start - hour, hour))[0] == 201, "end to end"
    assert (await booked(world, start + hour, hour))[0] == 201, "end to end"
    assert (await changed(world, first["appointment_id"], "cancelled"))[0] == 200
    assert (await booked(world, start, hour))[0] == 201


async def test_no_visit_is_booked_over_one_of_the_clinics_system(world: World) -> None:
    start = now() + 3 * DAY
    await pushed(world, starts_at=rfc3339(start), ends_at=rfc3339(start + DAY / 24))
    status, answer = await booked(world, start)
    assert (status, answer["code"]) == (409, "visit-overlaps")


@pytest.mark.parametrize("status", ["arrived", "in_chair", "completed", "no_show"])
async def test_nobody_comes_or_stays_away_before_the_day(world: World, status: str) -> None:
    _, visit = await booked(world, now() + 60 * DAY)
    code, answer = await changed(world, visit["appointment_id"], status)
    assert (code, answer["code"]) == (409, "visit-day-not-begun")
    assert answer["errors"] == [{"pointer": "/status", "code": "day-not-begun"}]
    assert (await changed(world, visit["appointment_id"], "confirmed"))[0] == 200
    assert (await changed(world, visit["appointment_id"], "cancelled"))[0] == 200


@pytest.mark.parametrize("status", ["completed", "no_show"])
async def test_a_system_does_not_tell_of_a_day_to_come(world: World, status: str) -> None:
    start = now() + 60 * DAY
    report = await pushed(world, status=status, starts_at=rfc3339(start), ends_at=rfc3339(start + DAY / 24))
    assert [each["errors"] for each in report["refusals"]] == [[{"pointer": "/status", "code": "day-not-begun"}]]


async def test_a_system_tells_of_no_visit_longer_than_a_day(world: World) -> None:
    report = await pushed(world, ends_at="2199-01-01T00:00:00Z")
    assert [each["errors"] for each in report["refusals"]] == [[{"pointer": "/ends_at", "code": "longer-than-a-day"}]]


async def test_visits_of_long_ago_are_taken_in(world: World) -> None:
    old = {"starts_at": "1999-03-01T09:00:00Z", "ends_at": "1999-03-01T10:00:00Z"}
    assert (await pushed(world, status="completed", **old))["created"] == 1


async def test_a_visit_of_the_clinics_system_is_changed_there_and_follows_it(world: World) -> None:
    row = (await pushed(world))["rows"][0]
    code, answer = await changed(world, row["id"], "cancelled")
    assert (code, answer["code"]) == (409, "visit-of-another-system")
    assert (await pushed(world))["unchanged"] == 1
    assert (await pushed(world, version=2, status="confirmed"))["updated"] == 1
    mine = await world.get("/v1/me/appointments", world.here.patient)
    assert [item["status"] for item in mine.json()["items"]] == ["confirmed"]


async def test_a_visit_of_another_clinic_is_not_there_whoever_keeps_it(world: World) -> None:
    row = (await pushed(world))["rows"][0]
    answer = await world.post(f"/v1/staff/appointments/{row['id']}/status", world.there.staff, {"status": "cancelled"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


async def test_no_system_may_bear_our_own_name(world: World) -> None:
    async with world.database.writing(NOBODY) as writing:
        with pytest.raises(SystemNameReserved):
            await make_partner_app(writing, world.keys, world.here.clinic_id, "Impostor", "enamel", now())


@pytest.mark.parametrize("bad_first", [True, False])
async def test_of_two_rows_with_one_name_neither_is_taken_even_where_one_is_wrong_anyway(
    world: World, bad_first: bool
) -> None:
    good = {
        "external_id": "twin", "branch": "Centro", "given_name": "Anna", "family_name": "Rossi",
        "birth_date": date(1985, 5, 17).isoformat(),
    }  # fmt: skip
    twins = [{**good, "birth_date": "never"}, good]
    answer = await world.post(
        "/v1/partner/sync/patients", world.here.partner, {"items": twins if bad_first else twins[::-1]}
    )
    assert answer.json()["created"] == 0
    codes = {each["index"]: [fault["code"] for fault in each["errors"]] for each in answer.json()["refusals"]}
    assert codes[1 if bad_first else 0] == ["given-twice"]
    assert len(codes) == 2
