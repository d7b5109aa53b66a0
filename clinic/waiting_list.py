"""Who waits for which time, and to whom a freed one is offered."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from clinic.slot import is_for
from core.errors import Fault

MOST_ASKED = 5
"""So many are asked about one freed time at once; the first who says yes has it."""
TIME_TO_ANSWER = timedelta(hours=2)
MOST_WAITING = 10
"""So many services one patient may wait for."""
LONGEST_WAIT = timedelta(days=365)

_NOON, _EVENING = 12, 17


class PartOfDay(StrEnum):
    """By the branch's clock: before 12, before 17, from 17 on."""

    MORNING = "morning"
    AFTERNOON = "afternoon"
    EVENING = "evening"


class EntryStatus(StrEnum):
    WAITING = "waiting"
    FULFILLED = "fulfilled"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    """Its last day has passed; it is written down when the patient waits anew, and nobody has to."""


class OfferStatus(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    GONE = "gone"
    """Somebody was faster, or the time was shut or moved; that the time to answer is over nobody has to write down."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an entry waits for; empty or None: any will do. `weekdays`: 0 is Monday."""

    entry_id: UUID
    patient_id: UUID
    until: date
    service: str = ""
    practitioner: str = ""
    branch_id: UUID | None = None
    weekdays: frozenset[int] = frozenset()
    parts: frozenset[PartOfDay] = frozenset()


@dataclass(frozen=True, slots=True)
class Window:
    """A freed time; no services: for any."""

    slot_id: UUID
    branch_id: UUID
    zone: str
    starts_at: datetime
    practitioner: str = ""
    services: frozenset[str] = frozenset()
    not_for: frozenset[UUID] = frozenset()
    """Patients who are not asked about it: they called it off themselves, or said no to it already."""


@dataclass(frozen=True, slots=True)
class WishedDays:
    """Between which days a visit is wished for, both included; None: any."""

    from_day: date | None = None
    until_day: date | None = None


def part_of(local: datetime) -> PartOfDay:
    if local.hour < _NOON:
        return PartOfDay.MORNING
    return PartOfDay.AFTERNOON if local.hour < _EVENING else PartOfDay.EVENING


def suits(wish: Wish, window: Window) -> bool:
    """Whether a freed time is one that was waited for: day and part of day count on the branch's clock."""
    local = window.starts_at.astimezone(ZoneInfo(window.zone))
    return (
        local.date() <= wish.until
        and is_for(wish.service, window.services)
        and (not wish.practitioner or wish.practitioner.casefold() == window.practitioner.casefold())
        and wish.branch_id in (None, window.branch_id)
        and (not wish.weekdays or local.weekday() in wish.weekdays)
        and (not wish.parts or part_of(local) in wish.parts)
    )


def chosen(wishes: Sequence[Wish], windows: Sequence[Window], most: int) -> list[tuple[Wish, Window]]:
    """Each window with the first `most` patients it suits, who waits longest first; nobody is asked twice at once."""
    left = list(wishes)
    pairs = []
    for window in windows:
        first: dict[UUID, Wish] = {}
        for wish in left:
            if wish.patient_id not in window.not_for and suits(wish, window):
                first.setdefault(wish.patient_id, wish)
        taken = list(first.values())[:most]
        pairs += [(wish, window) for wish in taken]
        asked = {wish.patient_id for wish in taken}
        left = [wish for wish in left if wish.patient_id not in asked]
    return pairs


def until_fault(until: date, today: date) -> Fault | None:
    """What is wrong with the last day of a wish: it is not over, and lies within `LONGEST_WAIT`."""
    if until < today:
        return Fault("/until", "in-the-past")
    return Fault("/until", "too-far-ahead") if until > today + LONGEST_WAIT else None


def days_faults(days: WishedDays, today: date) -> list[Fault]:
    """What is wrong with the days of a wish: none is over, and the last is not before the first."""
    named = {"/from_day": days.from_day, "/until_day": days.until_day}
    faults = [Fault(pointer, "in-the-past") for pointer, day in named.items() if day is not None and day < today]
    if days.from_day and days.until_day and days.until_day < days.from_day:
        faults.append(Fault("/until_day", "ends-before-start"))
    return faults


def answer_by(starts_at: datetime, life: timedelta, now: datetime) -> datetime:
    """When an offer ends: after its life, and never later than the visit itself."""
    return min(now + life, starts_at)


def entry_status(kept: str, until: date, today: date) -> EntryStatus:
    status = EntryStatus(kept)
    return EntryStatus.EXPIRED if status is EntryStatus.WAITING and until < today else status


def offer_status(kept: str, expires_at: datetime, now: datetime, *, still_free: bool) -> OfferStatus:
    status = OfferStatus(kept)
    return OfferStatus.GONE if status is OfferStatus.OPEN and (expires_at <= now or not still_free) else status
