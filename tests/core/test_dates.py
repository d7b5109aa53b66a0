"""Birthdays, whole years, and the latest day it can be."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.dates import birthday, latest_today, whole_years

LEAP = date(2004, 2, 29)


@pytest.mark.parametrize(
    ("born", "at", "years"),
    [
        (date(1985, 5, 17), date(2026, 5, 16), 40),
        (date(1985, 5, 17), date(2026, 5, 17), 41),
        (LEAP, date(2026, 2, 27), 21),
        (LEAP, date(2026, 2, 28), 22),
        (LEAP, date(2028, 2, 28), 23),
        (LEAP, date(2028, 2, 29), 24),
        (date(2026, 1, 2), date(2026, 1, 1), -1),
    ],
)
def test_a_year_older_is_who_had_a_birthday(born: date, at: date, years: int) -> None:
    assert whole_years(born, at) == years


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(0, 99))
def test_a_birthday_is_the_first_day_of_its_age(born: date, age: int) -> None:
    day = birthday(born, age)
    assert whole_years(born, day) == age
    assert whole_years(born, date.fromordinal(day.toordinal() - 1)) == age - 1


@pytest.mark.parametrize(("hour", "today"), [(9, date(2026, 3, 1)), (10, date(2026, 3, 2))])
def test_the_latest_today_begins_fourteen_hours_early(hour: int, today: date) -> None:
    assert latest_today(datetime(2026, 3, 1, hour, tzinfo=UTC)) == today
