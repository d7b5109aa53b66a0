"""Who was too many for a day comes on the next one, whatever lets them in; a greeting does not."""

from datetime import timedelta

import pytest

from automation.criteria.said import EventKind
from automation.journey.calendar_days import WAITS, patience
from automation.journey.document import Trigger
from automation.journey.step import Step
from automation.journey.words import DateFact, Every, StepKind, TriggerKind
from tests.automation.people import Person
from tests.automation.test_recall import DAY, NOON, admitted, enrolments
from tests.automation.test_triggers import ADULTS, BY_HAND, HOUR, MINUTE, happened, journey, put_in, started, tick
from tests.world import World

BY_EVENT = Trigger(kind=TriggerKind.EVENT, event=EventKind.PLAN_PUBLISHED)
EVERY_WEDNESDAY = Trigger(kind=TriggerKind.PERIOD, every=Every.WEEK, weekday=2, at="12:00", criteria=ADULTS)


async def numbers(world: World, *hours: int) -> list[int]:
    """How many had come by then; Rome's midnight lies twelve hours after its noon."""
    found = []
    for each in hours:
        await tick(world, NOON + each * HOUR)
        found.append(len(await enrolments(world)))
    return found


async def test_of_an_event_the_others_come_on_the_next_days(world: World) -> None:
    people = [Person() for _ in range(5)]
    await admitted(world, world.here, people)
    await started(world, journey(BY_EVENT, per_day=2, again_after_days=1))
    for each in people:
        await happened(world, each, EventKind.PLAN_PUBLISHED, NOON + MINUTE)
    assert await numbers(world, 1, 2, 13, 14, 37, 38, 61, 120) == [2, 2, 4, 4, 5, 5, 5, 5]
    assert {row.patient_id for row in await enrolments(world)} == {each.id for each in people}


async def test_what_happened_before_the_launch_lets_in_nobody_of_the_next_days(world: World) -> None:
    people = [Person() for _ in range(2)]
    await admitted(world, world.here, people)
    await happened(world, people[0], EventKind.PLAN_PUBLISHED, NOON - MINUTE)  # before the launch
    await started(world, journey(BY_EVENT, per_day=1))
    await happened(world, people[1], EventKind.PLAN_PUBLISHED, NOON + MINUTE)
    assert await numbers(world, 1, 13, 37) == [1, 1, 1]


async def test_who_was_kept_out_while_there_was_room_does_not_come_later(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND, Step(id="wait", kind=StepKind.WAIT, hours=3), key="other", group="g"))
    await put_in(world, "other", person)
    await started(world, journey(BY_EVENT, per_day=2, group="g"))
    await happened(world, person, EventKind.PLAN_PUBLISHED, NOON + MINUTE)
    assert await numbers(world, 1, 13, 37) == [1, 1, 1]
    assert [row.state for row in await enrolments(world)] == ["completed"]


async def test_of_a_period_the_others_come_on_the_next_days_and_nobody_twice(world: World) -> None:
    await admitted(world, world.here, [Person() for _ in range(3)])  # beside the two of the cast
    await started(world, journey(EVERY_WEDNESDAY, per_day=2, again_after_days=1), NOON - HOUR)
    assert await numbers(world, 1, 2, 13, 14, 37, 61, 85, 120) == [2, 2, 4, 4, 5, 5, 5, 5]


async def test_a_greeting_of_tomorrow_is_none(world: World) -> None:
    born = (NOON + DAY).date().replace(year=1985)
    await admitted(world, world.here, [Person(birth_date=born) for _ in range(3)])
    trigger = Trigger(kind=TriggerKind.DATE, fact=DateFact.BIRTHDAY, days=-1, at="12:00")
    await started(world, journey(trigger, per_day=2), NOON - HOUR)
    assert await numbers(world, 1, 13, 37) == [2, 2, 2]


@pytest.mark.parametrize(("days", "waits"), [(0, 7), (3, 7), (-1, 0), (-2, 1), (-30, 7)])
def test_what_comes_before_a_date_comes_before_it(days: int, waits: int) -> None:
    trigger = Trigger(kind=TriggerKind.DATE, fact=DateFact.COUPON_ENDS, days=days, at="10:00")
    assert patience(trigger) == timedelta(days=waits) <= WAITS
