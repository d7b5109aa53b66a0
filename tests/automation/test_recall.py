"""The recall from end to end: who was not cleaned for 180 days is reached in the hours, once, until they book."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update
from sqlmodel import col

from automation.commands import JourneyAlreadyRuns, advance, enrol, start_journey
from automation.tables import Enrolment, Timer, Touchpoint
from automation.templates import HYGIENE_RECALL
from cabinet.facts import ServiceKind
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import AppointmentStatus, NewVisit
from clinic.commands import book_visit, change_visit, take_appointments
from clinic.facts import AppointmentFact
from core.database import Sweeping
from core.events import SYSTEM
from enamel.worker.automation import run_journeys
from push.tables import NoticeRow
from tests.automation.people import Done, Person, add_people
from tests.world import Party, World

NOON = datetime(2026, 7, 15, 10, 0, tzinfo=UTC)  # 12:00 in Rome
DAY = timedelta(days=1)


def unseen(days: int = 200) -> Person:
    return Person(done=[Done(ServiceKind.HYGIENE, (NOON - days * DAY).date())])


async def launched(world: World, people: Sequence[Person], at: datetime = NOON) -> None:
    """The recall runs `here`, with these people in it."""
    await admitted(world, world.here, people)
    async with world.database.writing(world.here.scope) as writing:
        await start_journey(writing, world.here.clinic_id, HYGIENE_RECALL, at)


async def admitted(world: World, party: Party, people: Sequence[Person]) -> None:
    async with world.database.writing(party.scope) as writing:
        await add_people(writing, party.clinic_id, {"Europe/Rome": party.branch_id}, people, NOON)


async def book(world: World, patient_id: UUID, at: datetime) -> UUID:
    async with world.database.writing(world.here.scope) as writing:
        new = NewVisit(at + 9 * DAY, at + 9 * DAY + timedelta(hours=1), "Hygiene")
        visit = await book_visit(writing, world.here.clinic_id, patient_id, new, SYSTEM, at)
    return visit.appointment_id


async def enrolments(world: World) -> list[Enrolment]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(select(Enrolment).order_by(col(Enrolment.patient_id), col(Enrolment.entry_no)))
        return list(rows.scalars())


async def notices(world: World) -> list[NoticeRow]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(select(NoticeRow).order_by(col(NoticeRow.created_at)))).scalars())


async def log(world: World) -> list[tuple[int, str, str]]:
    async with world.database.sweeping() as sweeping:
        rows = (await sweeping.execute(select(Touchpoint).order_by(col(Touchpoint.seq)))).scalars()
        return [(row.seq, row.step, row.verdict) for row in rows]


async def timers(world: World) -> int:
    async with world.database.sweeping() as sweeping:
        return (await sweeping.execute(select(func.count()).select_from(Timer))).scalar_one()


async def test_who_was_not_cleaned_for_200_days_is_reached_once(world: World) -> None:
    late = unseen()
    await launched(world, [late, unseen(180), Person()])
    assert await run_journeys(world.database, NOON) == 2  # taken in, and moved on
    (enrolment,) = await enrolments(world)
    assert (enrolment.patient_id, enrolment.clinic_id) == (late.id, world.here.clinic_id)
    assert (enrolment.state, enrolment.step, enrolment.entry_no) == ("active", "think", 1)
    (notice,) = await notices(world)
    assert (notice.patient_id, notice.kind, notice.purpose) == (late.id, "recall", "recall")
    assert (notice.dedupe_key, notice.cause_id) == (f"{enrolment.id}:1:0", enrolment.id)
    assert await run_journeys(world.database, NOON) == 0
    assert await run_journeys(world.database, NOON + timedelta(hours=3)) == 0
    assert (len(await enrolments(world)), len(await notices(world))) == (1, 1)
    assert enrolment.id.version == 7


async def test_at_midnight_they_are_taken_in_and_at_nine_they_are_told(world: World) -> None:
    midnight = datetime(2026, 7, 14, 22, 0, tzinfo=UTC)
    await launched(world, [unseen()], midnight)
    assert await run_journeys(world.database, midnight) == 2
    assert await notices(world) == []
    assert await run_journeys(world.database, midnight + timedelta(hours=8, minutes=59)) == 0
    nine = midnight + timedelta(hours=9)
    assert await run_journeys(world.database, nine) == 1
    assert [notice.not_before for notice in await notices(world)] == [nine]
    assert await log(world) == [(0, "nudge", "entered"), (1, "nudge", "held"), (2, "nudge", "sent")]


async def test_the_whole_journey_tells_twice_and_ends(world: World) -> None:
    await launched(world, [unseen()])
    for hours in range(0, 24 * 20, 5):
        await run_journeys(world.database, NOON + timedelta(hours=hours))
    (enrolment,) = await enrolments(world)
    assert (enrolment.state, enrolment.exit_reason, await timers(world)) == ("completed", None, 0)
    assert [(step, verdict) for _, step, verdict in await log(world) if verdict != "held"] == [
        ("nudge", "entered"),
        ("nudge", "sent"),
        ("think", "waited"),
        ("remind", "sent"),
        ("settle", "waited"),
        ("done", "completed"),
    ]
    sent = await notices(world)
    assert len(sent) == 2
    assert sent[1].not_before - sent[0].not_before >= 4 * DAY


async def test_nobody_is_reached_again_before_150_days(world: World) -> None:
    await launched(world, [unseen()])
    for day in (0, 4, 5, 14, 15, 16, 149):
        await run_journeys(world.database, NOON + day * DAY)
    assert [row.state for row in await enrolments(world)] == ["completed"]
    await run_journeys(world.database, NOON + 150 * DAY)
    assert [(row.entry_no, row.state) for row in await enrolments(world)] == [(1, "completed"), (2, "active")]
    assert len(await notices(world)) == 3


async def test_a_booking_lets_out_and_takes_back_what_waits(world: World) -> None:
    late = unseen()
    await launched(world, [late])
    await run_journeys(world.database, NOON)
    await book(world, late.id, NOON + timedelta(minutes=5))
    assert await run_journeys(world.database, NOON + timedelta(minutes=6)) == 1
    (enrolment,) = await enrolments(world)
    assert (enrolment.state, enrolment.exit_reason, await timers(world)) == ("exited", "booked", 0)
    assert [(notice.state, notice.reason) for notice in await notices(world)] == [("cancelled", "booked")]
    assert (await log(world))[-1] == (2, "think", "exited")
    assert await run_journeys(world.database, NOON + 5 * DAY) == 0


async def test_who_booked_and_cancelled_between_two_ticks_leaves_too(world: World) -> None:
    late = unseen()
    await launched(world, [late])
    await run_journeys(world.database, NOON)
    visit = await book(world, late.id, NOON + timedelta(minutes=5))
    async with world.database.writing(world.here.scope) as writing:
        cancelled = AppointmentStatus.CANCELLED
        await change_visit(writing, world.here.clinic_id, visit, cancelled, SYSTEM, NOON + timedelta(minutes=6))
    await run_journeys(world.database, NOON + timedelta(minutes=7))
    assert [row.exit_reason for row in await enrolments(world)] == ["booked"]


async def test_who_was_cleaned_meanwhile_is_not_told_again(world: World) -> None:
    late = unseen()
    await launched(world, [late])
    await run_journeys(world.database, NOON)
    async with world.database.writing(world.here.scope) as writing:
        await writing.execute(update(ProcedureRow).values(performed_on=date(2026, 7, 16)))
    await run_journeys(world.database, NOON + 4 * DAY)
    assert [row.exit_reason for row in await enrolments(world)] == ["left_segment"]
    assert [notice.reason for notice in await notices(world)] == ["left_segment"]


async def test_a_batch_smaller_than_the_crowd_reaches_everybody_once_all_the_same(world: World) -> None:
    await launched(world, [unseen() for _ in range(7)])
    changed = [await run_journeys(world.database, NOON, at_once=3) for _ in range(4)]
    assert changed == [6, 6, 2, 0]
    assert len({notice.patient_id for notice in await notices(world)}) == len(await notices(world)) == 7


async def test_the_other_clinic_is_untouched(world: World) -> None:
    await admitted(world, world.there, [unseen()])
    await launched(world, [unseen()])
    await run_journeys(world.database, NOON)
    assert {row.clinic_id for row in await enrolments(world)} == {world.here.clinic_id}
    assert {row.clinic_id for row in await notices(world)} == {world.here.clinic_id}


async def test_a_journey_is_launched_once(world: World) -> None:
    await launched(world, [])
    with pytest.raises(JourneyAlreadyRuns):
        await launched(world, [])


Sweep = Callable[[Sweeping, datetime, int], Awaitable[int]]


@pytest.mark.parametrize("sweep", [enrol, advance])
async def test_two_workers_at_the_same_row_do_it_once(world: World, sweep: Sweep) -> None:
    await launched(world, [unseen(), unseen()])
    if sweep is advance:
        async with world.database.sweeping() as sweeping:
            await enrol(sweeping, NOON, 100)

    async def second() -> int:
        async with world.database.sweeping() as other:
            return await sweep(other, NOON, 100)

    async with world.database.sweeping() as sweeping:
        first = await sweep(sweeping, NOON, 100)
        racing = asyncio.create_task(second())
        await asyncio.wait([racing], timeout=0.3)  # it passes the locked rows by, or waits for this commit
    assert (first, await racing) == (2, 0)
    await run_journeys(world.database, NOON)
    assert (len(await enrolments(world)), len(await notices(world))) == (2, 2)


async def test_a_worker_that_dies_before_its_commit_leaves_nothing_half_done(world: World) -> None:
    await launched(world, [unseen()])
    async with world.database.sweeping() as dying:
        assert await enrol(dying, NOON, 100) == 1
        await dying.rollback()
    assert (await enrolments(world), await timers(world), await log(world)) == ([], 0, [])
    async with world.database.sweeping() as sweeping:
        assert await enrol(sweeping, NOON, 100) == 1
    async with world.database.sweeping() as dying:
        assert await advance(dying, NOON, 100) == 1
        await dying.rollback()
    assert (await notices(world), await timers(world)) == ([], 1)
    assert await run_journeys(world.database, NOON) == 1
    assert len(await notices(world)) == 1
    assert await log(world) == [(0, "nudge", "entered"), (1, "nudge", "sent")]


async def test_who_books_while_a_worker_moves_them_on_is_taken_back_by_the_next_tick(world: World) -> None:
    late = unseen()
    await launched(world, [late])
    async with world.database.sweeping() as sweeping:
        await enrol(sweeping, NOON, 100)
    async with world.database.sweeping() as sweeping:
        assert await advance(sweeping, NOON, 100) == 1
        await book(world, late.id, NOON)
    assert [notice.state for notice in await notices(world)] == ["due"]
    await run_journeys(world.database, NOON)
    assert [(notice.state, notice.reason) for notice in await notices(world)] == [("cancelled", "booked")]


async def test_an_old_visit_that_arrives_late_lets_nobody_out(world: World) -> None:
    late = unseen()
    await launched(world, [late])
    await run_journeys(world.database, NOON)
    begun = NOON - 400 * DAY
    visit = AppointmentFact(
        external_id="old", version=1, patient=str(late.id), starts_at=begun, ends_at=begun + timedelta(hours=1)
    )
    async with world.database.writing(world.here.scope) as writing:
        heard = NOON + timedelta(minutes=5)
        _, faults = await take_appointments(writing, world.here.clinic_id, "mis", [(0, visit)], SYSTEM, heard)
    assert not faults
    assert await run_journeys(world.database, NOON + timedelta(minutes=6)) == 0
    assert [row.state for row in await enrolments(world)] == ["active"]
