"""The waiting list: a freed time is offered to some who wait, and the first of them who accepts has it."""

import asyncio
from collections import Counter
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from core.clock import now
from tests.api.visits import HOUR, JSON, booked, crowd, offers, published, rules, times, waiting
from tests.world import DAY, World

OFFERS = "/v1/me/slot-offers"


async def accepted(world: World, offer: JSON, headers: dict[str, str]) -> tuple[int, JSON]:
    answer = await world.http.post(f"{OFFERS}/{offer['offer_id']}/acceptance", headers=headers)
    return answer.status_code, answer.json()


async def end_offers(world: World) -> None:
    """Two hours later."""
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update slot_offer set expires_at = expires_at - interval '3 hours'"))
        await writing.execute(text("update slot set held_until = held_until - interval '3 hours'"))
        await writing.execute(text("update waiting_entry set asked_until = asked_until - interval '3 hours'"))


async def offered_by_desk(world: World, **more: object) -> JSON:
    body = {"branch_id": str(world.here.branch_id), "services": ["Hygiene"], **times(now() + 2 * DAY), **more}
    answer = await world.post("/v1/staff/slot-offers", world.here.staff, body)
    assert answer.status_code == 201, answer.text
    made: JSON = answer.json()
    return made


async def test_of_all_who_accept_a_freed_time_at_once_one_has_it(world: World) -> None:
    people = await crowd(world, 20)
    for headers in people:
        await waiting(world, headers)
    assert (await offered_by_desk(world, most=20))["offered"] == 20
    asked = [(await offers(world, headers))[0] for headers in people]
    answers = await asyncio.gather(*(accepted(world, *each) for each in zip(asked, people, strict=True)))
    assert Counter(status for status, _ in answers) == {201: 1, 409: 19}
    assert {answer["code"] for status, answer in answers if status == 409} == {"offer-gone"}
    winner = next(index for index, (status, _) in enumerate(answers) if status == 201)
    assert answers[winner][1]["status"] == "booked"
    states = [(await offers(world, headers))[0]["status"] for headers in people]
    assert Counter(states) == {"accepted": 1, "gone": 19}
    left = (await world.get("/v1/staff/waiting-list", world.here.staff)).json()["items"]
    assert len(left) == 19, "who came too late goes on waiting"


async def test_an_offer_accepted_again_after_a_lost_answer_is_the_same_visit(world: World) -> None:
    await waiting(world, world.here.patient)
    await offered_by_desk(world)
    (offer,) = await offers(world, world.here.patient)
    first, second = [await accepted(world, offer, world.here.patient) for _ in range(2)]
    assert (first[0], second[0]) == (201, 201)
    assert first[1]["appointment_id"] == second[1]["appointment_id"]


async def test_five_are_asked_at_once_those_who_wait_longest(world: World) -> None:
    people = await crowd(world, 7)
    for headers in people:
        await waiting(world, headers)
    (slot,) = await published(world, now() + 2 * DAY, freed=True)
    asked = [[each["slot"]["slot_id"] for each in await offers(world, headers)] for headers in people]
    assert asked == [[slot]] * 5 + [[], []]


async def test_a_time_that_is_offered_is_nobody_elses_until_the_answer_is_due(world: World) -> None:
    await rules(world)
    (other,) = await crowd(world, 1)
    await waiting(world, world.here.patient)
    (slot,) = await published(world, now() + 2 * DAY, freed=True)
    path = f"/v1/me/slots/{slot}/booking"
    assert (await world.post(path, other, {})).json()["code"] == "slot-taken"
    assert (await world.get("/v1/me/slots", other)).json()["items"] == []
    await end_offers(world)
    (offer,) = await offers(world, world.here.patient)
    assert offer["status"] == "gone"
    assert (await accepted(world, offer, world.here.patient))[1]["code"] == "offer-gone"
    assert (await world.post(path, other, {})).status_code == 201


async def test_a_visit_called_off_is_offered_to_who_waits(world: World) -> None:
    await rules(world)
    (other,) = await crowd(world, 1)
    (slot,) = await published(world, now() + 3 * DAY)
    visit = (await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})).json()
    await waiting(world, other)
    assert await offers(world, other) == []
    await world.post(f"/v1/me/appointments/{visit['appointment_id']}/cancellation", world.here.patient, {})
    (offer,) = await offers(world, other)
    assert (offer["slot"]["slot_id"], offer["status"]) == (slot, "open")


async def test_a_time_that_opens_again_is_offered_and_one_that_is_only_new_is_not(world: World) -> None:
    await waiting(world, world.here.patient)
    row = {"external_id": "s", "version": 1, "branch": "Centro", **times(now() + 2 * DAY)}
    for version, is_open, seen in ((1, True, 0), (2, False, 0), (3, True, 1), (3, True, 1), (4, True, 1)):
        change = {**row, "version": version, "is_open": is_open}
        await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [change]})
        assert len(await offers(world, world.here.patient)) == seen, version


async def test_who_is_asked_gets_no_second_offer_until_they_have_answered(world: World) -> None:
    await waiting(world, world.here.patient)
    await offered_by_desk(world)
    assert (await offered_by_desk(world, **times(now() + 4 * DAY)))["offered"] == 0
    (offer,) = await offers(world, world.here.patient)
    answer = await world.http.post(f"{OFFERS}/{offer['offer_id']}/refusal", headers=world.here.patient)
    assert answer.status_code == 204
    assert (await accepted(world, offer, world.here.patient))[1]["code"] == "offer-gone"
    assert (await offered_by_desk(world, **times(now() + 5 * DAY)))["offered"] == 1


async def test_only_what_was_waited_for_is_offered(world: World) -> None:
    await waiting(world, world.here.patient, service="Implant")
    assert (await offered_by_desk(world))["offered"] == 0
    assert (await offered_by_desk(world, services=[], **times(now() + 4 * DAY)))["offered"] == 1


async def test_who_has_a_visit_at_that_time_keeps_it_and_the_time_stays_for_others(world: World) -> None:
    start = now() + 2 * DAY
    await booked(world, start)
    await waiting(world, world.here.patient)
    await offered_by_desk(world, **times(start + HOUR / 2))
    (offer,) = await offers(world, world.here.patient)
    assert (await accepted(world, offer, world.here.patient))[1]["code"] == "visit-overlaps"
    assert (await offers(world, world.here.patient))[0]["status"] == "open"


async def test_who_leaves_is_offered_nothing_and_accepts_nothing(world: World) -> None:
    entry = await waiting(world, world.here.patient)
    await offered_by_desk(world)
    (offer,) = await offers(world, world.here.patient)
    path = f"/v1/me/waiting-list/{entry['entry_id']}/withdrawal"
    left = [(await world.http.post(path, headers=world.here.patient)).json()["status"] for _ in range(2)]
    assert left == ["withdrawn", "withdrawn"]
    assert (await accepted(world, offer, world.here.patient))[1]["code"] == "offer-gone"
    assert (await offered_by_desk(world, **times(now() + 5 * DAY)))["offered"] == 0


async def test_for_one_service_one_waits_once(world: World) -> None:
    body = {"service": "Hygiene", "until": f"{now() + timedelta(days=9):%Y-%m-%d}"}
    answers = await asyncio.gather(*(world.post("/v1/me/waiting-list", world.here.patient, body) for _ in range(5)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 4}
    mine = (await world.get("/v1/me/waiting-list", world.here.patient)).json()["items"]
    assert [each["status"] for each in mine] == ["waiting"]


async def test_every_offer_is_told_as_an_event_for_the_push_to_follow(world: World) -> None:
    await waiting(world, world.here.patient)
    await offered_by_desk(world)
    async with world.database.reading(world.here.scope) as reading:
        found = await reading.execute(text("select patient_id, facts from event where kind = 'slot_offer.made'"))
        ((patient, facts),) = found.all()
    assert patient == world.here.patient_id
    assert set(facts) == {"slot_id", "entry_id"}


async def test_a_wish_whose_last_day_has_passed_stands_in_nobodys_way(world: World) -> None:
    await waiting(world, world.here.patient)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update waiting_entry set until = current_date - 3"))
    await waiting(world, world.here.patient)
    mine = (await world.get("/v1/me/waiting-list", world.here.patient)).json()["items"]
    assert [each["status"] for each in mine] == ["waiting", "expired"]


@pytest.mark.parametrize(("until", "code"), [("2001-01-01", "in-the-past"), ("9000-01-01", "too-far-ahead")])
async def test_one_waits_for_a_day_to_come_within_a_year(world: World, until: str, code: str) -> None:
    answer = await world.post("/v1/me/waiting-list", world.here.patient, {"service": "Hygiene", "until": until})
    assert answer.json()["errors"] == [{"pointer": "/until", "code": code}]


async def test_a_day_is_over_when_it_is_over_at_the_branch(world: World) -> None:
    today = now().astimezone(ZoneInfo("Etc/GMT+12")).date()
    for zone, status in (("Etc/GMT+12", 201), ("Pacific/Kiritimati", 422)):  # 26 hours apart
        async with world.database.writing(world.here.scope) as writing:
            await writing.execute(text("update branch set zone = :zone"), {"zone": zone})
        body = {"service": zone, "until": today.isoformat()}
        assert (await world.post("/v1/me/waiting-list", world.here.patient, body)).status_code == status
    (mine,) = (await world.get("/v1/me/waiting-list", world.here.patient)).json()["items"]
    assert mine["status"] == "expired"
    assert (await world.get("/v1/staff/waiting-list", world.here.staff)).json()["items"] == []


async def test_a_time_said_to_be_freed_is_offered_though_nothing_else_of_it_changed(world: World) -> None:
    await waiting(world, world.here.patient)
    row = {"external_id": "s", "version": 1, "branch": "Centro", **times(now() + 2 * DAY)}
    for change in (row, {**row, "version": 2, "freed": True}, {**row, "version": 2, "freed": True}):
        await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [change]})
    assert len(await offers(world, world.here.patient)) == 1


async def test_who_waits_for_two_things_is_asked_about_a_time_once(world: World) -> None:
    (other,) = await crowd(world, 1)
    for service in ("Hygiene", "Check-up"):
        await waiting(world, world.here.patient, service=service)
    await waiting(world, other)
    assert (await offered_by_desk(world, services=[], most=2))["offered"] == 2
    assert [len(await offers(world, each)) for each in (world.here.patient, other)] == [1, 1]
    assert (await offered_by_desk(world, services=[], **times(now() + 5 * DAY)))["offered"] == 0, "nor about another"


async def test_who_calls_a_visit_off_is_not_offered_its_time(world: World) -> None:
    await rules(world)
    await waiting(world, world.here.patient)
    (slot,) = await published(world, now() + 3 * DAY)
    visit = (await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})).json()
    await world.post(f"/v1/me/appointments/{visit['appointment_id']}/cancellation", world.here.patient, {})
    assert await offers(world, world.here.patient) == []
    free = (await world.get("/v1/me/slots", world.here.patient)).json()["items"]
    assert [each["slot_id"] for each in free] == [slot]


async def refused(world: World, headers: dict[str, str]) -> None:
    (offer,) = await offers(world, headers)
    answer = await world.http.post(f"{OFFERS}/{offer['offer_id']}/refusal", headers=headers)
    assert answer.status_code == 204, answer.text


async def test_after_the_last_no_the_next_are_asked_and_after_theirs_it_is_everybodys(world: World) -> None:
    await rules(world)
    people = await crowd(world, 3)
    for headers in people:
        await waiting(world, headers)
    slot = (await offered_by_desk(world, most=2))["slot_id"]
    await refused(world, people[0])
    assert await offers(world, people[2]) == [], "the second may still say yes"
    await refused(world, people[1])
    assert [each["slot"]["slot_id"] for each in await offers(world, people[2])] == [slot]
    assert [len(await offers(world, each)) for each in people] == [1, 1, 1], "who said no is not asked again"
    await refused(world, people[2])
    assert (await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})).status_code == 201


async def test_all_who_say_no_at_once_leave_the_time_to_everybody(world: World) -> None:
    await rules(world)
    people = await crowd(world, 5)
    for headers in people:
        await waiting(world, headers)
    slot = (await offered_by_desk(world, most=5))["slot_id"]
    await asyncio.gather(*(refused(world, headers) for headers in people))
    assert (await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})).status_code == 201


async def test_who_leaves_the_list_passes_what_was_offered_on(world: World) -> None:
    (other,) = await crowd(world, 1)
    entry = await waiting(world, world.here.patient)
    await waiting(world, other)
    slot = (await offered_by_desk(world, most=1))["slot_id"]
    await world.http.post(f"/v1/me/waiting-list/{entry['entry_id']}/withdrawal", headers=world.here.patient)
    assert [each["slot"]["slot_id"] for each in await offers(world, other)] == [slot]


async def test_an_offer_is_for_the_hour_it_named(world: World) -> None:
    await rules(world)
    await waiting(world, world.here.patient)
    start = now() + 3 * DAY
    row = {"external_id": "s", "version": 1, "branch": "Centro", "freed": True, **times(start)}
    await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [row]})
    (offer,) = await offers(world, world.here.patient)
    moved = {**row, "version": 2, "freed": False, **times(start + 5 * HOUR)}
    await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [moved]})
    assert [each["status"] for each in await offers(world, world.here.patient)] == ["gone"]
    assert (await accepted(world, offer, world.here.patient))[1]["code"] == "offer-gone"
    free = (await world.get("/v1/me/slots", world.here.patient)).json()["items"]
    assert len(free) == 1, "held for nobody any more"


async def test_a_window_offered_twice_is_one_time(world: World) -> None:
    await rules(world)
    await waiting(world, world.here.patient)
    start = now() + 2 * DAY
    made = await asyncio.gather(*(offered_by_desk(world, **times(start)) for _ in range(4)))
    assert made == [{"slot_id": made[0]["slot_id"], "offered": 1}] * 4
    (offer,) = await offers(world, world.here.patient)
    assert (await accepted(world, offer, world.here.patient))[0] == 201
    body = {"branch_id": str(world.here.branch_id), "services": ["Hygiene"], **times(start)}
    again = await world.post("/v1/staff/slot-offers", world.here.staff, body)
    assert (again.status_code, again.json()["code"]) == (409, "window-taken")


async def test_a_wish_spelled_otherwise_is_the_same_service(world: World) -> None:
    await waiting(world, world.here.patient, service="hygiene")
    assert (await offered_by_desk(world))["offered"] == 1


async def test_a_list_of_another_clinic_is_asked_nothing(world: World) -> None:
    await waiting(world, world.there.patient)
    assert (await offered_by_desk(world))["offered"] == 0
    assert (await world.get("/v1/staff/waiting-list", world.here.staff)).json()["items"] == []
