"""Looks after the desk: wakes what was put off, opens what was left behind, raises what nobody answered, gives open
cases away, answers at night, counts how soon the desk answers, and makes messages findable.

Crash safety: each step is one transaction, and nothing is held between them. Before its commit nothing of it is there;
after it, a repeat finds nothing to do: cases by the state they leave, away texts by their name (conversation and next
opening), of which there is one for ever, and the index by how far it read. Two workers never take the same case, and
what somebody writes in at this moment is passed by until the next round.
"""

from datetime import datetime

from chat.commands.away import send_away_texts
from chat.commands.pace import count_pace
from chat.commands.rounds import assign_by_rotation, escalate, open_left, plan_escalations, wake_snoozed
from chat.commands.words import index_words
from core.database import Database
from enamel.worker.rounds import Step, one_round

AT_ONCE = 500
PACE_PAUSE_SECONDS = 60.0

_STEPS: tuple[Step, ...] = (
    wake_snoozed,
    open_left,
    plan_escalations,
    escalate,
    assign_by_rotation,
    send_away_texts,
)


async def keep_desk(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One round; how much was done (0: nothing was due)."""
    return await one_round(database, _STEPS, now, at_once)


async def keep_pace(database: Database, now: datetime, at_once: int = AT_ONCE) -> int:
    """One round; of how many first answers it now is known how soon they came."""
    async with database.sweeping() as sweeping:
        return await count_pace(sweeping, now, at_once)


async def keep_words(database: Database, at_once: int = AT_ONCE) -> int:
    """One round; how many messages can now be found as they read."""
    async with database.sweeping() as sweeping:
        return await index_words(sweeping, at_once)
