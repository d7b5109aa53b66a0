"""When a journey looks again: waits by the calendar, moments around a visit, in the zone of the patient's branch.

Every moment is reckoned here, once for a zone; SQL compares instants and converts nothing. A time that the clock skips
is the first one after the gap, one that it shows twice is the first of them.
"""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from automation.journey.step import Step
from automation.journey.words import clock_time

_MINUTE = timedelta(minutes=1)


def wait_ends(step: Step, zone: str, now: datetime) -> datetime:
    """When a `wait`, or the longest of a `wait_event`, is over that begins `now`."""
    begins = now + timedelta(hours=step.hours or 0)
    due = days_later(begins, step.days, zone) if step.days else begins
    if step.at is None:
        return due if not step.weekdays else _on_a_day(due, zone, step.weekdays)
    return _next_time(due, zone, clock_time(step.at), step.weekdays)


def visit_moment(step: Step, zone: str, starts_at: datetime) -> datetime:
    """The moment that a `wait_visit` waits for, of a visit that begins at `starts_at`."""
    if step.hours_before is not None:
        return starts_at - timedelta(hours=step.hours_before)
    if step.hours_after is not None:
        return starts_at + timedelta(hours=step.hours_after)
    assert step.at is not None
    day = starts_at.astimezone(ZoneInfo(zone)).date() + timedelta(days=(step.days_after or 0) - (step.days_before or 0))
    return local_moment(day, clock_time(step.at), zone)


def days_later(now: datetime, days: int, zone: str) -> datetime:
    """The same time of day `days` later by the clock of `zone`; where it is skipped, as much later as the gap."""
    return (now.astimezone(ZoneInfo(zone)) + timedelta(days=days)).astimezone(now.tzinfo)


def local_moment(day: date, at: time, zone: str) -> datetime:
    """The first moment of `day` at which the clock of `zone` shows `at`, or, where it is skipped, something later."""
    place = ZoneInfo(zone)
    said = datetime.combine(day, at, place)
    moment = said.astimezone(UTC)
    if moment.astimezone(place).replace(tzinfo=None) == said.replace(tzinfo=None):
        return moment
    # Skipped: read with the offset before the gap it lies after it; the gap's end is the first minute that there is.
    while (moment - _MINUTE).astimezone(place).replace(tzinfo=None) > said.replace(tzinfo=None):
        moment -= _MINUTE
    return moment


def _next_time(begins: datetime, zone: str, at: time, weekdays: list[int] | None) -> datetime:
    """The first such time of day at or after `begins`, on one of `weekdays`."""
    day = begins.astimezone(ZoneInfo(zone)).date()
    while True:
        moment = local_moment(day, at, zone)
        if moment >= begins and (not weekdays or day.weekday() in weekdays):
            return moment
        day += timedelta(days=1)


def _on_a_day(begins: datetime, zone: str, weekdays: list[int]) -> datetime:
    """`begins`, or the beginning of the first of `weekdays` after it."""
    day = begins.astimezone(ZoneInfo(zone)).date()
    if day.weekday() in weekdays:
        return begins
    while day.weekday() not in weekdays:
        day += timedelta(days=1)
    return local_moment(day, time(0), zone)
