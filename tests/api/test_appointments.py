"""What patients see of their visits and do about them: confirm, call off, ask for another time."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from clinic.visit_label import LABELS
from core.clock import now
from tests.api.visits import HOUR, JSON, booked, published, pushed, rules, times
from tests.world import DAY, World

MINE = "/v1/me/appointments"


async def listed(world: World, **filters: Any) -> list[JSON]:
    answer = await world.get(MINE, world.here.patient, params=filters)
    assert answer.status_code == 200, answer.text
    found: list[JSON] = answer.json()["items"]
    return found


async def asked(world: World, appointment_id: str, what: str, body: JSON | None = None) -> tuple[int, JSON]:
    answer = await world.http.post(f"{MINE}/{appointment_id}/{what}", headers=world.here.patient, json=body)
    return answer.status_code, answer.json()


async def desk(world: World, appointment_id: str, what: str, body: JSON) -> tuple[int, JSON]:
    answer = await world.post(f"/v1/staff/appointments/{appointment_id}/{what}", world.here.staff, body)
    return answer.status_code, answer.json()


async def events(world: World, like: str) -> list[str]:
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(text("select kind from event where kind like :like order by id"), {"like": like})
        return [row.kind for row in rows]


async def sequence(world: World) -> int:
    async with world.database.reading(world.here.scope) as reading:
        return int((await reading.execute(text("select ical_sequence from appointment"))).scalar_one())


async def test_visits_are_listed_as_a_whole_to_come_or_past_page_by_page(world: World) -> None:
    start = now()
    rows = [
        {"external_id": f"v{days}", "patient": "anna", **times(start + days * DAY)} for days in (-9, -5, -1, 1, 5, 9)
    ]
    await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": rows})
    running = {"external_id": "now", "patient": "anna", **times(start - HOUR / 2)}
    await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [running]})
    whole = [item["starts_at"] for item in await listed(world)]
    assert whole == sorted(whole)
    assert [item["starts_at"] for item in await listed(world, when="upcoming")] == whole[3:], "one is going on"
    assert [item["starts_at"] for item in await listed(world, when="past")] == whole[2::-1]
    for when, seen in (("all", whole), ("upcoming", whole[3:]), ("past", whole[2::-1])):
        found, cursor = [], None
        while True:
            params = {"when": when, "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = (await world.get(MINE, world.here.patient, params=params)).json()
            found += [item["starts_at"] for item in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert found == seen


async def test_a_cursor_of_one_list_is_none_of_another(world: World) -> None:
    for days in (2, 3, 4):
        await booked(world, now() + days * DAY)
    page = (await world.get(MINE, world.here.patient, params={"limit": 1})).json()
    answer = await world.get(MINE, world.here.patient, params={"when": "past", "cursor": page["next_cursor"]})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("starts_at", "rome", "new_york"),
    [
        (datetime(2027, 3, 28, 0, 30, tzinfo=UTC), "2027-03-28T01:30:00+01:00", "2027-03-27T20:30:00-04:00"),
        (datetime(2027, 3, 28, 1, 0, tzinfo=UTC), "2027-03-28T03:00:00+02:00", "2027-03-27T21:00:00-04:00"),
        (datetime(2027, 10, 31, 0, 30, tzinfo=UTC), "2027-10-31T02:30:00+02:00", "2027-10-30T20:30:00-04:00"),
        (datetime(2027, 10, 31, 1, 30, tzinfo=UTC), "2027-10-31T02:30:00+01:00", "2027-10-30T21:30:00-04:00"),
        (datetime(2027, 3, 14, 6, 30, tzinfo=UTC), "2027-03-14T07:30:00+01:00", "2027-03-14T01:30:00-05:00"),
        (datetime(2027, 3, 14, 7, 0, tzinfo=UTC), "2027-03-14T08:00:00+01:00", "2027-03-14T03:00:00-04:00"),
    ],
)
async def test_a_visit_stands_on_the_branchs_clock_and_on_the_patients_across_clock_changes(
    world: World, starts_at: datetime, rome: str, new_york: str
) -> None:
    row = {"external_id": "v", "patient": "anna", **times(starts_at)}
    await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    (visit,) = await listed(world, zone="America/New_York")
    assert (visit["zone"], visit["starts_local"]) == ("Europe/Rome", rome)
    assert (visit["elsewhere"]["zone"], visit["elsewhere"]["starts_local"]) == ("America/New_York", new_york)
    assert (await listed(world))[0]["elsewhere"] is None


async def test_a_zone_that_there_is_not_is_refused(world: World) -> None:
    answer = await world.get(MINE, world.here.patient, params={"zone": "Europe/Atlantis"})
    assert answer.json()["errors"] == [{"pointer": "/zone", "code": "not-an-iana-time-zone"}]


async def test_a_state_is_called_as_the_clinic_calls_it_and_else_as_we_do(world: World) -> None:
    await booked(world, now() + DAY)
    words = {"items": [{"status": "booked", "language": "it", "label": "In agenda"}]}
    answer = await world.http.put("/v1/staff/visit-labels", headers=world.here.staff, json=words)
    assert answer.json() == words
    told = {}
    for language in ("it-IT", "ru", "zh", "en", "fr"):
        page = await world.get(MINE, {**world.here.patient, "accept-language": language})
        told[language] = page.json()["items"][0]["status_label"]
    assert told == {"it-IT": "In agenda", "ru": "Записан", "zh": "已预约", "en": "Booked", "fr": "Booked"}
    await world.http.put("/v1/staff/visit-labels", headers=world.here.staff, json={"items": []})
    page = await world.get(MINE, {**world.here.patient, "accept-language": "it"})
    assert page.json()["items"][0]["status_label"] == "Prenotato"


def test_every_state_has_a_word_in_every_language() -> None:
    assert {len(set(words.values())) for words in LABELS.values()} == {4}


async def test_the_same_state_is_not_named_twice(world: World) -> None:
    word = {"status": "booked", "language": "it", "label": "In agenda"}
    answer = await world.http.put("/v1/staff/visit-labels", headers=world.here.staff, json={"items": [word, word]})
    assert answer.json()["errors"] == [{"pointer": "/items/1", "code": "given-twice"}]


async def test_a_visit_booked_here_is_confirmed_by_its_patient_once(world: World) -> None:
    visit = await booked(world, now() + DAY)
    answers = await asyncio.gather(*(asked(world, visit["appointment_id"], "confirmation") for _ in range(5)))
    assert {(status, answer["status"]) for status, answer in answers} == {(200, "confirmed")}
    assert len({answer["confirmed_by_patient_at"] for _, answer in answers}) == 1
    assert await events(world, "appointment.confirmed%") == [
        "appointment.confirmed_by_patient", "appointment.confirmed",
    ]  # fmt: skip


async def test_a_confirmed_visit_of_the_clinics_system_keeps_its_state_with_the_word_beside_it(world: World) -> None:
    start = now() + 3 * DAY
    visit = await pushed(world, start)
    status, answer = await asked(world, visit, "confirmation")
    assert (status, answer["status"], answer["booked_here"]) == (200, "booked", False)
    assert answer["confirmed_by_patient_at"]
    await pushed(world, start, version=2, practitioner="Dr. Verdi")
    assert (await listed(world))[0]["confirmed_by_patient_at"], "the time is the same"
    await pushed(world, start + DAY, version=3)
    assert (await listed(world))[0]["confirmed_by_patient_at"] is None, "the word was for another time"


async def test_nobody_confirms_what_the_clinic_has_not_booked_or_what_is_over(world: World) -> None:
    requested = await pushed(world, now() + DAY, status="requested")
    status, answer = await asked(world, requested, "confirmation")
    assert (status, answer["code"]) == (409, "transition-not-allowed")
    over = await pushed(world, now() - DAY, external_id="v2")
    assert (await asked(world, over, "confirmation"))[0] == 409


async def test_a_visit_booked_here_is_called_off_at_once_and_once_however_often_it_is_said(world: World) -> None:
    await rules(world, notice=24)
    visit = await booked(world, now() + 2 * DAY)
    answers = await asyncio.gather(
        *(asked(world, visit["appointment_id"], "cancellation", {"reason": "no_time"}) for _ in range(5))
    )
    assert {(status, answer["visit"]["status"], answer["request"]) for status, answer in answers} == {
        (200, "cancelled", None)
    }
    assert await events(world, "appointment.cancelled") == ["appointment.cancelled"]


async def test_later_than_the_branchs_notice_only_a_call_helps(world: World) -> None:
    await rules(world, notice=48)
    for visit in ((await booked(world, now() + DAY))["appointment_id"], await pushed(world, now() + DAY + HOUR)):
        for what in ("cancellation", "move"):
            status, answer = await asked(world, visit, what, {})
            assert (status, answer["code"]) == (409, "call-the-clinic")
    await rules(world, notice=2)
    assert (await asked(world, visit, "cancellation", {}))[0] == 200


async def test_of_a_visit_of_the_clinics_system_its_end_is_asked_for_and_comes_with_the_sync(world: World) -> None:
    start = now() + 3 * DAY
    visit = await pushed(world, start)
    status, answer = await asked(world, visit, "cancellation", {"reason": "other"})
    assert (status, answer["visit"]["status"], answer["request"]["kind"]) == (200, "booked", "cancel_visit")
    again = await asked(world, visit, "cancellation", {"reason": "other"})
    assert again == (200, answer), "asked again after a lost answer"
    assert (await asked(world, visit, "cancellation", {"reason": "unwell"}))[1]["code"] == "request-already-open"
    await asked(world, visit, "move", {"words": "After school", "parts": ["afternoon"]})
    await pushed(world, start, version=2, status="cancelled")
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert {each["kind"]: each["status"] for each in mine} == {"cancel_visit": "accepted", "move_visit": "lapsed"}


async def test_a_move_is_asked_for_and_answered_by_the_new_time(world: World) -> None:
    visit = (await booked(world, now() + 3 * DAY))["appointment_id"]
    await asked(world, visit, "confirmation")
    status, answer = await asked(world, visit, "move", {"weekdays": [0, 2], "words": "Later, please"})
    assert (status, answer["request"]["details"]) == (200, {"weekdays": [0, 2], "words": "Later, please"})
    again = await asked(world, visit, "move", {"weekdays": [0, 2], "words": "Later, please"})
    assert again == (200, answer), "asked again after a lost answer"
    status, moved = await desk(world, visit, "time", times(now() + 5 * DAY))
    assert (status, moved["status"], moved["confirmed_by_patient_at"]) == (200, "booked", None)
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    assert [each["status"] for each in mine] == ["accepted"]
    assert await events(world, "appointment.moved") == ["appointment.moved"]


async def test_what_desk_and_patient_do_at_once_ends_without_a_deadlock(world: World) -> None:
    await rules(world)
    visit = (await booked(world, now() + 3 * DAY))["appointment_id"]
    slots = await published(world, *(now() + days * DAY for days in (4, 5, 6)))
    answers = await asyncio.gather(
        *(asked(world, visit, "move", {"slot_id": slot}) for slot in slots),
        *(asked(world, visit, "move", {"words": "Later"}) for _ in range(4)),
        *(desk(world, visit, "time", times(now() + days * DAY)) for days in (7, 8, 9)),
        asked(world, visit, "confirmation"),
        desk(world, visit, "status", {"status": "confirmed"}),
    )
    assert {status for status, _ in answers} <= {200, 409}
    held = [answer for _, answer in answers if answer.get("code") == "slot-taken"]
    assert held == [], "each of the times was free for this visit"


async def test_a_visit_is_not_moved_over_another_but_may_shift_over_itself(world: World) -> None:
    start = now() + 3 * DAY
    visit = (await booked(world, start))["appointment_id"]
    await booked(world, start + 2 * HOUR)
    status, answer = await desk(world, visit, "time", times(start + HOUR + HOUR / 2))
    assert (status, answer["code"]) == (409, "visit-overlaps")
    assert (await desk(world, visit, "time", times(start + HOUR / 2)))[0] == 200


async def test_moves_of_two_visits_into_one_hour_at_once_let_one_through(world: World) -> None:
    start = now() + 3 * DAY
    visits = [(await booked(world, start + each * DAY))["appointment_id"] for each in range(4)]
    answers = await asyncio.gather(*(desk(world, each, "time", times(start + 9 * DAY)) for each in visits))
    assert sorted(status for status, _ in answers) == [200, 409, 409, 409]


async def test_what_the_clinics_system_keeps_is_moved_there(world: World) -> None:
    visit = await pushed(world, now() + 3 * DAY)
    status, answer = await desk(world, visit, "time", times(now() + 4 * DAY))
    assert (status, answer["code"]) == (409, "visit-of-another-system")


async def test_calendars_count_every_change_of_a_visit_whoever_keeps_it(world: World) -> None:
    start = now() + 3 * DAY
    await pushed(world, start)
    assert await sequence(world) == 0
    await pushed(world, start)
    assert await sequence(world) == 0, "nothing changed"
    await pushed(world, start + HOUR, version=2)
    assert await sequence(world) == 1


async def test_calendars_count_every_change_of_a_visit_of_ours(world: World) -> None:
    visit = (await booked(world, now() + 3 * DAY))["appointment_id"]
    await desk(world, visit, "time", times(now() + 4 * DAY))
    assert await sequence(world) == 1
    await desk(world, visit, "status", {"status": "cancelled"})
    assert await sequence(world) == 2


async def test_a_visit_is_asked_for_where_no_time_is_published(world: World) -> None:
    answer = await world.post(
        "/v1/me/booking-requests", world.here.patient, {"service": "Hygiene", "parts": ["morning"]}
    )
    assert answer.status_code == 201
    again = await world.post(
        "/v1/me/booking-requests", world.here.patient, {"service": "Hygiene", "parts": ["morning"]}
    )
    assert again.json() == answer.json(), "asked again after a lost answer"
    (waits,) = (await world.get("/v1/staff/requests", world.here.staff)).json()["items"]
    assert waits["request"]["details"] == {"service": "Hygiene", "parts": ["morning"]}


async def test_one_wish_said_often_is_one_request_and_five_others_may_wait(world: World) -> None:
    path, wish = "/v1/me/booking-requests", {"service": "Hygiene"}
    said = await asyncio.gather(*(world.post(path, world.here.patient, wish) for _ in range(12)))
    assert {each.status_code for each in said} == {201}
    assert len({each.json()["request_id"] for each in said}) == 1
    others = await asyncio.gather(
        *(world.post(path, world.here.patient, {**wish, "words": str(each)}) for each in range(8))
    )
    assert sorted(each.status_code for each in others) == [201] * 4 + [409] * 4
    assert {each.json()["code"] for each in others if each.status_code == 409} == {"too-many-open-requests"}
    assert (await world.post(path, world.here.patient, wish)).status_code == 201, "the same is no sixth"
    assert len((await world.get("/v1/staff/requests", world.here.staff)).json()["items"]) == 5


@pytest.mark.parametrize(
    ("wish", "errors"),
    [
        ({"from_day": "2026-01-02"}, [("/from_day", "in-the-past")]),
        ({"until_day": "2026-01-02"}, [("/until_day", "in-the-past")]),
        ({"from_day": "2120-02-02", "until_day": "2120-02-01"}, [("/until_day", "ends-before-start")]),
    ],
)
async def test_nothing_is_asked_for_on_days_that_cannot_be(
    world: World, wish: dict[str, str], errors: list[tuple[str, str]]
) -> None:
    visit = (await booked(world, now() + 3 * DAY))["appointment_id"]
    for path, service in (("/v1/me/booking-requests", {"service": "Hygiene"}), (f"{MINE}/{visit}/move", {})):
        answer = await world.post(path, world.here.patient, {**service, **wish})
        assert answer.status_code == 422, answer.text
        assert [(each["pointer"], each["code"]) for each in answer.json()["errors"]] == errors
    assert (await world.get("/v1/staff/requests", world.here.staff)).json()["items"] == []


async def test_a_visit_is_asked_for_by_its_service_or_in_words(world: World) -> None:
    path = "/v1/me/booking-requests"
    answer = await world.post(path, world.here.patient, {"service": " ", "words": "  "})
    assert (answer.status_code, answer.json()["errors"]) == (422, [{"pointer": "/service", "code": "missing"}])
    assert (await world.post(path, world.here.patient, {"words": "A check"})).status_code == 201
    elsewhere = {"service": "Hygiene", "branch_id": str(world.there.branch_id)}
    assert (await world.post(path, world.here.patient, elsewhere)).status_code == 404


async def test_the_desk_sees_a_branchs_day_by_its_own_clock_with_names(world: World) -> None:
    for starts_at in ("2027-10-30T21:59:00Z", "2027-10-30T22:00:00Z", "2027-10-31T22:59:00Z", "2027-10-31T23:00:00Z"):
        at = datetime.fromisoformat(starts_at)
        row = {"external_id": starts_at, "patient": "anna", **times(at, HOUR / 60)}
        await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [row]})
    path = f"/v1/staff/branches/{world.here.branch_id}/appointments"
    answer = await world.get(path, world.here.staff, params={"day": "2027-10-31"})
    found = [(each["patient_name"], each["visit"]["starts_local"]) for each in answer.json()["items"]]
    assert found == [("Anna Rossi", "2027-10-31T00:00:00+02:00"), ("Anna Rossi", "2027-10-31T23:59:00+01:00")]


async def test_the_desk_sees_a_patients_visits(world: World) -> None:
    await booked(world, now() + DAY, service="Hygiene")
    answer = await world.get(f"/v1/staff/patients/{world.here.patient_id}/appointments", world.here.staff)
    assert [item["service"] for item in answer.json()["items"]] == ["Hygiene"]


async def test_a_branch_is_told_with_its_rules(world: World) -> None:
    body = {"booking": "direct", "cancel_notice_hours": 6, "most_ahead": 2}
    path = f"/v1/staff/branches/{world.here.branch_id}/booking"
    assert (await world.http.put(path, headers=world.here.staff, json=body)).json() == body
    mine = (await world.get("/v1/me/branches", world.here.patient)).json()["items"]
    assert [(each["name"], each["rules"]) for each in mine] == [("Centro", body)]
    assert (await world.get("/v1/staff/branches", world.here.staff)).json()["items"] == mine
