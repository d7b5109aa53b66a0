"""Exits and waits hear what they are meant to: of the thing that the journey is about, and of the chat the patient."""

import pytest

from automation.commands.given import post_chat_messages
from automation.criteria.said import EventKind
from automation.effect import Effect
from automation.journey.document import Exit, Goal, Trigger
from automation.journey.step import Step
from automation.journey.subjects import BEGINS, befalls, goes_on_about
from automation.journey.words import ExitKind, StepKind, TriggerKind
from automation.templates import TEMPLATES
from clinic.commands import move_visit
from core.events import SYSTEM, Actor, ActorKind, Happening, record
from core.ids import new_id
from tests.automation.people import Person
from tests.automation.test_recall import DAY, NOON, admitted, enrolments, notices
from tests.automation.test_triggers import BY_HAND, DONE, HOUR, MINUTE, booked, happened, journey, put_in, started, tick
from tests.world import World

E = EventKind


def on(event: EventKind) -> Trigger:
    return Trigger(kind=TriggerKind.EVENT, event=event)


@pytest.mark.parametrize(
    ("trigger", "event", "of_this", "of_another"),
    [
        (E.APPOINTMENT_BOOKED, E.APPOINTMENT_CONFIRMED_BY_PATIENT, True, False),
        (E.PLAN_PUBLISHED, E.PLAN_ACCEPTED, True, False),
        (E.PLAN_PUBLISHED, E.STAGE_DECLINED, True, False),
        (E.SLOT_OFFER_MADE, E.SLOT_OFFER_DECLINED, True, False),
        (E.APPOINTMENT_BOOKED, E.PLAN_ACCEPTED, True, True),  # of another kind
        (E.APPOINTMENT_CONFIRMED, E.APPOINTMENT_BOOKED, True, True),  # begins another
        (E.APPOINTMENT_NO_SHOW, E.APPOINTMENT_COMPLETED, True, True),  # what was missed is over
    ],
)
async def test_an_exit_listens_to_what_the_journey_is_about(
    world: World, trigger: EventKind, event: EventKind, *, of_this: bool, of_another: bool
) -> None:
    this, another = Person(), Person()
    await admitted(world, world.here, [this, another])
    wait = Step(id="wait", kind=StepKind.WAIT, days=3)
    await started(world, journey(on(trigger), wait, DONE, exits=[Exit(kind=ExitKind.HAPPENED, event=event)]))
    subject = new_id()
    await happened(world, this, trigger, NOON + HOUR, subject)
    await happened(world, another, trigger, NOON + HOUR)
    await tick(world, NOON + 2 * HOUR)
    await happened(world, this, event, NOON + 3 * HOUR, subject)
    await happened(world, another, event, NOON + 3 * HOUR)
    await tick(world, NOON + 4 * HOUR)
    left = {row.patient_id: row.state == "exited" for row in await enrolments(world)}
    assert left == {this.id: of_this, another.id: of_another}


async def test_who_is_handed_over_with_a_visit_is_bound_to_it(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    over = Step(id="over", kind=StepKind.JOURNEY, journey="next")
    wait = Step(id="wait", kind=StepKind.WAIT, days=3)
    ends = [Exit(kind=ExitKind.HAPPENED, event=E.APPOINTMENT_MOVED)]
    await started(world, journey(BY_HAND, wait, DONE, key="next", exits=ends))
    await started(world, journey(on(E.APPOINTMENT_BOOKED), over))
    visit = await booked(world, person, NOON + HOUR, NOON + 9 * DAY)
    await tick(world, NOON + 2 * HOUR)
    await happened(world, person, E.APPOINTMENT_MOVED, NOON + 3 * HOUR)
    await tick(world, NOON + 4 * HOUR)
    assert await state(world, "next") == "active"
    await happened(world, person, E.APPOINTMENT_MOVED, NOON + 5 * HOUR, visit)
    await tick(world, NOON + 6 * HOUR)
    assert await state(world, "next") == "exited"


async def state(world: World, key: str) -> str:
    (row,) = [each for each in await enrolments(world) if each.journey_key == key]
    return row.state


def test_what_begins_befalls_nothing_and_whatever_befalls_a_thing_can_be_of_a_journey() -> None:
    assert not any(befalls(each) for each in BEGINS)
    things = {goes_on_about(on(each)) for each in EventKind} - {None}
    assert {befalls(each) for each in EventKind} - {None} == things


async def test_a_journey_hears_the_patient_and_not_itself(world: World) -> None:
    here = world.here
    heard = Step(id="heard", kind=StepKind.WAIT_EVENT, events=[E.MESSAGE_POSTED], days=5, then="yes")
    ways = (
        heard,
        Step(id="no", kind=StepKind.EXIT, outcome="silent"),
        Step(id="yes", kind=StepKind.EXIT, outcome="heard"),
    )
    await started(world, journey(BY_HAND, *ways, goal=Goal(event=E.MESSAGE_POSTED, within_days=9)))
    await started(world, journey(on(E.MESSAGE_POSTED), key="answer"))
    await put_in(world, "j", Person(id=here.patient_id))
    await tick(world, NOON)
    async with world.database.sweeping() as sweeping:
        ours = Effect(here.clinic_id, new_id(), 1, here.patient_id)
        await post_chat_messages(sweeping, [(ours, {"en": "How are you?"})], NOON + HOUR)
    await tick(world, NOON + HOUR + MINUTE)
    (row,) = await enrolments(world)
    assert (row.state, row.step, row.goal_at) == ("active", "heard", None)
    async with world.database.writing(here.scope) as writing:
        theirs = Happening(E.MESSAGE_POSTED.value, new_id(), here.patient_id)
        await record(writing, here.clinic_id, Actor(ActorKind.PATIENT), [theirs], NOON + 2 * HOUR)
    await tick(world, NOON + 3 * HOUR)
    by_key = {row.journey_key: row for row in await enrolments(world)}
    assert (by_key["j"].outcome, by_key["j"].goal_at) == ("heard", NOON + 2 * HOUR)
    assert "answer" in by_key


@pytest.mark.parametrize(("key", "hour"), [("visit-remind", 15), ("visit-confirm", 9)])
async def test_a_visit_that_is_moved_after_its_reminder_is_reminded_of_on_its_new_date(
    world: World, key: str, hour: int
) -> None:
    """17:00 and 11:00 in Rome; the visit is first in three days, then in ten."""
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, TEMPLATES[key].draft("en", {}), NOON - HOUR)
    visit = await booked(world, person, NOON, NOON + 3 * DAY)
    for day in range(3):
        await tick(world, NOON.replace(hour=hour, minute=1) + day * DAY)
    assert len(await notices(world)) == 1
    late = NOON + 2 * DAY + 8 * HOUR
    async with world.database.writing(world.here.scope) as writing:
        span = (NOON + 10 * DAY, NOON + 10 * DAY + HOUR)
        await move_visit(writing, world.here.clinic_id, visit, *span, SYSTEM, late)
    await tick(world, late + MINUTE)
    assert [row.state for row in await enrolments(world)] == ["exited"]
    for day in range(3, 11):
        await tick(world, NOON.replace(hour=hour, minute=1) + day * DAY)
    assert len(await notices(world)) == 2
