"""The verbs of the bot: take a question, say the answer, hand over; and which bot and starters a clinic has."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert

from chat.bot import URGENT, HandOver, Spoken
from chat.case import CaseState
from chat.commands.cases import hand_over, hold, sort_case
from chat.commands.send import Enclosed, post_message
from chat.commands.speaking import Sent
from chat.conversation import Side
from chat.log import Thread
from chat.queries.bot import BotSet, Turn
from chat.speaker import Author
from chat.starter import Starter
from chat.tables import ChatDesk
from core.database import Sweeping, Writing
from core.events import SYSTEM, Actor, Happening, record

LEASE = timedelta(seconds=30)
BOT = Author(Side.BOT, UUID("b07b07b0-0000-7000-8000-000000000001"))
"""Whom a bot's message is of: the same in every clinic, of which its ids are unique anyway."""

# A case of the bot waits where its patient wrote last. Each question is taken once until its lease ends, whatever our
# machinery says meanwhile: it goes by the patient's last word. Who is locked (a message is being written, another
# worker takes it) is passed by and found in the next round.
_CLAIM = text("""
with due as (
    select k.clinic_id, k.id, k.conversation_id, c.patient_id, m.seq as last_seq
    from chat_desk d
    join chat_case k on k.clinic_id = d.clinic_id and k.closed_at is null and k.state = 'bot'
    join conversation c on c.clinic_id = k.clinic_id and c.id = k.conversation_id and c.erased_at is null
    join lateral (
        select m.seq from message m where m.clinic_id = c.clinic_id and m.conversation_id = c.id and m.side = 'patient'
        order by m.seq desc limit 1
    ) m on true
    left join bot_turn t on t.clinic_id = k.clinic_id and t.case_id = k.id
    where k.waiting_since is not null and (t.case_id is null or t.seq < m.seq or t.leased_until <= :now)
    order by k.waiting_since limit :most for no key update of c skip locked
), taken as (
    insert into bot_turn as t (clinic_id, case_id, conversation_id, seq, tries, leased_until)
    select due.clinic_id, due.id, due.conversation_id, due.last_seq, 1, :until from due
    on conflict (clinic_id, case_id) do update set leased_until = excluded.leased_until, seq = excluded.seq,
        tries = case when t.seq = excluded.seq then t.tries + 1 else 1 end
    where t.seq < excluded.seq or t.leased_until <= :now
    returning t.clinic_id, t.case_id, t.seq, t.tries
)
select due.clinic_id, due.conversation_id, taken.case_id, due.patient_id, taken.seq, taken.tries
from taken join due on due.clinic_id = taken.clinic_id and due.id = taken.case_id
""")

# What was said in the case since it was opened: by somebody of the clinic; by the patient and by the bot, after the
# question.
_SINCE = text("""
select count(*) filter (where m.side = 'clinic'), count(*) filter (where m.side = 'patient' and m.seq > :seq),
    count(*) filter (where m.side = 'bot' and m.seq > :seq)
from chat_case k join message m on m.clinic_id = k.clinic_id and m.conversation_id = k.conversation_id
    and m.at >= k.opened_at and m.side in ('clinic', 'patient', 'bot')
where k.clinic_id = :clinic and k.id = :case
""")


_REST = text(
    "update bot_turn set leased_until = 'infinity' where clinic_id = :clinic and case_id = :case and seq = :seq"
)


async def claim_turns(sweeping: Sweeping, now: datetime, most: int) -> list[Turn]:
    """Questions that wait for the bot, over all clinics, each for `LEASE`."""
    rows = await sweeping.execute(_CLAIM, {"now": now, "most": most, "until": now + LEASE})
    return [Turn(*row) for row in rows]


async def rest_turn(sweeping: Sweeping, turn: Turn) -> None:
    """Nothing is left of the question: it is not taken again."""
    values = {"clinic": turn.clinic_id, "case": turn.case_id, "seq": turn.seq}
    await sweeping.execute(_REST, values)


async def answer_turn(
    writing: Writing, turn: Turn, said: Sequence[tuple[UUID, Spoken]], why: HandOver | None, now: datetime
) -> list[Sent]:
    """Say it, each message under its id, and hand over where a person goes on; what was said, none where it came late.

    Late is an answer to a case that the bot has no more, or in which somebody of the clinic has spoken; one to a
    question that was answered already; and one to a question to which the patient has added something since: that is
    asked anew, whole. All are looked at under the conversation's lock, which every message takes too. A hand-over does
    not wait for the end of a question.
    """
    held = await hold(writing, turn.clinic_id, turn.conversation_id)
    if held.case is None or (held.case.case_id, held.case.state) != (turn.case_id, CaseState.BOT):
        return []
    if held.case.waiting_since is None:
        return []
    whose = {"clinic": turn.clinic_id, "case": turn.case_id, "seq": turn.seq}
    by_people, added, answered = (await writing.execute(_SINCE, whose)).one()
    if by_people or answered or (added and why is None):
        return []
    if why is not None:
        await _hand_over(writing, turn, why, now)
    thread = Thread(turn.clinic_id, turn.patient_id)
    return [
        await post_message(writing, thread, BOT, name, each.text, turn.case_id, now, enclosed=Enclosed(card=each.card))
        for name, each in said
    ]


async def _hand_over(writing: Writing, turn: Turn, why: HandOver, now: datetime) -> None:
    """First the case, then the word of it: whom the patient waits for is a person from then on."""
    whose = (writing, turn.clinic_id, turn.conversation_id)
    await hand_over(*whose, SYSTEM, now)
    if why is HandOver.PAIN:
        case = (await hold(*whose)).live
        await sort_case(*whose, max(case.priority, URGENT), case.topic, case.branch_id, SYSTEM, now)
    told = Happening("case.handed_over", turn.case_id, patient_id=turn.patient_id, facts={"why": why.value})
    await record(writing, turn.clinic_id, SYSTEM, [told], now)


async def set_bot(writing: Writing, clinic_id: UUID, bot: BotSet, actor: Actor, now: datetime) -> None:
    """Which bot begins from now on; cases that the one before has go to people in the worker's next round."""
    values: dict[str, Any] = {
        "bot": bot.kind.value,
        "bot_url": bot.address or None,
        "bot_secret": bot.sealed_secret.encode() or None,
    }
    await _set(writing, clinic_id, values)
    await record(writing, clinic_id, actor, [Happening("desk.bot_set", clinic_id, facts={"kind": bot.kind.value})], now)


async def set_starters(
    writing: Writing, clinic_id: UUID, starters: Sequence[Starter], actor: Actor, now: datetime
) -> None:
    """All of them at once; none: the usual ones again."""
    await _set(writing, clinic_id, {"starters": [each.model_dump(mode="json") for each in starters]})
    await record(writing, clinic_id, actor, [Happening("desk.starters_set", clinic_id)], now)


async def _set(writing: Writing, clinic_id: UUID, values: dict[str, Any]) -> None:
    row = insert(ChatDesk).values(clinic_id=clinic_id, **values)
    await writing.execute(row.on_conflict_do_update(index_elements=["clinic_id"], set_=values))
