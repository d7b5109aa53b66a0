"""Journeys drawn at random, through the real database: refused with a place, or run by the worker's own round."""

import os
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis.strategies import SearchStrategy
from sqlalchemy import select, text, update
from sqlmodel import col

from automation.commands import Means, enter_by_hand, start_journey
from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, publish, stop
from automation.journey.document import Journey
from automation.journey.words import Carrying, StepKind, TriggerKind
from automation.library import SegmentKind
from automation.tables import Enrolment, Segment, WebhookEndpoint
from cabinet.facts import ServiceKind
from core.errors import Invalid
from core.events import SYSTEM
from core.ids import new_id
from enamel.worker.automation import run_journeys
from tests.api.loyalty_desk import published as promotion_published
from tests.api.loyalty_desk import with_programme
from tests.api.surveying import make_survey
from tests.automation.journeys_drawn import KEYS, journeys, sound_journeys
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


SOUND = int(os.environ.get("ENAMEL_SOUND_JOURNEYS", "20"))


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


async def verdicts(world: World) -> list[str]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(text("select distinct verdict from touchpoint"))).scalars())


async def runs(world: World, journey: Journey, journey_id: UUID, drawn: Random) -> None:
    """Two months in jumps; somebody books as it begins and on the way; then it is stopped."""
    people = [overdue() for _ in range(4)]
    await admitted(world, world.here, people)
    if journey.trigger.kind is TriggerKind.MANUAL:
        async with world.database.writing(world.here.scope) as writing:
            await enter_by_hand(writing, world.here.clinic_id, journey.key, [each.id for each in people], NOON)
    at: datetime = NOON
    for tick in range(8):
        await run_journeys(world.database, at, means=Means(world.keys.secrets))
        for statement in HOLDS:
            assert await count(world, statement) == 0, f"{statement} at {at} of {journey.definition()}"
        if tick in (0, 3):
            await book(world, drawn.choice(people).id, at)
        at += timedelta(hours=drawn.randrange(1, 240))
    await over(world, journey_id, at)


async def over(world: World, journey_id: UUID, at: datetime) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await stop(writing, Deed(world.here.clinic_id, SYSTEM, at), journey_id)
    async with world.database.sweeping() as sweeping:
        left = select(Enrolment).where(col(Enrolment.journey_id) == journey_id, col(Enrolment.state) == "active")
        assert (await sweeping.execute(left)).first() is None
    assert await count(world, UNTIMED) == 0


def collected(from_: SearchStrategy[Any], most: int) -> list[Journey]:
    documents = list[Journey]()

    @settings(max_examples=most, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(from_)
    def collect(journey: Journey) -> None:
        documents.append(journey)

    collect()
    return documents


async def stocked(world: World) -> dict[str, UUID]:
    """A clinic that has whatever drawn documents name: tags, journeys entered by hand, and one of each thing with an
    id, by the member that names it."""
    here, endpoint = world.here, WebhookEndpoint(
        clinic_id=world.here.clinic_id, id=new_id(), name="MIS", address="https://mis.example/hook", made_at=NOON
    )  # fmt: skip
    done = {"id": "done", "kind": "task", "task": "call", "title": "Call"}
    async with world.database.writing(here.scope) as writing:
        writing.add(endpoint)
        for key in KEYS:
            tag = Segment(
                clinic_id=here.clinic_id, id=new_id(), key=key, name=key, kind=SegmentKind.MANUAL.value, clinical=False,
                made_at=NOON, changed_at=NOON,
            )  # fmt: skip
            writing.add(tag)
        await writing.flush()
        for key in KEYS:
            by_hand = {"key": key, "name": key, "purpose": "recall", "trigger": {"kind": "manual"}, "steps": [done]}
            await start_journey(writing, here.clinic_id, Journey.model_validate(by_hand, strict=False), NOON)
    await with_programme(world)
    survey, promotion = await make_survey(world, here), await promotion_published(world)
    return {"survey_id": UUID(survey), "promotion_id": UUID(promotion), "endpoint_id": endpoint.id}


def naming(journey: Journey, key: str, there: dict[str, UUID]) -> Journey:
    """The same, of what the clinic has."""
    steps = [
        step.model_copy(update={name: there[name] for name in there if getattr(step, name) is not None})
        for step in journey.steps
    ]
    return journey.model_copy(update={"key": key, "steps": steps})


async def test_in_a_clinic_that_has_what_they_name_they_are_published_and_run(world: World) -> None:
    drawn, there, done = Random(20261124), await stocked(world), set[str]()  # noqa: S311
    for number, journey in enumerate(collected(sound_journeys, SOUND)):
        own = naming(journey, f"mine-{number}", there)
        journey_id = await published(world, own)
        assert journey_id is not None, f"refused: {own.definition()}"
        await runs(world, own, journey_id, drawn)
        done |= {step.kind.value for step in own.steps}
    assert done >= {each.value for each in StepKind}, done
    assert set(await verdicts(world)) >= {"sent", "done", "turned", "waited", "completed", "exited"}


async def test_whatever_the_format_allows_is_refused_with_a_place_or_runs(world: World) -> None:
    drawn, tally, documents = Random(20261124), Tally(), collected(journeys, 60) + collected(sound_journeys, 20)  # noqa: S311
    for number, journey in enumerate(documents):
        own = journey.model_copy(update={"key": f"mine-{number}"})
        journey_id = await published(world, own)
        tally.refused += journey_id is None
        if journey_id is not None and tally.published < 8:
            tally.published += 1
            await runs(world, own, journey_id, drawn)
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
