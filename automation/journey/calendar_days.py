"""On which days a journey lets people in that counts from dates: the moments that came since it was last looked at."""

from calendar import isleap, monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from automation.journey.clock import local_moment
from automation.journey.document import Trigger
from automation.journey.words import DateFact, Every, TriggerKind, clock_time

LATEST_BY = timedelta(days=1)
"""Of a worker that stood still: what is older is let go."""
WAITS = timedelta(days=7)
"""Of a bound for each day: who was too many comes on the next ones."""

_ONE = timedelta(days=1)
_EVE, _LEAP_DAY = 228, 229


@dataclass(frozen=True, slots=True)
class Fired:
    """The moment of a day has come in a zone. `counts`: the day that the date itself falls on."""

    at: datetime
    counts: date

    def birthdays(self) -> list[int]:
        """The births, as month and day, that are kept on it: those of 29 February on the 28th where there is none."""
        kept = self.counts.month * 100 + self.counts.day
        return [_EVE, _LEAP_DAY] if kept == _EVE and not isleap(self.counts.year) else [kept]


def patience(trigger: Trigger) -> timedelta:
    """How long who was too many for a day may come on the next ones. A greeting is of its day, and what comes before
    a date comes before it."""
    if trigger.fact in (DateFact.BIRTHDAY, DateFact.DAY_OF_YEAR):
        return timedelta(0)
    before = -(trigger.days or 0)
    return min(WAITS, timedelta(days=before - 1)) if before > 0 else WAITS


def fired(
    trigger: Trigger, zone: str, since: datetime, now: datetime, latest_by: timedelta = LATEST_BY
) -> Iterator[Fired]:
    """The days whose moment lies after `since` and not after `now`, by the calendar of `zone`."""
    assert trigger.at is not None
    since = max(since, now - latest_by)
    day = since.astimezone(ZoneInfo(zone)).date() - _ONE
    last = now.astimezone(ZoneInfo(zone)).date()
    while day <= last:
        at = local_moment(day, clock_time(trigger.at), zone)
        if since < at <= now and _is_on(trigger, day):
            yield Fired(at, day - timedelta(days=trigger.days or 0))
        day += _ONE


def _is_on(trigger: Trigger, day: date) -> bool:
    if trigger.kind is TriggerKind.DATE:
        counts = day - timedelta(days=trigger.days or 0)
        return trigger.fact is not DateFact.DAY_OF_YEAR or _in_year(trigger, counts)
    if trigger.every is Every.WEEK:
        return day.weekday() == trigger.weekday
    return _of_month(trigger, day) and (trigger.every is Every.MONTH or day.month == trigger.month)


def _in_year(trigger: Trigger, day: date) -> bool:
    return day.month == trigger.month and _of_month(trigger, day)


def _of_month(trigger: Trigger, day: date) -> bool:
    """That day of the month, or the last one where the month is shorter."""
    assert trigger.day is not None
    return day.day == min(trigger.day, monthrange(day.year, day.month)[1])
