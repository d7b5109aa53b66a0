"""Journeys drawn at random, through the real database: refused with a place, or run by the worker's own round."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from sqlalchemy import select, text, update
from sqlmodel import col

from automation.commands import enter_by_hand
from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, publish, stop
from automation.journey.document import Journey
from automation.journey.words import Carrying, TriggerKind
from automation.tables import Enrolment
from cabinet.facts import ServiceKind
from core.errors import Invalid
from core.events import SYSTEM
from enamel.worker.automation import run_journeys
from tests.automation.journeys_drawn import journeys
from tests.automation.people import Done, Person
from tests.automation.test_recall import DAY, NOON, admitted, book
from tests.world import World

TWICE = "select count(*) from (select 1 from {} having count(*) > 1) twice"
UNTIMED = """select count(*) from enrolment e left join timer t on t.enrolment_id = e.id
 where (e.state = 'active') <> (t.enrolment_id is not null)"""
UNSENT = """select count(*) from touchpoint t left join notice n on n.id = t.notice_id
 where t.verdict = 'sent' and n.id is null"""
FAILED = "select count(*) from touchpoint where verdict = 'failed'"
HOLDS = [
    UNTIMED, UNSENT, FAILED, TWICE.format("touchpoint group by enrolment_id, seq"),
    TWICE.format("notice where cause_id is not null group by dedupe_key"),
    TWICE.format("enrolment where state = 'active' group by journey_key, patient_id, subject_id"),
]  # fmt: skip


@dataclass
class Tally:
    published: int = 0
    refused: int = 0
    taken_in: int = 0


def overdue() -> Person:
    return Person(birth_date=date(1985, 7, 17), done=[Done(ServiceKind.HYGIENE, (NOON - 200 * DAY).date())])


async def published(world: World, journey: Journey) -> UUID | None:
    """The journey's id; nothing where it is refused, which names places in the document."""
    deed = Deed(world.here.clinic_id, SYSTEM, NOON)
    async with world.database.writing(world.here.scope) as writing:
        draft = await make_draft(writing, deed.clinic_id, journey, SYSTEM, NOON)
    try:
        async with world.database.writing(world.here.scope) as writing:
            return (await publish(writing, deed, draft.journey_id, draft.digest, Carrying.NEWCOMERS)).journey_id
    except Invalid as refused:
        if not refused.faults or not all(fault.pointer.startswith("/") and fault.code for fault in refused.faults):
            raise AssertionError("refused without a place") from refused
        return None
    finally:
        async with world.database.sweeping() as sweeping:
            await sweeping.execute(text("delete from journey where state = 'draft'"))


async def count(world: World, statement: str) -> int:
    async with world.database.sweeping() as sweeping:
        return int((await sweeping.execute(text(statement))).scalar_one())


async def runs(world: World, journey: Journey, journey_id: UUID, people: list[Person], drawn: Random) -> None:
    """Two months in jumps; somebody books on the way, one enrolment is broken; then it is stopped."""
    if journey.trigger.kind is TriggerKind.MANUAL:
        async with world.database.writing(world.here.scope) as writing:
            await enter_by_hand(writing, world.here.clinic_id, journey.key, [each.id for each in people], NOON)
    at: datetime = NOON
    for tick in range(8):
        await run_journeys(world.database, at)
        for statement in HOLDS:
            assert await count(world, statement) == 0, f"{statement} at {at} of {journey.definition()}"
        if tick == 3:
            await book(world, drawn.choice(people).id, at)
        at += timedelta(hours=drawn.randrange(1, 240))
    await over(world, journey_id, at)


async def over(world: World, journey_id: UUID, at: datetime) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await stop(writing, Deed(world.here.clinic_id, SYSTEM, at), journey_id)
    assert await count(world, "select count(*) from timer") == 0
    assert await count(world, "select count(*) from enrolment where state = 'active'") == 0


async def test_whatever_the_format_allows_is_refused_with_a_place_or_runs(world: World) -> None:
    drawn, tally, documents = Random(20261124), Tally(), list[Any]()  # noqa: S311

    @settings(max_examples=80, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(journeys)
    def collect(journey: Journey) -> None:
        documents.append(journey)

    collect()
    people = [overdue() for _ in range(4)]
    await admitted(world, world.here, people)
    for number, journey in enumerate(documents):
        own = journey.model_copy(update={"key": f"mine-{number}"})
        journey_id = await published(world, own)
        tally.refused += journey_id is None
        if journey_id is not None and tally.published < 8:
            tally.published += 1
            await runs(world, own, journey_id, people, drawn)
    tally.taken_in = await count(world, "select count(*) from enrolment")
    assert min(tally.published, tally.refused, tally.taken_in) >= 3, tally


async def test_one_that_breaks_a_drawn_journey_keeps_nobody_else(world: World) -> None:
    said = {
        "key": "mine", "name": "Mine", "purpose": "recall", "trigger": {"kind": "manual"},
        "steps": [
            {"id": "wait", "kind": "wait", "hours": 1}, {"id": "say", "kind": "message", "notice": "recall"},
            {"id": "done", "kind": "exit"},
        ],
    }  # fmt: skip
    people = [overdue() for _ in range(6)]
    await admitted(world, world.here, people)
    journey = Journey.model_validate(said, strict=False)
    assert await published(world, journey) is not None
    async with world.database.writing(world.here.scope) as writing:
        await enter_by_hand(writing, world.here.clinic_id, "mine", [each.id for each in people], NOON)
    async with world.database.sweeping() as sweeping:
        lost = update(Enrolment).where(col(Enrolment.patient_id) == people[2].id)
        await sweeping.execute(lost.values(step="nowhere"))
    for hours in range(0, 200, 8):
        await run_journeys(world.database, NOON + timedelta(hours=hours))
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(select(col(Enrolment.patient_id), col(Enrolment.state)))
        states = {row.patient_id: row.state for row in rows}
    assert states == {each.id: "completed" for each in people} | {people[2].id: "exited"}
