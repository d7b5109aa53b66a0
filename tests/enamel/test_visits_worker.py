"""What the worker does about visits: phones are told once, and what the calendar ends is ended."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from clinic.tables import Appointment, SlotRow
from core.clock import now
from core.moments import rfc3339
from enamel.worker.visits import keep_visits, tell_of_visits
from tests.api.visits import HOUR, JSON, offers, published, pushed, rules, waiting
from tests.conftest import Queries
from tests.world import DAY, World


async def notices(world: World) -> list[tuple[str, str, str]]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(text("select kind, purpose, link from notice order by id"))
        return [(row.kind, row.purpose, row.link) for row in rows]


async def offered(world: World) -> JSON:
    await waiting(world, world.here.patient)
    await published(world, now() + 2 * DAY, freed=True)
    (offer,) = await offers(world, world.here.patient)
    return offer


async def changed(world: World) -> list[str]:
    """What the app hears of from now on."""
    async with world.database.reading(world.here.scope) as reading:
        rows = await reading.execute(text("select kind || xid::text from change order by 1"))
        return list(rows.scalars())


async def test_an_offer_is_told_to_the_phones_once_and_only_while_it_may_be_accepted(world: World) -> None:
    offer, at = await offered(world), now()
    before = await changed(world)
    assert sum(await asyncio.gather(*(tell_of_visits(world.database, at) for _ in range(3)))) == 1
    assert await tell_of_visits(world.database, at) == 0
    assert await notices(world) == [("freed_time", "service", f"/slot-offers/{offer['offer_id']}")]
    assert await changed(world) == before, "no news to the app"
    async with world.database.sweeping() as sweeping:
        until = (await sweeping.execute(text("select expires_at from notice"))).scalar_one()
    assert rfc3339(until) == offer["expires_at"]


async def test_an_offer_that_is_over_is_not_told(world: World) -> None:
    await offered(world)
    assert await tell_of_visits(world.database, now() + 3 * HOUR) == 1
    assert await notices(world) == []


async def test_a_worker_that_dies_between_the_mark_and_the_notice_leaves_the_offer_untold(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await offered(world)

    async def dies(*_: object) -> None:
        raise ConnectionError

    with monkeypatch.context() as patched:
        patched.setattr("enamel.worker.visits.enqueue_across", dies)
        with pytest.raises(ConnectionError):
            await tell_of_visits(world.database, now())
    assert await tell_of_visits(world.database, now()) == 1
    assert len(await notices(world)) == 1


async def asked(world: World, verdict: str, **wish: object) -> JSON:
    made = await world.post("/v1/me/booking-requests", world.here.patient, {"service": "Hygiene", **wish})
    path = f"/v1/staff/requests/{made.json()['request_id']}/answer"
    answer = await world.post(path, world.here.staff, {"verdict": verdict})
    found: JSON = answer.json()
    return found


@pytest.mark.parametrize("verdict", ["accepted", "declined"])
async def test_an_answer_of_the_clinic_is_told_once(world: World, verdict: str) -> None:
    request = await asked(world, verdict)
    assert [await tell_of_visits(world.database, now()) for _ in range(2)] == [1, 0]
    assert await notices(world) == [("visit", "service", f"/requests/{request['request_id']}")]


async def test_yesterdays_answers_and_private_ones_are_decided_without_a_notice(world: World) -> None:
    await asked(world, "accepted")
    assert await tell_of_visits(world.database, now() + 2 * DAY) == 1
    await asked(world, "accepted", private=True)
    assert await tell_of_visits(world.database, now()) == 1
    assert await notices(world) == []


async def shifted(world: World, by: timedelta) -> None:
    async with world.database.writing(world.here.scope) as writing:
        for table in (Appointment, SlotRow):
            rows = update(table).values(starts_at=col(table.starts_at) - by, ends_at=col(table.ends_at) - by)
            await writing.execute(rows, execution_options={"synchronize_session": False})


async def states(world: World) -> dict[str, str]:
    mine = (await world.get("/v1/me/requests", world.here.patient)).json()["items"]
    return {each["kind"]: each["status"] for each in mine}


async def test_what_was_asked_of_a_visit_lapses_when_it_begins(world: World) -> None:
    await rules(world, "request")
    start = now() + 3 * DAY
    (slot,) = await published(world, start)
    await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})
    theirs = await pushed(world, start + DAY)
    await world.post(f"/v1/me/appointments/{theirs}/cancellation", world.here.patient, {})
    assert await keep_visits(world.database, now()) == 0
    await shifted(world, timedelta(days=3, hours=1))
    done = await asyncio.gather(*(keep_visits(world.database, now()) for _ in range(3)))
    assert sum(done) == 2, "the request, and the visit it asked for"
    assert await states(world) == {"book_visit": "lapsed", "cancel_visit": "open"}
    await shifted(world, timedelta(days=3))
    await keep_visits(world.database, now())
    assert await states(world) == {"book_visit": "lapsed", "cancel_visit": "lapsed"}
    visits = (await world.get("/v1/me/appointments", world.here.patient)).json()["items"]
    assert {each["booked_here"]: each["status"] for each in visits} == {True: "declined", False: "booked"}


async def test_free_times_long_past_are_forgotten_with_their_offers(world: World) -> None:
    await offered(world)
    await rules(world)
    (slot,) = await published(world, now() + 3 * DAY)
    await world.post(f"/v1/me/slots/{slot}/booking", world.here.patient, {})
    await shifted(world, 20 * DAY)
    assert await keep_visits(world.database, now()) == 0
    await shifted(world, 15 * DAY)
    assert await keep_visits(world.database, now()) == 2
    assert await offers(world, world.here.patient) == []
    visits = (await world.get("/v1/me/appointments", world.here.patient)).json()["items"]
    assert len(visits) == 1, "the visit itself stays"


@pytest.mark.parametrize("number", [1, 12])
async def test_as_many_statements_for_many_as_for_one(world: World, at_most: Queries, number: int) -> None:
    at: datetime = now()
    for index in range(number):
        await asked(world, "accepted", words=f"wish {index}")
    with at_most(8):
        assert await tell_of_visits(world.database, at) == number
