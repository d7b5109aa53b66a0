"""Rules of the desk: its working time, who gets the next case, how soon it usually answers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.hours import Hours

_LOOKS_AHEAD = 400
"""Days after which hours that have not opened yet never will."""
FEWEST_ANSWERS = 5
"""Of fewer first answers nothing is promised."""
COUNTED = timedelta(days=30)


class Assigning(StrEnum):
    """How an open case finds somebody."""

    BY_HAND = "by_hand"
    ROTATION = "rotation"


class Replies(StrEnum):
    """How soon somebody usually answers, while the desk is open."""

    MINUTES = "minutes"
    HOUR = "hour"
    DAY = "day"
    UNKNOWN = "unknown"


def usual_reply(median_minutes: int, answers: int) -> Replies:
    """The bucket of a median in working minutes; a slower desk than a day promises nothing."""
    if answers < FEWEST_ANSWERS:
        return Replies.UNKNOWN
    for most, bucket in ((15, Replies.MINUTES), (60, Replies.HOUR), (8 * 60, Replies.DAY)):
        if median_minutes <= most:
            return bucket
    return Replies.UNKNOWN


# --- Working time ---


def working_time(hours: Hours, start: datetime, end: datetime) -> timedelta:
    """How long the place was open between two moments: real time, so a night of a clock change counts as it was."""
    total = timedelta()
    for opens, closes in _spans(hours, start):
        if opens >= end:
            break
        total += max(min(closes, end) - max(opens, start), timedelta())
    return total


def after_working_time(hours: Hours, start: datetime, length: timedelta) -> datetime | None:
    """The moment by which the place was open for `length` (above zero) since `start`; None where it never opens."""
    for opens, closes in _spans(hours, start):
        begin = max(opens, start)
        if closes - begin >= length:
            return begin + length
        length -= max(closes - begin, timedelta())
    return None


def closed_until(hours: Hours, now: datetime) -> datetime | None:
    """When the place opens again; None while it is open, and where it never opens."""
    if hours.open_at(now):
        return None
    try:
        return hours.next_open(now)
    except ValueError:
        return None


def _spans(hours: Hours, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Opening and closing (UTC) of each working day from the local day of `start` on."""
    zone = ZoneInfo(hours.zone)
    first: date = start.astimezone(zone).date()
    for ahead in range(_LOOKS_AHEAD):
        day = first + timedelta(days=ahead)
        if day.weekday() in hours.weekdays and hours.opens < hours.closes:
            opens, closes = (datetime.combine(day, each, zone).astimezone(UTC) for each in (hours.opens, hours.closes))
            yield opens, closes


# --- Rotation ---


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody of the rota. Empty `branches` or `topics` mean all. `turn` numbers the last case they were given.

    `tied`: the only branches whose conversations they reach, if any are named.
    """

    staff_id: UUID
    branches: frozenset[UUID] = frozenset()
    topics: frozenset[str] = frozenset()
    turn: int = 0
    tied: frozenset[UUID] = frozenset()

    def takes(self, branch_id: UUID | None, topic: str) -> bool:
        here = not self.branches or branch_id in self.branches
        reached = not self.tied or branch_id is None or branch_id in self.tied
        return here and reached and (not self.topics or topic in self.topics)


@dataclass(frozen=True, slots=True)
class Unassigned:
    """A case for which somebody is looked for."""

    case_id: UUID
    branch_id: UUID | None
    topic: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Who gets which case, and the number of that."""

    case_id: UUID
    staff_id: UUID
    number: int


def rotate(cases: Sequence[Unassigned], members: Sequence[Member], last: int = 0) -> list[Turn]:
    """Each case in its order to whom of those who take it has waited longest for one; nobody's stay open.

    `last`: the highest number that anybody has, also who is away: who comes back has waited longer than who was here.
    """
    rota = {member.staff_id: member for member in members}
    number = max([last, *(member.turn for member in members)])
    turns = []
    for case in cases:
        able = [member for member in rota.values() if member.takes(case.branch_id, case.topic)]
        if not able:
            continue
        chosen = min(able, key=lambda member: (member.turn, member.staff_id))
        number += 1
        rota[chosen.staff_id] = replace(chosen, turn=number)
        turns.append(Turn(case.case_id, chosen.staff_id, number))
    return turns
