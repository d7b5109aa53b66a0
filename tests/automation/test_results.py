"""What came of a journey, over the real database: each number is of whom it says, and few people stay hidden."""

from datetime import date, timedelta
from itertools import product
from uuid import UUID

import pytest
from sqlalchemy import insert

from automation.criteria.said import EventKind
from automation.journey.document import Goal
from automation.proportion import Finding
from automation.queries.calendar import planned
from automation.queries.results import JourneyResults, journey_results
from automation.results import rate, told, uplift
from clinic.commands import open_branch
from core.errors import NotFound
from push.tables import NoticeRow
from tests.automation.people import Person, add_people
from tests.automation.ways_through import (
    DAY,
    NOON,
    RECALL,
    ROME,
    Went,
    charged,
    journey_of,
    notice_row,
    people,
    put_ways,
)
from tests.conftest import Queries
from tests.world import World

SENT = ("nudge", "sent", "")
OVER = NOON - 31 * DAY
"""An entry whose thirty days for the goal are over."""


async def results(world: World, journey_id: UUID, *, clinical: bool = True, finance: bool = True) -> JourneyResults:
    async with world.database.reading(world.here.scope) as reading:
        return await journey_results(
            reading, world.here.clinic_id, journey_id, NOON, clinical=clinical, finance=finance
        )


async def test_each_way_is_counted_at_the_step_where_it_is_or_was_left(world: World, at_most: Queries) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 6)
    await put_ways(world, world.here, journey_id, [
        Went(who[0], done=[("nudge", "entered", ""), SENT]),
        Went(who[1], done=[("nudge", "held", ""), ("nudge", "held", ""), SENT]),
        Went(who[2], "exited", "remind", exit_reason="booked", done=[SENT, ("remind", "exited", "booked")]),
        Went(who[3], "completed", "done", outcome="told", done=[SENT, ("grown", "turned", "done")]),
        Went(who[4], "completed", "done", outcome="told", done=[SENT, ("grown", "turned", "")]),
        Went(who[5], "held_out", "nudge"),
    ])  # fmt: skip
    with at_most(6):
        found = await results(world, journey_id)
    assert (found.entered, found.active, found.counted_at) == (6, 2, NOON)
    assert [(step.step, step.standing) for step in found.steps if step.standing] == [("think", 2)]
    lines = {(step.step, each.verdict.value, each.reason): each.count for step in found.steps for each in step.lines}
    assert lines == {
        ("nudge", "entered", ""): 1, ("nudge", "held", ""): 2, ("nudge", "sent", ""): 5,
        ("remind", "exited", "booked"): 1, ("grown", "turned", "done"): 1, ("grown", "turned", ""): 1,
    }  # fmt: skip
    assert [(each.reason, each.outcome, each.count) for each in found.ways_out] == [
        (None, "told", 2), ("booked", None, 1),
    ]  # fmt: skip


async def test_the_number_of_statements_does_not_grow_with_the_patients(world: World, at_most: Queries) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 300)
    await put_ways(world, world.here, journey_id, [Went(each, done=[SENT], tries=[("push", {})]) for each in who])
    with at_most(6):
        assert (await results(world, journey_id)).entered == 300


async def test_a_message_to_two_phones_is_one_and_what_may_still_go_is_not_missed(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 5)
    went = {"accepted_at": NOON}
    await put_ways(world, world.here, journey_id, [
        Went(who[0], tries=[("push", went), ("push", {**went, "delivered_at": NOON, "opened_at": NOON})]),
        Went(who[1], tries=[("push", went), ("push", {"state": "dead", "reason": "unregistered"})]),
        Went(who[2], tries=[("push", {"state": "suppressed", "reason": "no-consent"}), ("sms", went)]),
        Went(who[3], tries=[("push", {"state": "due", "reason": "busy"})]),
        Went(who[4], tries=[("push", {"state": "no_device"})]),
    ])  # fmt: skip
    channels = {each.channel: each for each in (await results(world, journey_id)).channels}
    push = channels["push"]
    assert (push.sent, push.delivered, push.opened) == (2, 1, 1)
    assert [(each.reason, each.count) for each in push.not_sent] == [("no-consent", 1), ("no_device", 1)]
    assert (channels["sms"].sent, channels["sms"].not_sent) == (1, [])


async def test_the_goal_is_counted_of_those_only_whose_days_are_over(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 6)
    await put_ways(world, world.here, journey_id, [
        Went(who[0], "exited", entered_at=OVER, exit_reason="booked", goal_at=OVER + DAY),
        Went(who[1], "completed", "done", entered_at=NOON - 30 * DAY),
        Went(who[2], entered_at=NOON - 30 * DAY + timedelta(seconds=1), goal_at=NOON - DAY),
        Went(who[3], "held_out", "nudge", entered_at=OVER, goal_at=OVER + DAY),
        Went(who[4], "held_out", "nudge", entered_at=OVER),
        Went(who[5], "held_out", "nudge", entered_at=NOON),
    ])  # fmt: skip
    found = await results(world, journey_id)
    assert found.reached is not None
    assert found.held_out is not None
    assert (found.reached.count, found.reached.of) == (1, 2)
    assert (found.held_out.count, found.held_out.of) == (1, 2)
    assert found.uplift is not None
    assert found.uplift.finding is Finding.TOO_FEW


async def test_without_a_goal_nothing_is_compared(world: World) -> None:
    plain = RECALL.model_copy(update={"goal": None, "holdout_percent": 0})
    found = await results(world, await journey_of(world, world.here, plain))
    assert (found.reached, found.held_out, found.uplift, found.brought, found.entered) == (None, None, None, None, 0)


async def test_a_clear_uplift_needs_thirty_on_either_side(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 70)
    ways = [Went(each, "completed", "done", entered_at=OVER, goal_at=OVER + DAY) for each in who[:40]]
    held = [Went(each, "held_out", "nudge", entered_at=OVER) for each in who[40:]]
    await put_ways(world, world.here, journey_id, [*ways, *held[:-1]])
    few = (await results(world, journey_id)).uplift
    assert few is not None
    assert (few.finding, few.low_bp) == (Finding.TOO_FEW, None)
    await put_ways(world, world.here, journey_id, held[-1:])
    clear = (await results(world, journey_id, clinical=False)).uplift
    assert clear is not None
    assert clear.finding is Finding.CLEAR
    assert clear.low_bp is not None
    assert 8_000 < clear.low_bp < 10_000


async def test_money_is_what_was_charged_by_the_branchs_days_and_for_who_may_read_it(world: World) -> None:
    """Entered on 15 June at 00:30 in Rome, which is the 14th in UTC: what was charged on the 14th came before."""
    entered = NOON.replace(month=6, day=14, hour=22, minute=30)
    journey_id, who = await journey_of(world, world.here), await people(world, 3)
    await put_ways(world, world.here, journey_id, [
        Went(who[0], "completed", "done", entered_at=entered),
        Went(who[1], "held_out", "nudge", entered_at=entered),
        Went(who[2], entered_at=NOON),
    ])  # fmt: skip
    for patient_id, on, minor in (
        (who[0], date(2026, 6, 14), 1), (who[0], date(2026, 6, 15), 20), (who[0], date(2026, 7, 15), 300),
        (who[0], date(2026, 7, 16), 4_000), (who[1], date(2026, 6, 20), 7), (who[2], date(2026, 7, 15), 50_000),
    ):  # fmt: skip
        await charged(world, world.here, patient_id, on, minor)
    await charged(world, world.here, who[0], date(2026, 6, 20), 600_000, voided=True)
    await charged(world, world.here, who[0], date(2026, 6, 20), -9, kind="payment")
    brought = (await results(world, journey_id)).brought
    assert brought is not None
    assert [(each.amount_minor, each.currency) for each in brought.reached] == [(320, "EUR")]
    assert [each.amount_minor for each in brought.held_out] == [7]
    assert (await results(world, journey_id, finance=False)).brought is None


async def test_who_comes_in_again_is_one_person_whose_charges_count_once(world: World) -> None:
    """Whoever is held out stands in nobody's way and comes in again and again: that makes nobody two."""
    journey_id, who = await journey_of(world, world.here), await people(world, 3)
    await put_ways(world, world.here, journey_id, [
        Went(who[0], "completed", "done", entered_at=OVER - 2 * DAY, goal_at=OVER),
        Went(who[0], "completed", "done", entered_at=OVER, goal_at=OVER, entry_no=2),
        *(Went(who[1], "held_out", "nudge", entered_at=OVER - n * DAY, entry_no=9 - n) for n in range(5)),
        Went(who[2], "held_out", "nudge", entered_at=NOON),
    ])  # fmt: skip
    for patient_id in who:
        await charged(world, world.here, patient_id, OVER.date(), 100)
    found = await results(world, journey_id)
    assert found.reached is not None
    assert found.held_out is not None
    assert found.brought is not None
    assert ((found.reached.count, found.reached.of), (found.held_out.count, found.held_out.of)) == ((1, 1), (0, 1))
    assert [each.amount_minor for each in (*found.brought.reached, *found.brought.held_out)] == [100, 100]
    assert found.entered == 8


async def test_who_was_carried_to_the_next_version_is_compared_with_who_was_held_out_of_the_first(world: World) -> None:
    """Else the first version keeps only those who left it early, which is to say: who booked."""
    first, who = await journey_of(world, world.here, state="stopped"), await people(world, 6)
    second = await journey_of(world, world.here, RECALL.model_copy(update={"version": 2, "name": "Recall anew"}))
    await put_ways(world, world.here, first, [
        Went(who[0], "exited", entered_at=OVER, exit_reason="booked", goal_at=OVER + DAY),
        Went(who[1], "held_out", "nudge", entered_at=OVER, goal_at=OVER + DAY),
        Went(who[2], "held_out", "nudge", entered_at=OVER),
    ])  # fmt: skip
    await put_ways(world, world.here, second, [Went(each, "completed", "done", entered_at=OVER) for each in who[3:5]])
    goal = Goal(event=EventKind.PLAN_ACCEPTED, within_days=30)
    other = RECALL.model_copy(update={"version": 3, "goal": goal})
    third = await journey_of(world, world.here, other, state="draining")
    await put_ways(world, world.here, third, [Went(who[5], "completed", "done", entered_at=OVER)])
    for journey_id in (first, second):
        found = await results(world, journey_id)
        assert found.reached is not None
        assert found.held_out is not None
        assert (found.reached.count, found.reached.of) == (1, 3)
        assert (found.held_out.count, found.held_out.of) == (1, 2)


async def test_few_people_are_not_told_of_to_the_marketer_and_cannot_be_reckoned(world: World) -> None:
    journey_id, who = await journey_of(world, world.here), await people(world, 23)
    ways = [Went(each, done=[SENT, SENT], tries=[("push", {"accepted_at": NOON})] * 2) for each in who[:20]]
    rest = [
        Went(each, "exited", exit_reason="booked", done=[SENT] * 3, tries=[("sms", {"accepted_at": NOON})] * 2)
        for each in who[20:]
    ]
    await put_ways(world, world.here, journey_id, [*ways, *rest])
    found = await results(world, journey_id, clinical=False, finance=False)
    assert (found.entered, found.active) == (20, 20)  # 23 and 20 would tell of three
    assert [each.count for each in found.ways_out] == [None]
    assert [each.sent for each in found.channels] == [20, None]  # three people, six messages
    assert found.steps[0].lines[0].count == 45  # 49


async def test_another_clinics_journey_is_not_there(world: World) -> None:
    elsewhere = await journey_of(world, world.there)
    with pytest.raises(NotFound):
        await results(world, elsewhere)


def test_no_difference_of_two_told_numbers_tells_of_a_few() -> None:
    """Of every whole that is told and every part of it: the rest may be none, or at least five."""
    for told_whole, told_part in product(range(5, 40, 5), repeat=2):
        fitting = {
            whole - part
            for whole in range(60)
            for part in range(whole + 1)
            if (told(whole, clinical=False), told(part, clinical=False)) == (told_whole, told_part)
        }
        assert not fitting or min(fitting) == 0 or max(fitting) >= 5
        assert len(fitting) != 1


def test_the_bounds_of_a_difference_are_hidden_with_a_number_that_they_would_tell() -> None:
    assert uplift((3, 100), (50, 100), clinical=True).low_bp is not None
    hidden = uplift((3, 100), (50, 100), clinical=False)
    assert (hidden.finding, hidden.low_bp, hidden.high_bp) == (Finding.CLEAR, None, None)
    shown = rate(97, 100, clinical=False)
    assert (shown.count, shown.of, shown.low_bp) == (None, 100, None)
    assert rate(12, 33, clinical=False).count == 12


async def test_what_is_planned_stands_on_the_day_of_the_branch(world: World) -> None:
    """22:30 UTC on 15 July is the 16th in Rome and still the 15th in New York."""
    night = NOON.replace(hour=22, minute=30)
    journey_id, (anna, dora) = await journey_of(world, world.here), await people(world, 2)
    far = Person(zone="America/New_York")
    async with world.database.writing(world.here.scope) as writing:
        west = await open_branch(writing, world.here.clinic_id, "West", far.zone)
        await add_people(writing, world.here.clinic_id, {far.zone: west, ROME: world.here.branch_id}, [far], NOON)
    await put_ways(world, world.here, journey_id, [
        Went(anna, due_at=night), Went(far.id, due_at=night), Went(dora, due_at=NOON - 5 * DAY),
    ])  # fmt: skip
    async with world.database.sweeping() as sweeping:
        stand = [
            notice_row(world.here, anna, NOON + DAY, state="due", next_at=NOON + DAY),
            notice_row(world.here, anna, NOON + DAY, state="due", next_at=NOON + DAY, silent=True),
            notice_row(world.here, anna, NOON + DAY, state="cancelled"),
            notice_row(world.here, anna, NOON + 31 * DAY, state="due", next_at=NOON + 31 * DAY),
        ]
        await sweeping.execute(insert(NoticeRow), stand)
    async with world.database.reading(world.here.scope) as reading:
        found = await planned(reading, world.here.clinic_id, NOON, 30, clinical=True)
        hidden = await planned(reading, world.here.clinic_id, NOON, 30, clinical=False)
    assert [(each.day.day, each.journey, each.step, each.kind, each.count) for each in found] == [
        (15, "recall", "think", None, 2), (16, "recall", "think", None, 1), (16, None, None, "recall", 1),
    ]  # fmt: skip
    assert [each.count for each in hidden] == [None, None, None]
