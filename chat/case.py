"""Rules of a case: the states in which one matter of a conversation can be, and what moves it between them."""

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

LONGEST_SNOOZE = timedelta(days=366)
MOST_LABELS = 20
HIGHEST_PRIORITY = 3
BEST_SCORE = 5


class CaseState(StrEnum):
    """Whose turn it is. All but `closed` are live, and a conversation has one live case at most."""

    BOT = "bot"
    OPEN = "open"
    """Nobody of the desk has it yet."""
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    """It comes back at its time, or with the patient's next message."""
    CLOSED = "closed"


def at_work(assignee_id: UUID | None) -> CaseState:
    """The state of a case that people look after."""
    return CaseState.OPEN if assignee_id is None else CaseState.ASSIGNED


def may_snooze(until: datetime, now: datetime) -> bool:
    return timedelta() < until - now <= LONGEST_SNOOZE
