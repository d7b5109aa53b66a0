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


def fired(trigger: Trigger, zone: str, since: datetime, now: datetime) -> Iterator[Fired]:
    """The days whose moment lies after `since` and not after `now`, by the calendar of `zone`; a day back at most."""
    assert trigger.at is not None
    since = max(since, now - LATEST_BY)
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
