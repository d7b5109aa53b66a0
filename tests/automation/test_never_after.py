"""Nothing more reaches who has left: whatever a lock, a hand-over, an end of a survey or a repair come between."""

from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from automation.commands import EnrolmentNotFailed, listen, repair
from automation.commands.leaving import let_out
from automation.commands.publishing import Deed, stop
from automation.commands.surveys import end_survey
from automation.criteria.said import EventKind
from automation.journey.document import Exit, Trigger
from automation.journey.step import Step
from automation.journey.words import ExitKind, ExitReason, StepKind, TextIn, TriggerKind
from core.events import SYSTEM
from push.commands import set_consent
from push.consent import ConsentChannel
from push.notice import Purpose
from tests.api.surveying import make_survey
from tests.automation.people import Person
from tests.automation.test_recall import NOON, admitted, enrolments, log, notices
from tests.automation.test_triggers import BY_HAND, DONE, HOUR, SAY, happened, journey, put_in, started, tick
from tests.world import World

WAIT = Step(id="wait", kind=StepKind.WAIT, days=3)
ENDS = [Exit(kind=ExitKind.HAPPENED, event=EventKind.PLAN_ACCEPTED)]


async def test_an_exit_that_meets_a_lock_is_heard_again(world: World, owner: asyncpg.Connection) -> None:
    """Whoever holds the message lets go in time, or not: the event is not passed over."""
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND, SAY, WAIT, DONE, exits=ENDS))
    await put_in(world, "j", person)
    await tick(world, NOON)
    await happened(world, person, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    async with owner.transaction():
        await owner.execute("select 1 from notice for update")
        with pytest.raises(DBAPIError):
            await _listened(world, "set local lock_timeout = '50ms'")
    await tick(world, NOON + 2 * HOUR)
    assert [(row.state, row.exit_reason) for row in await enrolments(world)] == [("exited", "happened")]
    assert [(each.state, each.reason) for each in await notices(world)] == [("cancelled", "happened")]


async def test_an_entry_that_meets_a_lock_is_heard_again(world: World, owner: asyncpg.Connection) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(Trigger(kind=TriggerKind.EVENT, event=EventKind.PLAN_ACCEPTED)))
    await happened(world, person, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    async with owner.transaction():
        await owner.execute("lock table touchpoint in exclusive mode")
        with pytest.raises(DBAPIError):
            await _listened(world, "set local lock_timeout = '50ms'")
    await tick(world, NOON + 2 * HOUR)
    assert len(await enrolments(world)) == 1


async def _listened(world: World, first: str) -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(text(first))
        await listen(sweeping, NOON + HOUR, 100)


async def test_the_last_message_is_taken_back_too_where_it_still_waits(world: World) -> None:
    """They came to the end as it was given to push, and booked before it went out."""
    gone, stays = Person(), Person()
    await admitted(world, world.here, [gone, stays])
    await started(world, journey(BY_HAND, SAY, DONE, exits=ENDS))
    await put_in(world, "j", gone, stays)
    await tick(world, NOON)
    assert {row.state for row in await enrolments(world)} == {"completed"}
    await happened(world, gone, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await tick(world, NOON + 2 * HOUR)
    found = {each.patient_id: (each.state, each.reason) for each in await notices(world)}
    assert found[gone.id] == ("cancelled", "happened")
    assert found[stays.id][0] == "due"
    assert {row.state for row in await enrolments(world)} == {"completed"}


async def test_where_one_journey_cannot_take_back_the_others_do(world: World, owner: asyncpg.Connection) -> None:
    stuck, gone = Person(), Person()
    await admitted(world, world.here, [stuck, gone])
    for key, person in (("a", stuck), ("b", gone)):
        await started(world, journey(BY_HAND, SAY, DONE, key=key, exits=ENDS))
        await put_in(world, key, person)
    await tick(world, NOON)
    for person in (stuck, gone):
        await happened(world, person, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await owner.execute(_UNCHANGED.format(patient=stuck.id))
    try:
        await tick(world, NOON + 2 * HOUR)
    finally:
        await owner.execute("drop function unchanged cascade")
    assert {each.patient_id: each.state for each in await notices(world)} == {stuck.id: "due", gone.id: "cancelled"}


_UNCHANGED = """
create function unchanged() returns trigger language plpgsql as $$ begin raise 'no'; end $$;
create trigger unchanged before update on notice for each row when (old.patient_id = '{patient}')
execute function unchanged()
"""


async def test_staff_stops_what_was_said_last_too(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND, SAY, DONE))
    await put_in(world, "j", person)
    await tick(world, NOON)
    (row,) = await enrolments(world)
    async with world.database.writing(world.here.scope) as writing:
        await stop(writing, Deed(world.here.clinic_id, SYSTEM, NOON + HOUR), row.journey_id)
    assert [(each.state, each.reason) for each in await notices(world)] == [("cancelled", "stopped")]
    assert [(row.state, row.exit_reason) for row in await enrolments(world)] == [("completed", None)]


@pytest.mark.parametrize("takes_over", [True, False])
async def test_a_hand_over_within_a_group_takes_nobody_in_and_breaks_nothing(world: World, *, takes_over: bool) -> None:
    """Who is on one journey of a group comes into no other, whichever is asked first."""
    person = Person()
    await admitted(world, world.here, [person])
    over = Step(id="over", kind=StepKind.JOURNEY, journey="next")
    await started(world, journey(BY_HAND, SAY, DONE, key="next", group="g", rank=1, takes_over=takes_over))
    await started(world, journey(BY_HAND, over, DONE, group="h"))
    async with world.database.sweeping() as sweeping:  # published before the other was of its group
        await sweeping.execute(
            text("""update journey set definition = jsonb_set(definition, '{group}', '"g"') where key = 'j'""")
        )
    await put_in(world, "j", person)
    await tick(world, NOON)
    assert [(row.journey_key, row.state, row.failures) for row in await enrolments(world)] == [("j", "completed", 0)]
    assert ("over", "skipped") in [(step, verdict) for _, step, verdict in await log(world)]


async def test_the_messages_of_a_survey_that_was_ended_are_taken_back(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    survey = UUID(await make_survey(world, world.here))
    ask = Step(id="ask", kind=StepKind.SURVEY, survey_id=survey)
    await started(world, journey(BY_HAND, ask, DONE, purpose=Purpose.SURVEY))
    await put_in(world, "j", person)
    await tick(world, NOON)
    assert [each.state for each in await notices(world)] == ["due"]
    async with world.database.writing(world.here.scope) as writing:
        await end_survey(writing, world.here.clinic_id, survey, SYSTEM, NOON + HOUR)
    assert [(each.state, each.reason) for each in await notices(world)] == [("cancelled", "survey-ended")]


async def test_a_dead_letter_of_a_journey_that_was_stopped_stays_where_it_is(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND, WAIT, DONE))
    (enrolment_id,) = await put_in(world, "j", person)
    here = world.here
    async with world.database.sweeping() as sweeping:
        await let_out(sweeping, [(here.clinic_id, enrolment_id)], ExitReason.FAILED, NOON)
    (row,) = await enrolments(world)
    async with world.database.writing(here.scope) as writing:
        await stop(writing, Deed(here.clinic_id, SYSTEM, NOON + HOUR), row.journey_id)
    async with world.database.writing(here.scope) as writing:
        with pytest.raises(EnrolmentNotFailed):
            await repair(writing, here.clinic_id, enrolment_id, NOON + 2 * HOUR)


CHAT = Step(id="tell", kind=StepKind.CHAT, texts=[TextIn(language="en", text="Whitening at half the price")])


@pytest.mark.parametrize(
    ("purpose", "said", "told"),
    [
        (Purpose.MARKETING, None, False),
        (Purpose.MARKETING, True, True),
        (Purpose.MARKETING, False, False),
        (Purpose.RECALL, None, True),
        (Purpose.RECALL, False, False),
        (Purpose.SERVICE, False, True),  # what belongs to the treatment stands in the conversation
    ],
)
async def test_in_the_chat_too_nobody_is_told_what_they_did_not_agree_to(
    world: World, purpose: Purpose, *, said: bool | None, told: bool
) -> None:
    here = world.here
    await started(world, journey(BY_HAND, CHAT, DONE, purpose=purpose))
    if said is not None:
        async with world.database.writing(here.scope) as writing:
            await set_consent(
                writing, here.clinic_id, here.patient_id, purpose, said, SYSTEM, NOON, channel=ConsentChannel.PUSH
            )
    await put_in(world, "j", Person(id=here.patient_id))
    await tick(world, NOON)
    async with world.database.sweeping() as sweeping:
        posted = (await sweeping.execute(text("select count(*) from event where kind = 'message.posted'"))).scalar_one()
        reasons = (
            await sweeping.execute(text("select verdict, reason from touchpoint where step = 'tell' and seq > 0"))
        ).all()
    assert posted == int(told)
    assert [tuple(each) for each in reasons] == [("done", "") if told else ("skipped", "no-consent")]
