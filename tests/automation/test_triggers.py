"""Every trigger lets in whom it should, once: events, dates, periods, by hand; groups, bounds of a day, holdouts."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update
from sqlmodel import col

from automation.commands import EnrolmentNotFailed, enter_by_hand, repair, start_journey
from automation.commands.drafts import make_draft
from automation.commands.membership import tag_across
from automation.commands.publishing import Deed, publish, stop
from automation.criteria.said import CriterionKind, EventKind
from automation.journey.document import Exit, Goal, Journey, Trigger
from automation.journey.lot import HOLDOUT, lot
from automation.journey.step import Step
from automation.journey.words import About, Carrying, DateFact, Every, ExitKind, JourneyState, StepKind, TriggerKind
from automation.library import ChangeCause, SegmentKind
from automation.queries.lots import lot_of
from automation.segment import Criterion
from automation.tables import Enrolment, JourneyRow, Segment, Timer, Touchpoint
from automation.task import TaskKind
from clinic.appointment import AppointmentStatus, NewVisit
from clinic.commands import book_visit, change_visit, move_visit
from core.errors import NotFound
from core.events import SYSTEM, Happening, record
from core.ids import new_id
from enamel.worker.automation import run_journeys
from push.notice import NoticeKind, Purpose
from tests.automation.people import Person
from tests.automation.test_recall import DAY, NOON, admitted, enrolments, log, notices, timers
from tests.world import World

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ADULTS = Criterion(kind=CriterionKind.AGE_AT_LEAST, years=18)
BY_HAND = Trigger(kind=TriggerKind.MANUAL)
SAY = Step(id="say", kind=StepKind.MESSAGE, notice=NoticeKind.RECALL)
DONE = Step(id="done", kind=StepKind.EXIT, outcome="told")


def journey(trigger: Trigger, *steps: Step, key: str = "j", **said: Any) -> Journey:
    made = {"purpose": Purpose.RECALL} | said
    return Journey(key=key, name=key, trigger=trigger, steps=list(steps) or [SAY, DONE], **made)


async def started(world: World, of: Journey, at: datetime = NOON) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await start_journey(writing, world.here.clinic_id, of, at)


async def put_in(world: World, key: str, *people: Person, at: datetime = NOON) -> list[UUID]:
    async with world.database.writing(world.here.scope) as writing:
        return await enter_by_hand(writing, world.here.clinic_id, key, [each.id for each in people], at)


async def tick(world: World, at: datetime) -> int:
    return await run_journeys(world.database, at)


async def booked(world: World, person: Person, at: datetime, starts: datetime) -> UUID:
    async with world.database.writing(world.here.scope) as writing:
        new = NewVisit(starts, starts + HOUR, "Hygiene")
        return (await book_visit(writing, world.here.clinic_id, person.id, new, SYSTEM, at)).appointment_id


async def happened(
    world: World, person: Person, kind: EventKind, at: datetime, subject: UUID | None = None, cause: UUID | None = None
) -> None:
    async with world.database.writing(world.here.scope) as writing:
        told = Happening(kind.value, subject or new_id(), person.id, cause_id=cause)
        await record(writing, world.here.clinic_id, SYSTEM, [told], at)


async def state_of(world: World, state: JourneyState, key: str = "j") -> None:
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(update(JourneyRow).where(col(JourneyRow.key) == key).values(state=state.value))


async def test_an_event_lets_in_once_for_each_thing_it_is_about(world: World) -> None:
    person, old = Person(), Person(birth_date=date(2020, 1, 1))
    await admitted(world, world.here, [person, old])
    before = await booked(world, person, NOON - HOUR, NOON + 8 * DAY)
    trigger = Trigger(kind=TriggerKind.EVENT, event=EventKind.APPOINTMENT_BOOKED, criteria=ADULTS)
    await started(world, journey(trigger))
    first = await booked(world, person, NOON + MINUTE, NOON + 9 * DAY)
    second = await booked(world, person, NOON + MINUTE, NOON + 10 * DAY)
    await booked(world, old, NOON + MINUTE, NOON + 11 * DAY)  # a child: does not match
    await tick(world, NOON + 2 * MINUTE)
    await tick(world, NOON + 3 * MINUTE)
    found = await enrolments(world)
    assert {row.subject_id for row in found} == {first, second}
    assert before not in {row.subject_id for row in found}
    assert {row.patient_id for row in found} == {person.id}


@pytest.mark.parametrize(
    ("born", "at", "comes"),
    [
        (date(1985, 7, 18), datetime(2026, 7, 15, 8, 0, tzinfo=UTC), True),  # 10:00 in Rome, three days before
        (date(1985, 7, 18), datetime(2026, 7, 15, 7, 58, tzinfo=UTC), False),
        (date(1985, 7, 18), datetime(2026, 7, 16, 7, 0, tzinfo=UTC), True),  # a worker that stood still for a day
        (date(1985, 7, 18), datetime(2026, 7, 16, 8, 1, tzinfo=UTC), False),
        (date(1984, 2, 29), datetime(2026, 2, 25, 9, 30, tzinfo=UTC), True),  # kept on the 28th of a common year
        (date(1984, 2, 29), datetime(2028, 2, 25, 9, 30, tzinfo=UTC), False),
        (date(1984, 2, 29), datetime(2028, 2, 26, 9, 30, tzinfo=UTC), True),
    ],
)
async def test_a_birthday_lets_in_days_before_it(world: World, born: date, at: datetime, *, comes: bool) -> None:
    await admitted(world, world.here, [Person(birth_date=born)])
    trigger = Trigger(kind=TriggerKind.DATE, fact=DateFact.BIRTHDAY, days=-3, at="10:00")
    await started(world, journey(trigger, again_after_days=300), at - 3 * DAY)
    await tick(world, at)
    await tick(world, at + MINUTE)
    assert len(await enrolments(world)) == int(comes)


async def test_two_days_before_each_visit_there_is_one_enrolment_for_each(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    first = await booked(world, person, NOON - DAY, NOON + 2 * DAY)
    second = await booked(world, person, NOON - DAY, NOON + 2 * DAY + 2 * HOUR)
    await booked(world, person, NOON - DAY, NOON + 3 * DAY)
    trigger = Trigger(kind=TriggerKind.DATE, fact=DateFact.VISIT, days=-2, at="11:00")
    wait = Step(id="wait", kind=StepKind.WAIT_VISIT, hours_before=24)
    await started(world, journey(trigger, wait, SAY, exits=[Exit(kind=ExitKind.VISIT_GONE)]), NOON - 2 * HOUR)
    await tick(world, NOON)
    assert {row.subject_id for row in await enrolments(world)} == {first, second}
    assert await notices(world) == []
    async with world.database.writing(world.here.scope) as writing:
        await change_visit(writing, world.here.clinic_id, second, AppointmentStatus.CANCELLED, SYSTEM, NOON + MINUTE)
    await tick(world, NOON + 2 * MINUTE)
    gone = [row for row in await enrolments(world) if row.subject_id == second]
    assert [(row.state, row.exit_reason) for row in gone] == [("exited", "visit_gone")]
    await tick(world, NOON + DAY + MINUTE)
    assert [row.state for row in await enrolments(world) if row.subject_id == first] == ["completed"]
    assert len(await notices(world)) == 1


async def test_a_period_lets_in_on_its_day_and_the_last_of_a_short_month(world: World) -> None:
    person, child = Person(), Person(birth_date=date(2020, 1, 1))
    await admitted(world, world.here, [person, child])
    trigger = Trigger(kind=TriggerKind.PERIOD, every=Every.MONTH, day=31, at="10:00", criteria=ADULTS)
    start = datetime(2026, 2, 20, 12, tzinfo=UTC)
    await started(world, journey(trigger, again_after_days=20), start)
    came = []
    for days in range(45):
        await tick(world, start + days * DAY)
        found = await enrolments(world)
        assert child.id not in {row.patient_id for row in found}
        came.append(len([row for row in found if row.patient_id == person.id]))
    assert (came[7], came[8], came[38], came[39]) == (0, 1, 1, 2)  # 28 February, 31 March


async def test_by_hand_lets_in_once_and_unknown_journeys_nobody(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND))
    (enrolment_id,) = await put_in(world, "j", person, person)
    assert await put_in(world, "j", person) == []
    with pytest.raises(NotFound):
        await put_in(world, "other", person)
    await tick(world, NOON)
    (row,) = await enrolments(world)
    assert (row.id, row.state, row.outcome) == (enrolment_id, "completed", "told")


async def test_no_more_than_so_many_a_day_and_the_others_on_the_next(world: World) -> None:
    await admitted(world, world.here, [Person() for _ in range(5)])  # beside the two of the cast
    trigger = Trigger(kind=TriggerKind.SEGMENT, criteria=ADULTS)
    await started(world, journey(trigger, per_day=2))
    numbers = []
    for hours in (0, 1, 13, 14, 40):  # Rome's midnight lies twelve hours after its noon
        await tick(world, NOON + hours * HOUR)
        numbers.append(len(await enrolments(world)))
    assert numbers == [2, 2, 4, 4, 6]


async def test_in_a_group_one_at_a_time_and_the_better_rank_takes_over(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    wait = Step(id="wait", kind=StepKind.WAIT, days=9)
    await started(world, journey(BY_HAND, SAY, wait, key="low", group="g", rank=900))
    await started(world, journey(BY_HAND, wait, key="same", group="g", rank=900, takes_over=True))
    await started(world, journey(BY_HAND, wait, key="high", group="g", rank=100, takes_over=True))
    assert len(await put_in(world, "low", person)) == 1
    await tick(world, NOON)
    assert await put_in(world, "same", person, at=NOON + MINUTE) == []
    assert len(await put_in(world, "high", person, at=NOON + MINUTE)) == 1
    rows = {row.journey_key: (row.state, row.exit_reason) for row in await enrolments(world)}
    assert rows == {"low": ("exited", "taken_over"), "high": ("active", None)}
    assert [(notice.state, notice.reason) for notice in await notices(world)] == [("cancelled", "taken_over")]
    assert await put_in(world, "low", person, at=NOON + 2 * MINUTE) == []


async def test_who_is_held_out_is_told_nothing_and_their_goal_is_counted(world: World) -> None:
    people = [Person() for _ in range(40)]
    await admitted(world, world.here, people)
    goal = Goal(event=EventKind.APPOINTMENT_BOOKED, within_days=10)
    await started(world, journey(BY_HAND, goal=goal, holdout_percent=50))
    await put_in(world, "j", *people)
    await tick(world, NOON)
    held = {row.patient_id for row in await enrolments(world) if row.state == "held_out"}
    assert held == {each.id for each in people if lot(each.id, "j", HOLDOUT) < 50}
    assert held.isdisjoint(notice.patient_id for notice in await notices(world))
    assert len(await notices(world)) == 40 - len(held)
    out, late = (next(each for each in people if (each.id in held) is so) for so in (True, False))
    await booked(world, out, NOON + DAY, NOON + 20 * DAY)
    await booked(world, late, NOON + 11 * DAY, NOON + 20 * DAY)
    await tick(world, NOON + 12 * DAY)
    counted = {row.patient_id: row.goal_at for row in await enrolments(world) if row.goal_at}
    assert counted == {out.id: NOON + DAY}


async def test_lots_of_sql_are_those_of_the_rule(world: World) -> None:
    ids = [new_id() for _ in range(200)]
    async with world.database.sweeping() as sweeping:
        drawn = [(await sweeping.execute(select(lot_of(each, "j", "split")))).scalar_one() for each in ids]
    assert drawn == [lot(each, "j", "split") for each in ids]


async def test_what_is_waited_for_wakes_and_a_wait_of_days_sleeps_on(world: World) -> None:
    woken, asleep = Person(), Person()
    await admitted(world, world.here, [woken, asleep])
    heard = Step(
        id="heard", kind=StepKind.WAIT_EVENT, events=[EventKind.PUSH_OPENED], about=About.THIS, days=5, then="done"
    )
    wait = Step(id="wait", kind=StepKind.WAIT, days=9)
    await started(world, journey(BY_HAND, SAY, heard, wait, DONE))
    first, second = await put_in(world, "j", woken, asleep)
    by_patient = {row.patient_id: row.id for row in await enrolments(world)}
    assert {first, second} == set(by_patient.values())
    await tick(world, NOON)
    await happened(world, woken, EventKind.PUSH_OPENED, NOON + HOUR, cause=by_patient[woken.id])
    await happened(world, asleep, EventKind.PUSH_OPENED, NOON + HOUR)  # of something else
    await tick(world, NOON + 2 * HOUR)
    assert {row.patient_id: row.state for row in await enrolments(world)} == {
        woken.id: "completed",
        asleep.id: "active",
    }
    await tick(world, NOON + 5 * DAY)
    await happened(world, asleep, EventKind.PUSH_OPENED, NOON + 6 * DAY, cause=by_patient[asleep.id])
    await tick(world, NOON + 6 * DAY + MINUTE)
    (row,) = [each for each in await enrolments(world) if each.patient_id == asleep.id]
    assert (row.state, row.step) == ("active", "wait")
    await tick(world, NOON + 14 * DAY)
    assert {each.state for each in await enrolments(world)} == {"completed"}


async def test_a_visit_that_moved_is_waited_for_anew(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    trigger = Trigger(kind=TriggerKind.EVENT, event=EventKind.APPOINTMENT_BOOKED)
    wait = Step(id="wait", kind=StepKind.WAIT_VISIT, hours_before=24)
    await started(world, journey(trigger, wait, SAY))
    visit = await booked(world, person, NOON, NOON + 9 * DAY)
    await tick(world, NOON + MINUTE)
    assert await rings_at(world) == NOON + 8 * DAY
    for days in (4, 12):  # nearer, then farther off
        async with world.database.writing(world.here.scope) as writing:
            starts = NOON + days * DAY
            await move_visit(writing, world.here.clinic_id, visit, starts, starts + HOUR, SYSTEM, NOON + HOUR)
        await tick(world, NOON + HOUR + MINUTE)
        assert await rings_at(world) == NOON + (days - 1) * DAY
    assert await notices(world) == []
    await tick(world, NOON + 8 * DAY + MINUTE)  # when it would have been said
    assert await notices(world) == []
    await tick(world, NOON + 11 * DAY)
    assert len(await notices(world)) == 1


async def rings_at(world: World) -> datetime:
    async with world.database.sweeping() as sweeping:
        return (await sweeping.execute(select(col(Timer.due_at)))).scalar_one()


async def test_an_event_that_ends_it_takes_out_and_pause_stops_nobody_from_leaving(world: World) -> None:
    person, other = Person(), Person()
    await admitted(world, world.here, [person, other])
    exits = [Exit(kind=ExitKind.HAPPENED, event=EventKind.PLAN_ACCEPTED)]
    wait = Step(id="wait", kind=StepKind.WAIT, days=1)
    await started(world, journey(BY_HAND, wait, SAY, exits=exits))
    await put_in(world, "j", person, other)
    await tick(world, NOON)
    await state_of(world, JourneyState.PAUSED)
    await happened(world, person, EventKind.PLAN_ACCEPTED, NOON + HOUR)
    await tick(world, NOON + 2 * DAY)
    rows = {row.patient_id: (row.state, row.exit_reason) for row in await enrolments(world)}
    assert rows == {person.id: ("exited", "happened"), other.id: ("active", None)}
    assert await notices(world) == []
    await state_of(world, JourneyState.DRAINING)
    await tick(world, NOON + 2 * DAY)
    assert {row.patient_id: row.state for row in await enrolments(world)}[other.id] == "completed"


async def test_a_stopped_journey_lets_everybody_out(world: World) -> None:
    people = [Person() for _ in range(3)]
    await admitted(world, world.here, people)
    await started(world, journey(BY_HAND, SAY, Step(id="wait", kind=StepKind.WAIT, days=1)))
    await put_in(world, "j", *people)
    await tick(world, NOON)
    async with world.database.writing(world.here.scope) as writing:
        (running,) = (await writing.execute(select(col(JourneyRow.id)))).scalars()
        await stop(writing, Deed(world.here.clinic_id, SYSTEM, NOON + HOUR), running)
    assert {(row.state, row.exit_reason) for row in await enrolments(world)} == {("exited", "stopped")}
    assert {(each.state, each.reason) for each in await notices(world)} == {("cancelled", "stopped")}
    assert await timers(world) == 0


async def test_journeys_that_hand_over_to_each_other_end(world: World) -> None:
    person = Person()
    await admitted(world, world.here, [person])
    await started(world, journey(BY_HAND, key="b"))
    ring = {key: [Step(id="give", kind=StepKind.JOURNEY, journey=to), DONE] for key, to in (("a", "b"), ("b", "a"))}
    await started(world, journey(BY_HAND, *ring["a"], key="a", again_after_days=1))
    async with world.database.writing(world.here.scope) as writing:
        anew = journey(BY_HAND, *ring["b"], key="b", again_after_days=1)
        draft = await make_draft(writing, world.here.clinic_id, anew, SYSTEM, NOON)
        deed = Deed(world.here.clinic_id, SYSTEM, NOON)
        await publish(writing, deed, draft.journey_id, draft.digest, Carrying.NEWCOMERS)
    await put_in(world, "a", person)
    for days in range(20):
        await tick(world, NOON + days * DAY)
    rows = await enrolments(world)
    assert max(row.hops for row in rows) <= 5
    assert {row.state for row in rows} == {"completed"}
    reasons = {row.reason for row in await touched(world)} - {"", "told"}
    assert reasons <= {"too-many-hops", "not-taken-in"}
    assert len(rows) >= 2


async def touched(world: World) -> list[Touchpoint]:
    async with world.database.sweeping() as sweeping:
        return list((await sweeping.execute(select(Touchpoint).order_by(col(Touchpoint.seq)))).scalars())


async def test_a_step_makes_one_task_and_says_which(world: World) -> None:
    await admitted(world, world.here, [person := Person()])
    task = Step(id="call", kind=StepKind.TASK, task=TaskKind.CALL, title="Call")
    await started(world, journey(BY_HAND, task, DONE))
    await put_in(world, "j", person)
    await tick(world, NOON)
    line = (await touched(world))[1]
    assert (line.step, line.verdict, line.thing_id is None) == ("call", "done", False)
    assert await log(world) == [(0, "call", "entered"), (1, "call", "done"), (2, "done", "completed")]


async def test_one_that_cannot_be_moved_stops_nobody_ends_among_the_dead_letters_and_is_put_back(world: World) -> None:
    people = [Person() for _ in range(5)]
    await admitted(world, world.here, people)
    await started(world, journey(BY_HAND))
    await put_in(world, "j", *people)
    async with world.database.sweeping() as sweeping:
        (broken, *_) = (await sweeping.execute(select(col(Enrolment.id)))).scalars()
        await sweeping.execute(update(Enrolment).where(col(Enrolment.id) == broken).values(step="no-such-step"))
    await tick(world, NOON)
    assert sorted(row.state for row in await enrolments(world)) == ["active", *["completed"] * 4]
    moments = [NOON + minutes * MINUTE for minutes in (0.5, 1, 2, 5, 21, 85)]
    failures = []
    for at in moments:
        await tick(world, at)
        failures += [row.failures for row in await enrolments(world) if row.id == broken]
    assert failures == [1, 2, 2, 3, 4, 5]
    (row,) = [row for row in await enrolments(world) if row.id == broken]
    assert (row.state, row.exit_reason, await timers(world)) == ("exited", "failed", 0)
    async with world.database.sweeping() as sweeping:
        await sweeping.execute(update(Enrolment).where(col(Enrolment.id) == broken).values(step="say"))
    async with world.database.writing(world.here.scope) as writing:
        await repair(writing, world.here.clinic_id, broken, NOON + 2 * HOUR)
    with pytest.raises(EnrolmentNotFailed):
        async with world.database.writing(world.here.scope) as writing:
            await repair(writing, world.here.clinic_id, broken, NOON + 2 * HOUR)
    await tick(world, NOON + 2 * HOUR)
    assert {row.state for row in await enrolments(world)} == {"completed"}
    assert len({notice.patient_id for notice in await notices(world)}) == len(await notices(world)) == 5


async def test_a_tag_lets_in_a_step_takes_it_away_and_who_has_it_no_more_leaves(world: World) -> None:
    people = [Person(), Person()]
    await admitted(world, world.here, people)
    tag = new_id()
    async with world.database.sweeping() as sweeping:
        row = Segment(
            clinic_id=world.here.clinic_id, id=tag, key="vip", name="Vip", kind=SegmentKind.MANUAL.value,
            clinical=False, made_at=NOON, changed_at=NOON,
        )  # fmt: skip
        sweeping.add(row)
        await sweeping.flush()
        members = [(world.here.clinic_id, tag, each.id) for each in people]
        await tag_across(sweeping, members, joined=True, cause=ChangeCause.HAND, now=NOON)
    take = Step(id="take", kind=StepKind.TAG, segment="vip", joined=False)
    wait = Step(id="wait", kind=StepKind.WAIT, days=1)
    trigger = Trigger(kind=TriggerKind.SEGMENT, segment="vip")
    await started(world, journey(trigger, wait, take, SAY, exits=[Exit(kind=ExitKind.LEFT_SEGMENT)]))
    await tick(world, NOON)
    assert {row.patient_id for row in await enrolments(world)} == {each.id for each in people}
    async with world.database.sweeping() as sweeping:
        await tag_across(sweeping, members[:1], joined=False, cause=ChangeCause.HAND, now=NOON)
    await tick(world, NOON + DAY)
    assert {(row.exit_reason, row.step) for row in await enrolments(world)} == {
        ("left_segment", "wait"), ("left_segment", "say")
    }  # fmt: skip


async def test_goals_are_counted_after_a_journey_was_ended_too(world: World) -> None:
    """What was begun is counted to its end, of whoever was let in and of whoever was held out."""
    people = [Person() for _ in range(12)]
    await admitted(world, world.here, people)
    goal = Goal(event=EventKind.PLAN_ACCEPTED, within_days=9)
    await started(world, journey(BY_HAND, holdout_percent=50, goal=goal))
    await put_in(world, "j", *people)
    await tick(world, NOON)
    (running,) = {row.journey_id for row in await enrolments(world)}
    async with world.database.writing(world.here.scope) as writing:
        await stop(writing, Deed(world.here.clinic_id, SYSTEM, NOON + HOUR), running)
    for each in people:
        await happened(world, each, EventKind.PLAN_ACCEPTED, NOON + DAY)
    await tick(world, NOON + DAY + HOUR)
    found = await enrolments(world)
    assert {row.state for row in found} == {"held_out", "completed"}
    assert {row.goal_at for row in found} == {NOON + DAY}
