"""Whose a case is when its person can answer no more, and what counts as its first answer."""

from typing import Any

from chat.case import CaseState
from chat.commands.cases import assign, close, open_case, snooze, take
from chat.conversation import Side
from chat.log import Log
from core.clock import now
from enamel.worker.desk import keep_desk
from tests.chat.speaking import change_row
from tests.chat.test_cases import (
    MINUTE,
    MONDAY,
    answers,
    asks,
    case_of,
    colleague,
    desk_works,
    do,
    log_of,
    says,
)
from tests.world import World


async def may_reply_no_more(world: World, staff_id: Any) -> None:
    change = "update staff set permissions = array_remove(permissions, 'chat.reply') where id = :id"
    await change_row(world, change, id=staff_id)


async def test_an_answer_to_what_was_put_off_is_a_first_answer(world: World) -> None:
    thread = await asks(world)
    await do(world, take, thread, world.here.staff_id)
    await do(world, snooze, thread, now() + 60 * MINUTE)
    await answers(world)
    case = await case_of(world, thread)
    assert (case.state, case.first_reply_at is not None) == (CaseState.SNOOZED, True)
    await do(world, close, thread)
    last = [event.state for event in await log_of(world, thread, Log.SHARED)][-1]
    assert last is not None
    assert last.ask_score


async def test_an_answer_after_it_came_back_is_a_first_answer_too(world: World) -> None:
    thread = await asks(world)
    await do(world, snooze, thread, now() + 60 * MINUTE)
    await keep_desk(world.database, now() + 61 * MINUTE)
    await answers(world)
    assert (await case_of(world, thread)).first_reply_at is not None


async def test_what_the_desk_says_in_a_case_in_which_nobody_asked_is_no_answer(world: World) -> None:
    thread = await answers(world)
    await do(world, open_case, thread)
    await answers(world, "Ancora io")
    assert (await case_of(world, thread)).first_reply_at is None


async def test_a_case_that_begins_again_belongs_to_nobody_who_may_not_answer(world: World) -> None:
    rita = await colleague(world, "Rita")
    thread = await asks(world)
    await do(world, assign, thread, rita)
    await do(world, close, thread)
    await may_reply_no_more(world, rita)
    await asks(world, "Ancora")
    case = await case_of(world, thread)
    assert (case.state, case.assignee_id) == (CaseState.OPEN, None)


async def test_a_case_of_one_who_may_answer_no_more_comes_back_to_all(world: World) -> None:
    rita = await colleague(world, "Rita")
    thread = await asks(world)
    await do(world, assign, thread, rita)
    assert await keep_desk(world.database, now()) == 0
    await may_reply_no_more(world, rita)
    assert await keep_desk(world.database, now()) == 1
    case = await case_of(world, thread)
    assert (case.state, case.assignee_id) == (CaseState.OPEN, None)
    assert [event.kind for event in await log_of(world, thread, Log.STAFF)][-1] == "assign"
    assert await keep_desk(world.database, now()) == 0


async def test_what_is_late_is_not_given_to_one_who_may_answer_no_more(world: World) -> None:
    rita = await colleague(world, "Rita")
    await desk_works(world, escalate_minutes=30, escalate_to=rita)
    await may_reply_no_more(world, rita)
    thread = await says(world, Side.PATIENT, MONDAY)
    await keep_desk(world.database, MONDAY + MINUTE)
    await keep_desk(world.database, MONDAY + 31 * MINUTE)
    case = await case_of(world, thread)
    assert (case.escalated_at is not None, case.state, case.assignee_id) == (True, CaseState.OPEN, None)
