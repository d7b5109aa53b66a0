"""The past of a clinic's patients, in batches: everything the simulation asks for, of everybody who was not erased."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from automation.criteria.meaning import Source
from automation.queries import lives as of_lives
from automation.queries.lives import lives, patients_living
from automation.simulation import Life, simulated
from cabinet.facts import ServiceKind
from clinic.appointment import NewVisit
from clinic.commands import book_visit
from clinic.tables import Patient
from core.events import SYSTEM, Happening, record
from tests.automation.people import Done
from tests.automation.ways_through import DAY, NOON, RECALL, ROME, people
from tests.conftest import Queries
from tests.world import World

OVERDUE: dict[str, Any] = {"done": [Done(ServiceKind.HYGIENE, (NOON - 300 * DAY).date())]}


async def all_lives(world: World) -> list[list[Life]]:
    async with world.database.reading(world.here.scope) as reading:
        return [batch async for batch in lives(reading, world.here.clinic_id, RECALL, NOON)]


async def test_everybody_is_there_once_in_batches_except_who_was_erased(
    world: World, at_most: Queries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of_lives, "AT_ONCE", 4)
    gone, *who = await people(world, 9, **OVERDUE)
    await people(world, 3, world.there, **OVERDUE)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("select set_config('enamel.restricted', 'on', true)"))
        await sweeping.execute(update(Patient).where(col(Patient.id) == gone).values(erased_at=NOON))
    with at_most(3 * 4 + 1):
        batches = await all_lives(world)
    found = [life.patient_id for batch in batches for life in batch]
    assert sorted(found) == sorted([*who, world.here.patient_id, world.here.other_patient_id])
    assert max(len(batch) for batch in batches) <= 4
    async with world.database.reading(world.here.scope) as reading:
        assert await patients_living(reading, world.here.clinic_id) == 10


async def test_a_life_says_what_was_done_and_booked_in_order_and_who_was_called(world: World) -> None:
    (anna,) = await people(world, 1, **OVERDUE)
    async with world.database.writing(world.here.scope) as writing:
        new = NewVisit(NOON + 9 * DAY, NOON + 9 * DAY + timedelta(hours=1), "Hygiene")
        visit = await book_visit(writing, world.here.clinic_id, anna, new, SYSTEM, NOON - 2 * DAY)
        called = Happening("task.done", visit.appointment_id, anna, facts={"outcome": "reached"})
        await record(writing, world.here.clinic_id, SYSTEM, [called], NOON - 3 * DAY)
        other = Happening("chart.read", anna, anna)
        await record(writing, world.here.clinic_id, SYSTEM, [other], NOON - 3 * DAY)
    (life,) = [each for batch in await all_lives(world) for each in batch if each.patient_id == anna]
    assert life.zone == ROME
    assert [(each.kind.value, each.at, each.outcome) for each in life.heard] == [
        ("task.done", NOON - 3 * DAY, "reached"), ("appointment.booked", NOON - 2 * DAY, ""),
    ]  # fmt: skip
    (booked,) = life.facts.of(Source.VISIT)
    assert (booked.id, life.heard[1].subject_id) == (visit.appointment_id, visit.appointment_id)
    assert len(life.facts.of(Source.PROCEDURE)) == 1


async def test_the_past_is_gone_through_from_the_database(world: World) -> None:
    """Cleaned 300 days ago: overdue since the 181st day after, told in the hours, once."""
    (anna,) = await people(world, 1, **OVERDUE)
    (batch,) = await all_lives(world)
    since = (NOON - 200 * DAY).date()
    ways = list(simulated(RECALL.model_copy(update={"holdout_percent": 0}), batch, since, 200))
    assert [way.patient_id for way in ways] == [anna]
    assert ways[0].entered_at.date() == (NOON - 119 * DAY).date()
    assert [(look.step, look.verdict.value) for look in ways[0].looks] == [
        ("nudge", "sent"), ("think", "waited"), ("grown", "turned"), ("done", "completed"),
    ]  # fmt: skip
