"""The bot speaks neither twice to one question nor into what a person began."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from chat.bot import BotKind, Spoken
from chat.commands import Author, post_message
from chat.commands.bot import answer_turn, claim_turns
from chat.conversation import Side
from chat.log import Thread
from core.clock import now
from core.ids import new_id
from enamel.worker.bot import Bots, answer_waiting
from tests.enamel.test_bot import bots, case, messages, of_bot, says, set_here, staff_says
from tests.world import World

__all__ = ("bots",)


async def reminded(world: World) -> None:
    thread = Thread(world.here.clinic_id, world.here.patient_id)
    async with world.database.writing(world.here.scope) as writing:
        await post_message(writing, thread, Author(Side.AUTOMATION, new_id()), new_id(), "Promemoria", None, now())


async def test_a_reminder_meanwhile_does_not_make_a_second_question(world: World) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    async with world.database.sweeping() as sweeping:
        [turn] = await claim_turns(sweeping, now(), 16)
    await reminded(world)
    async with world.database.sweeping() as sweeping:
        assert await claim_turns(sweeping, now(), 16) == []
        [again] = await claim_turns(sweeping, now() + timedelta(minutes=1), 16)
    assert (again.seq, again.tries) == (turn.seq, 2)


async def test_a_question_that_two_workers_took_is_answered_once(world: World) -> None:
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    async with world.database.sweeping() as sweeping:
        [turn] = await claim_turns(sweeping, now(), 16)

    async def answers() -> int:
        async with world.database.writing(world.here.scope) as writing:
            return len(await answer_turn(writing, turn, [(new_id(), Spoken("Alle nove"))], None, now()))

    assert sorted(await asyncio.gather(*(answers() for _ in range(4)))) == [0, 0, 0, 1]
    assert await of_bot(world) == ["Alle nove"]


async def test_a_patient_who_answers_a_person_is_not_answered_by_the_bot(world: World, bots: Bots) -> None:
    await set_here(world, BotKind.RULES)
    await staff_says(world, "Può venire domani alle 10?")
    await reminded(world)
    await says(world, "Che orari fate?")
    assert await answer_waiting(world.database, bots, now) == 0
    assert (await of_bot(world), (await case(world))["state"]) == ([], "open")


async def test_what_a_person_said_in_a_case_that_is_long_closed_does_not_keep_the_bot_away(
    world: World, bots: Bots
) -> None:
    await says(world, "Buongiorno")
    await staff_says(world, "Salve")
    async with world.database.writing(world.here.scope) as writing:
        passed = "set opened_at = opened_at - interval '9 days', closed_at = now() - interval '8 days'"
        await writing.execute(text(f"update chat_case {passed}, state = 'closed'"))
        await writing.execute(text("update message set at = at - interval '9 days'"))
    await set_here(world, BotKind.RULES)
    await says(world, "Che orari fate?")
    assert await answer_waiting(world.database, bots, now) == 1
    assert (await messages(world))[-1]["side"] == "bot"
