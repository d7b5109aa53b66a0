"""What steps give, ask, have done and say: each once, of many clinics at once; what cannot be done fails alone."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from automation.commands.given import (
    ask_of_journeys,
    give_coupons,
    give_points,
    make_journey_tasks,
    post_chat_messages,
)
from automation.commands.task_sweeps import miss_tasks
from automation.commands.tasks import call_off
from automation.effect import Effect, Refused, SurveyWish, TaskWish, words_for
from automation.task import TaskKind, TaskOrigin
from clinic.commands import take_patients
from clinic.commands.erasing import confirm_erasure
from core.clock import now
from core.database import Sweeping
from core.events import SYSTEM
from core.ids import new_id
from tests.api.loyalty_desk import ledger_sums, published, with_programme
from tests.api.surveying import make_survey
from tests.conftest import Queries
from tests.world import Party, World, patient_fact

CALL = TaskWish(TaskKind.CALL, "Ask how it is", script="Good morning", within=timedelta(hours=4))
TEXTS = {"en": "How is your tooth?", "it": "Come va il dente?"}
Do = Callable[[Sweeping, Sequence[tuple[Effect, Any]]], Awaitable[Any]]


def effect(party: Party, patient_id: UUID | None = None, seq: int = 1) -> Effect:
    return Effect(party.clinic_id, new_id(), seq, patient_id or party.patient_id)


async def do(world: World, does: Do, *wanted: tuple[Effect, Any]) -> Any:
    async with world.database.sweeping() as sweeping:
        return await does(sweeping, wanted)


def coupons(world: World) -> Do:
    return lambda sweeping, wanted: give_coupons(sweeping, world.keys.secrets, wanted, now())


def points(sweeping: Sweeping, wanted: Sequence[tuple[Effect, Any]]) -> Awaitable[Any]:
    return give_points(sweeping, wanted, now())


def surveys(sweeping: Sweeping, wanted: Sequence[tuple[Effect, Any]]) -> Awaitable[Any]:
    return ask_of_journeys(sweeping, wanted, now())


def tasks(sweeping: Sweeping, wanted: Sequence[tuple[Effect, Any]]) -> Awaitable[Any]:
    return make_journey_tasks(sweeping, wanted, now())


def chat(sweeping: Sweeping, wanted: Sequence[tuple[Effect, Any]]) -> Awaitable[Any]:
    return post_chat_messages(sweeping, wanted, now())


async def rows(world: World, statement: str, **values: Any) -> list[Any]:
    async with world.database.sweeping() as sweeping:
        return [tuple(row) for row in await sweeping.execute(text(statement), values)]


async def caused(world: World, cause_id: UUID) -> list[str]:
    found = await rows(world, "select kind from event where cause_id = :cause order by kind", cause=cause_id)
    return [kind for (kind,) in found]


async def crowd(world: World, number: int) -> list[UUID]:
    here, facts = world.here, [patient_fact(f"p{n}", "Pia", None) for n in range(number)]
    async with world.database.writing(here.scope) as writing:
        taken, _ = await take_patients(writing, here.clinic_id, "mis", list(enumerate(facts)), SYSTEM, now())
    return [each.id for each in taken]


async def is_erased(world: World, patient_id: UUID) -> None:
    async with world.database.writing(world.here.scope) as writing:
        await confirm_erasure(writing, world.here.clinic_id, patient_id, None, SYSTEM, now())


async def of_each(world: World) -> list[tuple[Do, Any]]:
    """Each thing that can be done here, and what is wanted of it."""
    await with_programme(world)
    survey = UUID(await make_survey(world, world.here))
    promotion = UUID(await published(world))
    return [
        (coupons(world), promotion), (points, 50), (surveys, SurveyWish(survey)), (tasks, CALL), (chat, TEXTS),
    ]  # fmt: skip


async def test_whatever_is_done_again_is_the_same_thing_and_knows_its_cause(world: World) -> None:
    first = effect(world.here)
    for does, wanted in await of_each(world):
        made = await do(world, does, (first, wanted))
        assert isinstance(made[first.key], UUID)
        assert await do(world, does, (first, wanted), (first, wanted)) == made
    kinds = ["coupon.picked_up", "message.posted", "survey.asked", "task.made"]
    assert await caused(world, first.enrolment_id) == kinds
    assert await rows(world, "select sum(points) from point_entry") == [(50,)]
    assert len(await rows(world, "select seq from message")) == 1


async def test_two_workers_at_once_do_it_once(world: World) -> None:
    first = effect(world.here)
    for does, wanted in await of_each(world):
        came = await asyncio.gather(*(do(world, does, (first, wanted)) for _ in range(6)))
        assert len({each[first.key] for each in came}) == 1
    assert (await ledger_sums(world))[0] == (50, 50, 50)
    assert len(await rows(world, "select id from task")) == len(await rows(world, "select seq from message")) == 1


async def test_who_is_erased_is_given_nothing_and_keeps_nobody_from_theirs(world: World) -> None:
    here, there = world.here, world.there
    each = await of_each(world)
    await is_erased(world, here.patient_id)
    gone, stays = effect(here), effect(here, here.other_patient_id)
    foreign = Effect(here.clinic_id, new_id(), 1, there.patient_id)
    for does, wanted in each:
        came = await do(world, does, (gone, wanted), (foreign, wanted), (stays, wanted))
        assert came[gone.key] is came[foreign.key] is Refused.PATIENT_GONE
        assert isinstance(came[stays.key], UUID)
    assert await caused(world, gone.enrolment_id) == await caused(world, foreign.enrolment_id) == []


async def test_another_step_of_the_same_way_is_another_thing(world: World) -> None:
    first = effect(world.here)
    second = replace(first, seq=2)
    for does, wanted in (await of_each(world))[1:]:
        came = await do(world, does, (first, wanted), (second, wanted))
        assert len(set(came.values())) == 2
    assert await rows(world, "select sum(points) from point_entry") == [(100,)]


async def test_many_at_once_cost_as_many_statements_as_few(world: World, at_most: Queries) -> None:
    people = [effect(world.here, patient_id) for patient_id in await crowd(world, 60)]
    for (does, wanted), most in zip(await of_each(world), (11, 13, 9, 7, 5), strict=True):
        async with world.database.sweeping() as sweeping:
            with at_most(most):
                came = await does(sweeping, [(each, wanted) for each in people])
        assert Counter(isinstance(each, UUID) for each in came.values()) == {True: 60}


async def test_the_stock_of_a_promotion_holds_however_many_workers_give(world: World) -> None:
    promotion = UUID(await published(world, stock=10))
    people = [effect(world.here, patient_id) for patient_id in await crowd(world, 40)]
    batches = [people[start : start + 10] for start in range(0, 40, 10)]
    came = await asyncio.gather(
        *(do(world, coupons(world), *[(each, promotion) for each in batch]) for batch in batches)
    )
    given = Counter(value if isinstance(value, Refused) else "given" for each in came for value in each.values())
    assert given == {"given": 10, Refused.PROMOTION_OUT_OF_STOCK: 30}
    assert await rows(world, "select picked from promotion") == [(10,)]
    assert await rows(world, "select count(*) from coupon where state = 'picked'") == [(10,)]
    assert await rows(world, "select count(*) from event where kind = 'coupon.picked_up'") == [(10,)]


async def test_a_coupon_that_cannot_be_given_says_why(world: World) -> None:
    here = world.here
    over, unknown = UUID(await published(world)), new_id()
    ended = await world.post(f"/v1/staff/promotions/{over}/end", here.staff, None)
    assert ended.status_code in (200, 204), ended.text
    foreign = UUID(await published(world, world.there))
    good = UUID(await published(world))
    wishes = [(effect(here), promotion) for promotion in (over, unknown, foreign, good)]
    came = await do(world, coupons(world), *wishes)
    refused = [came[each.key] for each, _ in wishes[:3]]
    assert refused == [Refused.PROMOTION_NOT_OFFERED] * 3
    assert isinstance(came[wishes[3][0].key], UUID)
    await rows(world, "update coupon set state = 'redeemed' returning id")
    again = effect(here)
    assert (await do(world, coupons(world), (again, good)))[again.key] is Refused.COUPON_ALREADY_HAD


async def test_a_coupon_of_a_promotion_for_few_puts_its_patient_on_the_list(world: World) -> None:
    promotion = UUID(await published(world, with_coupon=False))
    await rows(world, "update promotion set audience = 'listed' returning id")
    mine = "/v1/me/promotions"
    assert (await world.get(mine, world.here.patient)).json()["items"] == []
    given = effect(world.here)
    assert isinstance((await do(world, coupons(world), (given, promotion)))[given.key], UUID)
    (shown,) = (await world.get(mine, world.here.patient)).json()["items"]
    assert shown["coupon"]["state"] == "picked"
    held = (await world.get("/v1/me/coupons", world.here.patient)).json()["items"]
    assert len(held[0]["code"].replace("-", "")) == 10


async def test_points_need_a_programme_and_fail_alone(world: World) -> None:
    here, there = effect(world.here), effect(world.there)
    await with_programme(world)
    came = await do(world, points, (here, 30), (there, 30))
    assert came[there.key] is Refused.NO_PROGRAMME
    assert isinstance(came[here.key], UUID)


async def test_an_ended_survey_a_lost_team_and_an_unknown_preset_fail_alone(world: World) -> None:
    here = world.here
    live, over = UUID(await make_survey(world, here)), UUID(await make_survey(world, here))
    assert (await world.post(f"/v1/staff/surveys/{over}/end", here.staff, None)).status_code == 204
    one, other = effect(here), effect(here, here.other_patient_id)
    came = await do(world, surveys, (one, SurveyWish(over)), (other, SurveyWish(live)))
    assert came[one.key] is Refused.SURVEY_NOT_ASKED
    assert isinstance(came[other.key], UUID)
    third = effect(here)
    made = await do(
        world, tasks, (one, replace(CALL, team_id=new_id())), (other, replace(CALL, preset="king")), (third, CALL)
    )
    assert (made[one.key], made[other.key]) == (Refused.TEAM_GONE, Refused.PRESET_UNKNOWN)
    assert isinstance(made[third.key], UUID)


async def test_what_comes_of_a_task_names_the_way_it_was_made_for(world: World) -> None:
    here = world.here
    done, missed, over = effect(here), effect(here), effect(here)
    made = await do(world, tasks, (done, CALL), (missed, CALL), (over, CALL))
    path = f"/v1/staff/tasks/{made[done.key]}/done"
    assert (await world.post(path, here.staff, {"outcome": "booked"})).status_code == 200
    await rows(world, "update task set expires_at = due_at where id = :id returning id", id=made[missed.key])
    async with world.database.sweeping() as sweeping:
        assert await miss_tasks(sweeping, now() + timedelta(days=1), 10) == 1
        assert await call_off(sweeping, [(here.clinic_id, over.enrolment_id)], TaskOrigin.JOURNEY, now()) == 1
    for each, kind in ((done, "task.done"), (missed, "task.missed"), (over, "task.cancelled")):
        assert await caused(world, each.enrolment_id) == sorted(["task.made", kind])
    outcome = "select facts ->> 'outcome' from event where kind = 'task.done'"
    assert await rows(world, outcome) == [("booked",)]


async def test_a_task_of_a_low_score_names_no_cause(world: World) -> None:
    first = effect(world.here)
    survey = UUID(await make_survey(world, world.here))
    asked = (await do(world, surveys, (first, SurveyWish(survey))))[first.key]
    answers = {"answers": [{"question": "recommend", "number": 2}]}
    said = await world.post(f"/v1/me/surveys/{asked}/answers", world.here.patient, answers)
    assert said.status_code == 204, said.text
    assert await caused(world, first.enrolment_id) == ["survey.answered", "survey.asked"]
    assert await rows(world, "select cause_id from event where kind = 'task.made'") == [(None,)]


async def test_words_stand_in_the_conversation_in_the_patients_language(world: World) -> None:
    here, there = effect(world.here), effect(world.there)
    blank = effect(world.here, world.here.other_patient_id)
    came = await do(world, chat, (here, TEXTS), (there, {"ru": "Как зуб?"}), (blank, {"it": " \u200b"}))
    assert came[blank.key] is Refused.NOTHING_TO_SAY
    said = await rows(world, "select side, body from message order by body")
    assert said == [("automation", "Come va il dente?"), ("automation", "Как зуб?")]
    seen = (await world.get("/v1/me/conversation/events?after=0", world.here.patient)).json()
    assert "Come va il dente?" in str(seen)


@pytest.mark.parametrize(
    ("texts", "language", "said"),
    [
        ({"en": "a", "it": "b"}, "it", "b"), ({"en": "a", "it": "b"}, "zh", "a"), ({"ru": "c", "it": "b"}, "zh", "c"),
        ({}, "en", None), ({"en": "\u200b\n"}, "en", None), ({"en": "a\x07"}, "en", None),
    ],
)  # fmt: skip
def test_the_words_of_a_step(texts: dict[str, str], language: str, said: str | None) -> None:
    assert words_for(texts, language) == said
