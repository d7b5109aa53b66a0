"""A visit that a patient booked here goes over to the clinic's own system: one visit all the way, under one id."""

from typing import Any

from core.clock import now
from core.ids import new_id
from tests.api.visits import HOUR, JSON, booked, published, rules, times
from tests.world import DAY, World

MINE = "/v1/me/appointments"


async def taken_over(world: World, **row: Any) -> JSON:
    fact = {"external_id": "m1", "version": 1, "patient": "anna", **row}
    answer = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [fact]})
    assert answer.status_code == 200, answer.text
    made: JSON = answer.json()
    return made


async def waiting(world: World) -> list[JSON]:
    answer = await world.get("/v1/partner/bookings", world.here.partner)
    found: list[JSON] = answer.json()["items"]
    return found


async def test_a_booked_time_is_told_to_the_system_and_its_visit_goes_over(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    slot = {"external_id": "s1", "version": 1, "branch": "Centro", **times(start)}
    made = await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [slot]})
    slot_id = made.json()["rows"][0]["id"]
    visit = (await world.post(f"/v1/me/slots/{slot_id}/booking", world.here.patient, {"service": "Hygiene"})).json()
    (booking,) = await waiting(world)
    assert (booking["patient"], booking["slot"], booking["service"]) == ("anna", "s1", "Hygiene")
    row = {"adopts": booking["appointment_id"], **times(start), "status": "confirmed", "service": "Igiene"}
    assert (await taken_over(world, **row))["updated"] == 1
    assert (await taken_over(world, **row))["unchanged"] == 1, "sent again after a lost answer"
    assert await waiting(world) == []
    mine = (await world.get(MINE, world.here.patient)).json()["items"]
    assert [(each["appointment_id"], each["status"], each["booked_here"]) for each in mine] == [
        (visit["appointment_id"], "confirmed", False)
    ]
    free = "/v1/me/slots"
    assert (await world.get(free, world.here.patient)).json()["items"] == []
    await taken_over(world, **{**row, "version": 2, "status": "cancelled"})
    assert [each["slot_id"] for each in (await world.get(free, world.here.patient)).json()["items"]] == [slot_id]


async def test_a_system_takes_over_only_what_is_booked_here_for_that_patient(world: World) -> None:
    visit = await booked(world, now() + 3 * DAY)
    there = await world.post(
        f"/v1/staff/patients/{world.there.patient_id}/appointments", world.there.staff, times(now() + 3 * DAY)
    )
    for adopts, patient in (
        (visit["appointment_id"], "boris"), (str(new_id()), "anna"), (there.json()["appointment_id"], "anna"),
    ):  # fmt: skip
        report = await taken_over(world, adopts=adopts, patient=patient, **times(now() + 9 * DAY))
        assert [each["errors"] for each in report["refusals"]] == [
            [{"pointer": "/adopts", "code": "unknown-reference"}]
        ]
    assert [each["booked_here"] for each in (await world.get(MINE, world.here.patient)).json()["items"]] == [True]


async def test_a_name_that_is_taken_adopts_nothing(world: World) -> None:
    visit = await booked(world, now() + 3 * DAY)
    await taken_over(world, **times(now() + 5 * DAY))
    report = await taken_over(world, version=2, adopts=visit["appointment_id"], **times(now() + 5 * DAY))
    assert report["refused"] == 1


async def test_a_row_that_says_what_cannot_follow_adopts_nothing_and_the_booking_still_waits(world: World) -> None:
    visit = await booked(world, now() + 3 * DAY)
    row = {"adopts": visit["appointment_id"], **times(now() + 3 * DAY)}
    report = await taken_over(world, **row, status="requested")
    assert [each["errors"] for each in report["refusals"]] == [
        [{"pointer": "/status", "code": "transition-not-allowed"}]
    ]
    assert [each["appointment_id"] for each in await waiting(world)] == [visit["appointment_id"]]
    (mine,) = (await world.get(MINE, world.here.patient)).json()["items"]
    assert (mine["booked_here"], mine["status"]) == (True, "booked")
    assert (await taken_over(world, **row, status="confirmed"))["updated"] == 1
    assert await waiting(world) == []


async def test_a_visit_that_went_over_is_called_off_by_asking(world: World) -> None:
    visit = await booked(world, now() + 3 * DAY)
    await taken_over(world, adopts=visit["appointment_id"], **times(now() + 3 * DAY))
    path = f"{MINE}/{visit['appointment_id']}/cancellation"
    answer = await world.post(path, world.here.patient, {})
    assert answer.json()["request"]["kind"] == "cancel_visit"


async def test_a_private_visit_is_called_off_by_its_patient_and_the_request_is_private_too(world: World) -> None:
    report = await taken_over(world, private=True, **times(now() + 3 * DAY))
    path = f"{MINE}/{report['rows'][0]['id']}/cancellation"
    assert (await world.post(path, world.here.patient, {})).status_code == 200
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert [each["kind"] for each in mine] == ["cancel_visit"]


async def test_bookings_are_told_page_by_page_and_of_one_clinic(world: World) -> None:
    for hours in range(3):
        await booked(world, now() + 3 * DAY + hours * HOUR)
    assert await published(world, now() + 4 * DAY, party=world.there)
    seen, cursor = [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await world.get("/v1/partner/bookings", world.here.partner, params=params)).json()
        seen += [each["starts_at"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(seen)
    assert len(seen) == 3
    assert (await world.get("/v1/partner/bookings", world.there.partner)).json()["items"] == []
