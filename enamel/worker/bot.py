"""Lets the bot answer: takes questions (commit), asks the bot (no transaction), says what it answered (commit).

What a crash leaves, line by line of `answer_waiting`:
- before the claim commits: nothing; the question waits and the next worker takes it;
- after the claim, before the bot was asked: the question is taken until its lease ends, then anybody takes it again;
- after the bot was asked, before its answer is said: the same. A clinic's own bot is asked once more under the same
  `idempotency-key`; nothing of its first answer was seen by anybody;
- in the transaction that says it: the messages, the hand-over and their events are one commit. Before it there is none
  of them; after it the last word is the bot's and nothing waits. Each message's id comes from case, question and place
  in the answer, so that an answer said twice would be said once.
A worker that was thought dead and answers late finds, under the conversation's lock, that it was answered, handed over
or taken up by a person, and says nothing. Who is asked three times without a word of it hands over.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from api.cards import card_of
from chat.bot import Answer, Asked, Bot, BotKind, HandOver, Spoken
from chat.bot_hand_over import for_a_person, handed_over
from chat.bot_http import SECRETS, BotServer, HttpBots, bound_to
from chat.bot_rules import RulesBot
from chat.commands.bot import answer_turn, claim_turns, rest_turn
from chat.queries.bot import BotSet, Turn, bot_facts, bot_set, question
from core.database import Database, Reading, Scope
from core.errors import NotFound
from core.sealed import SealBroken, unsealed
from enamel.worker.process import log_failure
from identity.keys import Keys

AT_ONCE = 16
PAUSE_SECONDS = 0.5
"""Somebody waits before a screen."""
MOST_TRIES = 3
_RULES = RulesBot()


@dataclass(frozen=True, slots=True)
class Bots:
    """The bots there are: ours, and those of clinics; `key` opens the secrets of theirs."""

    http: HttpBots
    key: bytes

    def of(self, clinic_id: UUID, told: BotSet) -> Bot | None:
        """None where the clinic has none any more, or its secret is of another house's key."""
        if told.kind is BotKind.RULES:
            return _RULES
        if told.kind is BotKind.NONE:
            return None
        try:
            secret = unsealed(self.key, told.sealed_secret, bound_to(clinic_id, told.address))
        except SealBroken:
            return None
        return self.http.at(BotServer(told.address, secret))


def bots_of(keys: Keys, http: HttpBots) -> Bots:
    return Bots(http, keys.secrets.keyed_hash(SECRETS, ""))


async def answer_waiting(database: Database, bots: Bots, now: Callable[[], datetime]) -> int:
    """One round; how many questions were taken (0: nobody waits for a bot). Any number of workers may run it."""
    async with database.sweeping() as sweeping:
        turns = await claim_turns(sweeping, now(), AT_ONCE)
    ends = await asyncio.gather(*(_answer(database, bots, turn, now) for turn in turns), return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):  # one question that cannot be answered must not stop the others
            log_failure("bot", end)
        elif end is not None:
            raise end
    return len(turns)


async def _answer(database: Database, bots: Bots, turn: Turn, now: Callable[[], datetime]) -> None:
    scope = Scope(turn.clinic_id, guarded=True)  # guardians read the thread too: nothing private is in sight
    async with database.reading(scope) as reading:
        asked = await question(reading, turn, now())
        told = await bot_set(reading, turn.clinic_id)
        if asked is not None:
            asked = replace(asked, facts=await bot_facts(reading, turn.clinic_id, turn.patient_id, now()))
    if asked is None:
        async with database.sweeping() as sweeping:
            await rest_turn(sweeping, turn)
        return
    answer = await _of_bot(bots.of(turn.clinic_id, told), asked, turn)
    async with database.writing(scope) as writing:
        said = (*answer.said, *await _cards(writing, asked, answer, now()))
        named = [(asked.message_id(number), each) for number, each in enumerate(said, start=1)]
        await answer_turn(writing, turn, named, answer.hand_over, now())


async def _of_bot(bot: Bot | None, asked: Asked, turn: Turn) -> Answer:
    for_people = for_a_person(asked)
    if for_people is not None:
        return for_people
    if bot is None or turn.tries > MOST_TRIES:
        return handed_over(asked, asked.language, HandOver.FAILED)
    return await bot.answer(asked)


async def _cards(reading: Reading, asked: Asked, answer: Answer, now: datetime) -> list[Spoken]:
    """Those of the cards that are of this patient's things; a bot's word is no proof."""
    made = []
    for each in answer.cards:
        try:
            made.append(Spoken("", await card_of(reading, asked.patient_id, each.kind, each.id, each.stage, now)))
        except NotFound:
            continue
    return made
