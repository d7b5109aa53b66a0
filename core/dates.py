"""Dates as every rule counts them: birthdays, whole years, and the latest day it can be anywhere."""

from calendar import monthrange
from datetime import date, datetime, timedelta

_EASTERNMOST = timedelta(hours=14)


def birthday(birth_date: date, age: int) -> date:
    """The day on which one is `age` years old. Who was born on 29 February turns on the 28th where there is no 29th.

    So PostgreSQL counts too: `birth_date + make_interval(years => age)`.
    """
    try:
        return birth_date.replace(year=birth_date.year + age)
    except ValueError:
        return date(birth_date.year + age, 2, 28)


def whole_years(birth_date: date, at: date) -> int:
    """The age `at`; below zero before birth."""
    years = at.year - birth_date.year
    return years - (at < birthday(birth_date, years))


def latest_today(now: datetime) -> date:
    """Today where the day begins first: no clinic's "today" lies after it."""
    return (now + _EASTERNMOST).date()


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier, or that month's last where it is shorter. So PostgreSQL counts too."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
