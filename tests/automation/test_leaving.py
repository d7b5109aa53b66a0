"""Who leaves a journey takes along what it made for them and nobody is at: messages, questions, tasks."""

from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from automation.commands.carrying import take_out
from automation.commands.leaving import let_out
from automation.commands.publishing import Deed, stop
from automation.criteria.said import EventKind
from automation.journey.document import Exit
from automation.journey.step import Step
from automation.journey.words import ExitKind, ExitReason, StepKind
from automation.tables import JourneyRow, Task
from automation.task import TaskKind
from core.events import SYSTEM
from push.notice import Purpose
from tests.api.surveying import make_survey
from tests.automation.people import Person
from tests.automation.test_recall import NOON, admitted, enrolments, notices
from tests.automation.test_triggers import BY_HAND, HOUR, happened, journey, put_in, started, tick
from tests.world import World

CALL = Step(id="call", kind=StepKind.TASK, task=TaskKind.CALL, title="Call", within_hours=48)
AFTER = Step(id="after", kind=StepKind.WAIT, days=5)
ENDS = [Exit(kind=ExitKind.HAPPENED, event=EventKind.PLAN_ACCEPTED)]


async def called(world: World, *people: Person) -> list[UUID]:
    """These have a task to be called each; gives their enrolments."""
    await admitted(world, world.here, people)
    await started(world, journey(BY_HAND, CALL, AFTER, exits=ENDS))
    ids = await put_in(world, "j", *people)
    await tick(world, NOON)
    assert await tasks(world) == {each.id: "open" for each in people}
    return ids


async def tasks(world: World) -> dict[UUID | None, str]:
    async with world.database.sweeping() as sweeping:
        rows = await sweeping.execute(select(col(Task.patient_id), col(Task.state)))
        return {row.patient_id: row.state for row in rows}


async def test_an_exit_calls_off_the_tasks_of_who_leaves_and_of_nobody_else(world: World) -> None:
    gone, stays = Person(), Person()
    await called(world, gone, stays)
    await happened(world, gone, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await tick(world, NOON + 2 * HOUR)
    assert await tasks(world) == {gone.id: "cancelled", stays.id: "open"}
    async with world.database.sweeping() as sweeping:
        told = (await sweeping.execute(text("select count(*) from event where kind = 'task.cancelled'"))).scalar_one()
    assert told == 1


async def test_a_task_that_a_colleague_has_taken_stays_theirs(world: World) -> None:
    person = Person()
    await called(world, person)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text("update task set state = 'taken'"))
    await happened(world, person, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await tick(world, NOON + 2 * HOUR)
    assert [row.state for row in await enrolments(world)] == ["exited"]
    assert await tasks(world) == {person.id: "taken"}


@pytest.mark.parametrize("of_all", [True, False])
async def test_what_staff_stops_has_no_tasks_left(world: World, *, of_all: bool) -> None:
    person = Person()
    (enrolment_id,) = await called(world, person)
    async with world.database.writing(world.here.scope) as writing:
        if of_all:
            running = (await writing.execute(select(col(JourneyRow.id)))).scalar_one()
            await stop(writing, Deed(world.here.clinic_id, SYSTEM, NOON + HOUR), running)
        else:
            await take_out(writing, world.here.clinic_id, enrolment_id, SYSTEM, NOON + HOUR)
    assert await tasks(world) == {person.id: "cancelled"}


async def test_a_dead_letter_leaves_its_tasks_to_staff(world: World) -> None:
    person = Person()
    (enrolment_id,) = await called(world, person)
    async with world.database.sweeping() as sweeping:
        assert await let_out(sweeping, [(world.here.clinic_id, enrolment_id)], ExitReason.FAILED, NOON + HOUR)
    assert await tasks(world) == {person.id: "open"}


async def test_a_question_that_waits_is_taken_back_as_a_message_is(world: World) -> None:
    gone, stays = Person(), Person()
    await admitted(world, world.here, [gone, stays])
    survey = UUID(await make_survey(world, world.here))
    ask = Step(id="ask", kind=StepKind.SURVEY, survey_id=survey)
    await started(world, journey(BY_HAND, ask, AFTER, exits=ENDS, purpose=Purpose.SURVEY))
    await put_in(world, "j", gone, stays)
    await tick(world, NOON)
    assert {each.state for each in await notices(world)} == {"due"}
    await happened(world, gone, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await tick(world, NOON + 2 * HOUR)
    found = {each.patient_id: (each.state, each.reason) for each in await notices(world)}
    assert found[gone.id] == ("cancelled", "happened")
    assert found[stays.id][0] == "due"
