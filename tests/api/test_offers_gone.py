"""An offer that can be accepted no more: who was asked hears of it, is free for others, and nobody waits for nobody."""

import asyncio
from collections import Counter

import pytest
from sqlalchemy import text

from clinic.commands.erasing import confirm_erasure
from core.clock import now
from core.events import SYSTEM
from tests.api.visits import HOUR, JSON, crowd, offers, published, rules, times, waiting
from tests.world import DAY, World

OFFERS = "/v1/me/slot-offers"


async def told(world: World, headers: dict[str, str], cursor: str | None = None) -> tuple[list[str], str]:
    """Of which kinds something changed since, and the next cursor."""
    params = {"cursor": cursor} if cursor else {}
    page = (await world.get("/v1/me/changes", headers, params=params)).json()
    return [each["kind"] for each in page["items"]], page["next_cursor"]


async def slot_row(world: World, version: int, **row: object) -> None:
    """What the clinic's system says of its one time."""
    fact = {"external_id": "s", "version": version, "branch": "Centro", "services": ["Hygiene"], **row}
    answer = await world.post("/v1/partner/sync/slots", world.here.partner, {"items": [fact]})
    assert (answer.status_code, answer.json()["refused"]) == (200, 0), answer.text


async def answered(world: World, headers: dict[str, str], offer: JSON, word: str) -> int:
    answer = await world.http.post(f"{OFFERS}/{offer['offer_id']}/{word}", headers=headers)
    return answer.status_code


async def test_who_was_asked_too_hears_that_the_time_is_somebodys_and_is_asked_about_the_next(world: World) -> None:
    late, first = people = await crowd(world, 2)
    for headers in people:
        await waiting(world, headers)
    start = now() + 5 * DAY
    await slot_row(world, 1, **times(start), freed=True)
    _, cursor = await told(world, late)
    (offer,) = await offers(world, first)
    assert await answered(world, first, offer, "acceptance") == 201
    assert [each["status"] for each in await offers(world, late)] == ["gone"]
    assert (await told(world, late, cursor))[0] == ["waiting_list"]
    (other,) = await published(world, start + DAY, freed=True)
    assert (await offers(world, late))[0]["slot"]["slot_id"] == other


@pytest.mark.parametrize("shut", [True, False])
async def test_who_was_asked_hears_that_the_system_shut_or_moved_the_time(world: World, shut: bool) -> None:
    await rules(world)
    await waiting(world, world.here.patient)
    start = now() + 5 * DAY
    await slot_row(world, 1, **times(start), freed=True)
    _, cursor = await told(world, world.here.patient)
    await slot_row(world, 2, **times(start if shut else start + HOUR), is_open=not shut)
    assert [each["status"] for each in await offers(world, world.here.patient)] == ["gone"]
    assert (await told(world, world.here.patient, cursor))[0] == ["waiting_list"]
    await slot_row(world, 3, **times(start), freed=True)
    assert [each["status"] for each in await offers(world, world.here.patient)] == ["open", "gone"], "asked anew"


async def test_an_offer_whose_time_is_over_frees_nobody_from_the_offer_after_it(world: World) -> None:
    await waiting(world, world.here.patient)
    start = now() + 5 * DAY
    await slot_row(world, 1, **times(start), freed=True)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(text("update slot_offer set expires_at = expires_at - interval '3 h'"))
        await writing.execute(text("update waiting_entry set asked_until = asked_until - interval '3 h'"))
    (second,) = await published(world, start + DAY, freed=True)
    await slot_row(world, 2, **times(start), is_open=False)
    await published(world, start + 2 * DAY, freed=True)
    mine = await offers(world, world.here.patient)
    still = [each["slot"]["slot_id"] for each in mine if each["status"] == "open"]
    assert still == [second], "nobody is asked about two times at once"


async def test_an_accepted_time_that_the_system_gives_back_is_held_for_nobody(world: World) -> None:
    await rules(world)
    (other,) = await crowd(world, 1)
    await waiting(world, world.here.patient)
    start = now() + 5 * DAY
    await slot_row(world, 1, **times(start), freed=True)
    (offer,) = await offers(world, world.here.patient)
    visit = (await world.http.post(f"{OFFERS}/{offer['offer_id']}/acceptance", headers=world.here.patient)).json()
    row = {"external_id": "v", "version": 1, "patient": "anna", "adopts": visit["appointment_id"], **times(start)}
    for change in (row, {**row, "version": 2, "status": "cancelled"}):
        report = await world.post("/v1/partner/sync/appointments", world.here.partner, {"items": [change]})
        assert report.json()["updated"] == 1, report.text
    taken = await world.post(f"/v1/me/slots/{offer['slot']['slot_id']}/booking", other, {})
    assert taken.status_code == 201, taken.text


@pytest.mark.parametrize("turn", range(4))
async def test_answers_of_all_who_were_asked_and_a_shut_time_at_once_end_without_a_deadlock(
    world: World, turn: int
) -> None:
    people = await crowd(world, 5)
    entries = [await waiting(world, headers) for headers in people]
    start = now() + 5 * DAY
    await slot_row(world, 1, **times(start), freed=True)
    asked = [(await offers(world, headers))[0] for headers in people]
    words = ["acceptance", "acceptance", "acceptance", "refusal", "refusal"]
    leaving = world.http.post(f"/v1/me/waiting-list/{entries[turn]['entry_id']}/withdrawal", headers=people[turn])
    statuses, left, _ = await asyncio.gather(
        asyncio.gather(*(answered(world, *each) for each in zip(people, asked, words, strict=True))),
        leaving,
        slot_row(world, 2, **times(start), is_open=False),
    )
    assert left.status_code == 200
    counted = Counter(statuses)
    assert set(counted) <= {201, 204, 409}
    assert counted[201] <= 1, "one has it, or nobody"
    states = Counter([(await offers(world, headers))[0]["status"] for headers in people])
    assert (states["open"], states["accepted"]) == (0, counted[201])


async def test_who_accepts_waits_for_nobody_who_is_just_leaving_the_list(world: World) -> None:
    """Leaving holds the entry and then waits for the time, to pass it on."""
    late, first = people = await crowd(world, 2)
    (entry, _) = [await waiting(world, headers) for headers in people]
    await slot_row(world, 1, **times(now() + 5 * DAY), freed=True)
    (offer,) = await offers(world, first)
    async with world.database.writing(world.here.scope) as leaving:
        await leaving.execute(text("select from waiting_entry where id = :id for update"), {"id": entry["entry_id"]})
        assert await asyncio.wait_for(answered(world, first, offer, "acceptance"), 20) == 201
    assert [each["status"] for each in await offers(world, late)] == ["gone"]


async def test_nobody_whose_record_is_shut_to_be_erased_is_asked_about_a_time(world: World) -> None:
    (shut,) = await crowd(world, 1)
    await waiting(world, shut)
    await confirmed(world)
    (slot,) = await published(world, now() + 5 * DAY, freed=True)
    free = (await world.get("/v1/me/slots", world.here.patient)).json()["items"]
    assert [each["slot_id"] for each in free] == [slot], "held for nobody"


async def test_a_time_offered_to_a_record_that_is_shut_since_goes_on_after_the_last_no_of_others(world: World) -> None:
    (shut,) = await crowd(world, 1)
    for headers in (shut, world.here.patient):
        await waiting(world, headers)
    (slot,) = await published(world, now() + 5 * DAY, freed=True)
    await confirmed(world)
    (offer,) = await offers(world, world.here.patient)
    assert await answered(world, world.here.patient, offer, "refusal") == 204
    free = (await world.get("/v1/me/slots", world.here.patient)).json()["items"]
    assert [each["slot_id"] for each in free] == [slot]


async def confirmed(world: World) -> None:
    """The clinic agrees to erase the first who began to wait."""
    async with world.database.writing(world.here.scope) as writing:
        first = await writing.execute(text("select patient_id from waiting_entry order by id limit 1"))
        await confirm_erasure(writing, world.here.clinic_id, first.scalar_one(), None, SYSTEM, now())
