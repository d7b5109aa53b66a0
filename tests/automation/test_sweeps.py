"""Sweeps over many clinics: as many statements as over one, one order of locks, and nobody stopped by another."""

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlmodel import col

from automation.commands import enrol, start_journey
from automation.tables import JourneyRow, Timer
from automation.templates import HYGIENE_RECALL
from cabinet.tables.chart import ProcedureRow
from clinic.appointment import NewVisit
from clinic.commands import book_visit
from core.events import SYSTEM
from enamel.worker.automation import run_journeys
from tests.automation.people import add_clinic, add_people
from tests.automation.test_recall import DAY, NOON, admitted, enrolments, launched, notices, unseen
from tests.conftest import Queries
from tests.world import World


@pytest.mark.parametrize(("clinics", "patients"), [(1, 1), (1, 300), (20, 15)])
async def test_neither_clinics_nor_patients_cost_more_statements(
    world: World, at_most: Queries, clinics: int, patients: int
) -> None:
    async with world.database.sweeping() as sweeping:
        for _ in range(clinics):
            clinic_id, branches = await add_clinic(sweeping, ["Europe/Rome"], NOON)
            await add_people(sweeping, clinic_id, branches, [unseen() for _ in range(patients)], NOON)
            await start_journey(sweeping, clinic_id, HYGIENE_RECALL, NOON)
    crowd = clinics * patients
    with at_most(33):
        assert await run_journeys(world.database, NOON) == 2 * crowd
    with at_most(19):
        assert await run_journeys(world.database, NOON) == 0
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(update(ProcedureRow).values(performed_on=NOON.date()))
    with at_most(37):
        assert await run_journeys(world.database, NOON + 4 * DAY) == crowd
    assert {(notice.state, notice.reason) for notice in await notices(world)} == {("cancelled", "left_segment")}


async def test_bookings_in_many_clinics_are_taken_back_with_as_many_statements_as_one(
    world: World, at_most: Queries
) -> None:
    async with world.database.sweeping() as sweeping:
        for _ in range(20):
            late = unseen()
            clinic_id, branches = await add_clinic(sweeping, ["Europe/Rome"], NOON)
            await add_people(sweeping, clinic_id, branches, [late], NOON)
            await start_journey(sweeping, clinic_id, HYGIENE_RECALL, NOON)
    await run_journeys(world.database, NOON)
    async with world.database.sweeping() as sweeping:
        for row in await enrolments(world):
            new = NewVisit(NOON + 9 * DAY, NOON + 9 * DAY + timedelta(hours=1), "Hygiene")
            await book_visit(sweeping, row.clinic_id, row.patient_id, new, SYSTEM, NOON)
    with at_most(39):
        assert await run_journeys(world.database, NOON + DAY) == 20
    assert [(notice.state, notice.reason) for notice in await notices(world)] == [("cancelled", "booked")] * 20


async def test_newcomers_come_in_one_order_so_that_two_workers_never_wait_in_a_ring(world: World) -> None:
    people = sorted((unseen() for _ in range(9)), key=lambda person: person.id)
    await launched(world, people[::-1])
    async with world.database.sweeping() as sweeping:
        assert await enrol(sweeping, NOON, 4) == 4
    assert {row.patient_id for row in await enrolments(world)} == {person.id for person in people[:4]}


async def test_a_journey_that_no_longer_parses_stops_nobody_elses(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    await launched(world, [unseen()])
    async with world.database.writing(world.there.scope) as writing:
        await add_people(
            writing, world.there.clinic_id, {"Europe/Rome": world.there.branch_id}, [unseen(), unseen()], NOON
        )
        broken = (await start_journey(writing, world.there.clinic_id, HYGIENE_RECALL, NOON)).journey_id
    async with world.database.sweeping() as sweeping:
        await enrol(sweeping, NOON, 100)
        renamed = col(JourneyRow.definition).concat({"format": "enamel/journey/0"})
        await sweeping.execute(update(JourneyRow).where(col(JourneyRow.id) == broken).values(definition=renamed))
        late = update(Timer).where(col(Timer.clinic_id) == world.there.clinic_id)
        await sweeping.execute(late.values(due_at=NOON - DAY))
    await admitted(world, world.here, [unseen()])
    await admitted(world, world.there, [unseen()])
    assert await run_journeys(world.database, NOON, at_once=1) == 3  # one comes in, and two move on
    assert {notice.clinic_id for notice in await notices(world)} == {world.here.clinic_id}
    assert {record.getMessage() for record in caplog.records if record.name == "enamel.automation"} == {
        f'{{"journey": "{broken}", "error": "no-longer-parses"}}'
    }
