"""Free times: listed while they are free, booked by one, and never twice at one hour by the same patient."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from core.clock import now
from core.moments import rfc3339
from tests.api.visits import HOUR, booked, crowd, published, pushed, rules, times
from tests.conftest import Queries
from tests.world import DAY, World

SLOTS = "/v1/me/slots"


async def book(
    world: World, slot: str, headers: dict[str, str] | None = None, **body: str
) -> tuple[int, dict[str, object]]:
    answer = await world.post(f"{SLOTS}/{slot}/booking", headers or world.here.patient, body)
    return answer.status_code, answer.json()


async def listed(world: World, **filters: object) -> list[str]:
    answer = await world.get(SLOTS, world.here.patient, params=filters)
    assert answer.status_code == 200, answer.text
    return [item["slot_id"] for item in answer.json()["items"]]


async def test_of_fifty_who_book_one_time_at_once_one_has_it_and_the_others_are_told_of_others(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    slot, *others = await published(world, *(start + timedelta(hours=hours) for hours in (0, 2, -3, 4, -5, 6, 24)))
    people = [world.here.patient, *await crowd(world, 49)]
    answers = await asyncio.gather(*(book(world, slot, headers) for headers in people))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 49}
    for status, answer in answers:
        if status == 409:
            assert answer["code"] == "slot-taken"
            named = [each["slot_id"] for each in answer["alternatives"]]  # type: ignore[attr-defined]
            assert named == others[:5], "the nearest first"
    visits = [len((await world.get("/v1/me/appointments", headers)).json()["items"]) for headers in people]
    assert sum(visits) == 1
    assert slot not in await listed(world)


async def test_one_patient_who_books_two_times_of_one_hour_at_once_has_one_visit(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    starts = (start + timedelta(minutes=10 * each) for each in range(6))
    slots = await published(world, *starts, practitioner="")
    answers = await asyncio.gather(*(book(world, slot) for slot in slots))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 5}
    assert {answer["code"] for status, answer in answers if status == 409} == {"visit-overlaps"}
    assert len(await listed(world)) == 5, "who was refused took nothing away"


async def test_of_twenty_who_book_overlapping_times_of_one_practitioner_at_once_one_is_treated(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    slots = await published(world, *(start + timedelta(minutes=2 * each) for each in range(20)))
    (later,) = await published(world, start + 5 * HOUR, practitioner="dr. bianchi")
    people = [world.here.patient, *await crowd(world, 19)]
    answers = await asyncio.gather(*(book(world, *each) for each in zip(slots, people, strict=True)))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 19}
    assert {answer["code"] for status, answer in answers if status == 409} == {"slot-taken"}
    assert await listed(world) == [later], "nobody is shown a time at which its practitioner is busy"
    _, again = await book(world, slots[0 if answers[0][0] == 409 else 1], people[-1 if answers[-1][0] == 409 else 0])
    assert [each["slot_id"] for each in again["alternatives"]] == [later]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("entered", "status"),
    [
        ({}, 409),
        ({"practitioner": "dr. bianchi"}, 409),
        ({"practitioner": "Dr. Verdi"}, 201),
        ({"status": "cancelled"}, 201),
    ],
)
async def test_a_practitioner_with_a_visit_in_the_diary_is_booked_for_no_other(
    world: World, entered: dict[str, str], status: int
) -> None:
    await rules(world)
    start = now() + 3 * DAY
    visit: dict[str, Any] = {"practitioner": "Dr. Bianchi", **entered}
    await pushed(world, start - HOUR / 2, **visit)
    (slot,) = await published(world, start)
    (somebody,) = await crowd(world, 1)
    assert (await book(world, slot, somebody))[0] == status


async def test_a_practitioner_with_a_private_visit_is_booked_for_no_other_and_a_visit_moves_beside_itself(
    world: World,
) -> None:
    await rules(world)
    start = now() + 3 * DAY
    first, second, third = await published(world, start, start + HOUR / 2, start + 3 * HOUR)
    _, visit = await book(world, first)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update appointment set private = true"))
    (somebody,) = await crowd(world, 1)
    assert (await book(world, second, somebody))[0] == 409
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    assert (await world.post(path, world.here.patient, {"slot_id": second})).status_code == 200
    assert (await book(world, third, somebody))[0] == 201
    answer = await world.post(path, world.here.patient, {"slot_id": third})
    assert answer.json()["code"] == "slot-taken"


async def test_a_time_for_several_services_is_booked_for_one_that_is_named(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY, services=["Hygiene", "Implant"])
    for blank in ("", "  "):
        status, answer = await book(world, slot, service=blank)
        assert (status, answer["errors"]) == (422, [{"pointer": "/service", "code": "missing"}])
    assert (await book(world, slot, service="Implant"))[0] == 201


async def test_a_time_booked_again_after_a_lost_answer_is_the_same_visit(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    answers = await asyncio.gather(*(book(world, slot) for _ in range(5)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["appointment_id"] for _, answer in answers}) == 1


async def test_a_time_that_is_shut_or_has_begun_is_taken_for_whoever_kept_its_id(world: World) -> None:
    await rules(world)
    for slot in await published(world, now() - HOUR) + await published(world, now() + DAY, is_open=False):
        status, answer = await book(world, slot)
        assert (status, answer["code"]) == (409, "slot-taken")


async def test_a_branch_that_books_directly_has_the_visit_booked(world: World) -> None:
    await rules(world, "direct")
    (slot,) = await published(world, now() + 3 * DAY)
    status, visit = await book(world, slot, service="Hygiene")
    assert (status, visit["status"], visit["service"], visit["practitioner"]) == (
        201, "booked", "Hygiene", "Dr. Bianchi",
    )  # fmt: skip


async def test_a_branch_that_wants_to_be_asked_books_or_declines_and_a_declined_time_is_free_again(
    world: World,
) -> None:
    await rules(world, "request")
    slots = await published(world, now() + 3 * DAY, now() + 4 * DAY)
    for slot, verdict, state in zip(slots, ("accepted", "declined"), ("booked", "declined"), strict=True):
        _, visit = await book(world, slot)
        assert visit["status"] == "requested"
        inbox = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
        assert [each["request"]["subject_id"] for each in inbox] == [visit["appointment_id"]]
        path = f"/v1/staff/requests/{inbox[0]['request']['request_id']}/answer"
        assert (await world.post(path, world.here.staff, {"verdict": verdict})).status_code == 200
        again = await world.get(f"/v1/me/appointments/{visit['appointment_id']}", world.here.patient)
        assert again.json()["status"] == state
    assert await listed(world) == [slots[1]]


async def test_the_desk_that_books_a_requested_visit_itself_has_answered_the_request(world: World) -> None:
    await rules(world, "request")
    (slot,) = await published(world, now() + 3 * DAY)
    _, visit = await book(world, slot)
    path = f"/v1/staff/appointments/{visit['appointment_id']}/status"
    assert (await world.post(path, world.here.staff, {"status": "booked"})).status_code == 200
    assert (await world.get("/v1/staff/requests", world.here.staff)).json()["items"] == []
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert [each["status"] for each in mine] == ["accepted"]


async def test_a_visit_called_off_gives_its_time_back(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    _, visit = await book(world, slot)
    assert await listed(world) == []
    path = f"/v1/me/appointments/{visit['appointment_id']}/cancellation"
    answer = await world.post(path, world.here.patient, {"reason": "no_time"})
    assert (answer.status_code, answer.json()["visit"]["status"]) == (200, "cancelled")
    assert await listed(world) == [slot]


async def test_a_patient_books_so_many_visits_ahead_and_no_more(world: World) -> None:
    await rules(world, most=2)
    slots = await published(world, *(now() + days * DAY for days in (3, 4, 5)))
    assert [(await book(world, slot))[0] for slot in slots] == [201, 201, 409]
    assert (await book(world, slots[2]))[1]["code"] == "too-many-visits-ahead"


async def test_ten_bookings_of_one_patient_at_once_are_no_more_than_the_branch_allows(world: World) -> None:
    await rules(world, most=2)
    slots = await published(world, *(now() + days * DAY for days in range(3, 13)))
    answers = await asyncio.gather(*(book(world, slot) for slot in slots))
    assert Counter(status for status, _ in answers) == {201: 2, 409: 8}


async def test_no_time_is_booked_over_a_visit_of_the_clinics_system(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    await booked(world, start + HOUR / 2)
    (slot,) = await published(world, start)
    status, answer = await book(world, slot)
    assert (status, answer["code"]) == (409, "visit-overlaps")


async def test_a_time_is_booked_for_a_service_it_is_for(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    status, answer = await book(world, slot, service="Implant")
    assert (status, answer["errors"]) == (422, [{"pointer": "/service", "code": "not-offered-here"}])


async def test_only_what_is_open_and_ahead_is_listed_by_what_is_looked_for(world: World) -> None:
    soon, later = now() + 2 * DAY, now() + 9 * DAY
    (first,) = await published(world, soon)
    (second,) = await published(world, later, services=[], practitioner="Dr. Verdi")
    await published(world, soon, is_open=False)
    await published(world, now() - DAY)
    await published(world, soon, party=world.there)
    assert await listed(world) == [first, second]
    assert await listed(world, service="Hygiene") == [first, second], "a time for anything is for hygiene too"
    assert await listed(world, service="Implant") == [second]
    assert await listed(world, practitioner="Dr. Verdi") == [second]
    assert await listed(world, starts_from=rfc3339(now() + 5 * DAY)) == [second]
    assert await listed(world, starts_before=rfc3339(now() + 5 * DAY)) == [first]
    assert await listed(world, branch_id=str(world.here.branch_id)) == [first, second]
    page = (await world.get(SLOTS, world.here.patient, params={"limit": 1})).json()
    rest = await world.get(SLOTS, world.here.patient, params={"limit": 1, "cursor": page["next_cursor"]})
    assert [page["items"][0]["slot_id"], rest.json()["items"][0]["slot_id"]] == [first, second]


async def test_what_was_booked_here_stays_booked_whatever_the_system_says_later(world: World) -> None:
    await rules(world)
    (other,) = await crowd(world, 1)
    row = {"external_id": "s1", "version": 1, "branch": "Centro", **times(now() + 3 * DAY)}
    made = await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [row]})
    slot = made.json()["rows"][0]["id"]
    await book(world, slot)
    for version, is_open in ((2, False), (3, True)):
        await world.post(
            "/v1/partner/sync/slots", world.here.partner, {"items": [{**row, "version": version, "is_open": is_open}]}
        )
    assert await listed(world) == []
    assert (await book(world, slot, other))[1]["code"] == "slot-taken"


async def test_a_visit_moves_into_a_free_time_and_leaves_its_own(world: World) -> None:
    await rules(world)
    first, second = await published(world, now() + 3 * DAY, now() + 4 * DAY)
    _, visit = await book(world, first)
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    answer = await world.post(path, world.here.patient, {"slot_id": second})
    assert answer.status_code == 200, answer.text
    assert answer.json()["request"] is None
    assert await listed(world) == [first]
    again = await world.post(path, world.here.patient, {"slot_id": second})
    assert again.json() == answer.json(), "asked again after a lost answer"
    assert await listed(world) == [first]


async def test_a_branch_that_wants_to_be_asked_moves_visits_itself(world: World) -> None:
    await rules(world, "request")
    visit = await booked(world, now() + 3 * DAY)
    (slot,) = await published(world, now() + 4 * DAY)
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    answer = await world.post(path, world.here.patient, {"slot_id": slot})
    assert (answer.status_code, answer.json()["code"]) == (409, "visit-moved-by-clinic")
    assert await listed(world) == [slot]


async def test_a_time_that_its_system_moves_while_it_is_being_booked_is_not_booked_at_its_old_hour(
    world: World,
) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(
            text("update slot set starts_at = starts_at + interval '5 h', ends_at = ends_at + interval '5 h'")
        )
        booking = asyncio.create_task(book(world, slot))
        while not await somebody_waits(world):  # noqa: ASYNC110  PostgreSQL sets no event when somebody waits
            await asyncio.sleep(0.02)
    status, answer = await booking
    assert (status, answer["code"]) == (409, "slot-taken")
    assert [each["slot_id"] for each in answer["alternatives"]] == [slot], "at its new hour"  # type: ignore[attr-defined]


async def somebody_waits(world: World) -> bool:
    waits = """
        select exists (
            select from pg_locks where not granted and pid in (
                select pid from pg_locks join pg_database on pg_database.oid = database
                where datname = current_database()
            )
        )
    """
    async with world.database.sweeping() as sweeping:
        return bool((await sweeping.execute(text(waits))).scalar_one())


async def test_who_says_when_the_time_began_as_they_saw_it_gets_no_other(world: World) -> None:
    await rules(world)
    start = now() + 3 * DAY
    first, second = await published(world, start, start + DAY)
    assert (await book(world, first, starts_at=rfc3339(start + HOUR)))[1]["code"] == "slot-taken"
    _, visit = await book(world, first, starts_at=rfc3339(start))
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    late = await world.post(path, world.here.patient, {"slot_id": second, "starts_at": rfc3339(start)})
    assert late.json()["code"] == "slot-taken"
    assert await listed(world) == [second]


async def test_a_visit_is_moved_only_into_a_time_for_its_service(world: World) -> None:
    await rules(world)
    (first,) = await published(world, now() + 3 * DAY)
    (second,) = await published(world, now() + 4 * DAY, services=["Implant"])
    _, visit = await book(world, first)
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    answer = await world.post(path, world.here.patient, {"slot_id": second})
    assert answer.json()["errors"] == [{"pointer": "/slot_id", "code": "not-offered-here"}]
    assert await listed(world) == [second]


async def test_a_visit_that_the_clinic_has_not_said_yes_to_is_not_moved_past_it(world: World) -> None:
    await rules(world, "request")
    first, second = await published(world, now() + 3 * DAY, now() + 4 * DAY)
    _, visit = await book(world, first)
    await rules(world, "direct")
    path = f"/v1/me/appointments/{visit['appointment_id']}/move"
    answer = await world.post(path, world.here.patient, {"slot_id": second})
    assert (answer.status_code, answer.json()["code"]) == (409, "visit-moved-by-clinic")


async def withdrawn(world: World) -> tuple[int, str]:
    (request,) = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    path = f"/v1/me/requests/{request['request_id']}/withdrawal"
    answer = await world.http.post(path, headers=world.here.patient)
    return answer.status_code, answer.json()["status"]


async def state(world: World, visit: object) -> str:
    answer = await world.get(f"/v1/me/appointments/{visit}", world.here.patient)
    return str(answer.json()["status"])


async def test_a_booking_that_is_taken_back_gives_its_time_back(world: World) -> None:
    await rules(world, "request")
    (slot,) = await published(world, now() + 3 * DAY)
    _, visit = await book(world, slot)
    assert await withdrawn(world) == (200, "withdrawn")
    assert await state(world, visit["appointment_id"]) == "cancelled"
    assert await listed(world) == [slot]
    assert (await world.get("/v1/staff/requests", world.here.staff)).json()["items"] == []


async def test_a_booking_taken_back_that_the_clinics_system_has_adopted_is_its_to_call_off(world: World) -> None:
    await rules(world, "request")
    start = now() + 3 * DAY
    (slot,) = await published(world, start)
    _, visit = await book(world, slot)
    await pushed(world, start, adopts=visit["appointment_id"], status="requested")
    assert await withdrawn(world) == (200, "withdrawn")
    assert await state(world, visit["appointment_id"]) == "requested"
    (asked,) = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    assert asked["request"]["kind"] == "cancel_visit"


@pytest.mark.parametrize("verdict", ["accepted", "declined"])
async def test_the_desk_answers_for_no_visit_that_the_clinics_system_has_adopted(world: World, verdict: str) -> None:
    await rules(world, "request")
    start = now() + 3 * DAY
    (slot,) = await published(world, start)
    _, visit = await book(world, slot)
    await pushed(world, start, adopts=visit["appointment_id"], status="requested")
    (asked,) = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    path = f"/v1/staff/requests/{asked['request']['request_id']}/answer"
    answer = await world.post(path, world.here.staff, {"verdict": verdict})
    assert (answer.status_code, answer.json()["code"]) == (409, "visit-of-another-system")
    assert await state(world, visit["appointment_id"]) == "requested"


async def test_nobody_says_yes_to_a_time_that_is_over(world: World) -> None:
    await rules(world, "request")
    (slot,) = await published(world, now() + 3 * DAY)
    await book(world, slot)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update appointment set starts_at = now() - interval '1 h', ends_at = now()"))
    (asked,) = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    path = f"/v1/staff/requests/{asked['request']['request_id']}/answer"
    answer = await world.post(path, world.here.staff, {"verdict": "accepted"})
    assert answer.json()["errors"] == [{"pointer": "/verdict", "code": "in-the-past"}]
    assert (await world.post(path, world.here.staff, {"verdict": "declined"})).status_code == 200


async def test_a_service_is_the_same_however_it_is_spelled(world: World) -> None:
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    assert await listed(world, service="hygiene", practitioner="dr. bianchi") == [slot]
    assert (await book(world, slot, service="HYGIENE"))[0] == 201


async def test_a_thousand_times_are_taken_in_with_as_many_statements_as_one(world: World, at_most: Queries) -> None:
    rows = [{"external_id": f"s{each}", "branch": "Centro", **times(now() + DAY + each * HOUR)} for each in range(1000)]
    with at_most(6):
        answer = await world.post("/v1/partner/sync/slots", world.here.partner, {"items": rows})
    assert answer.json()["created"] == 1000
