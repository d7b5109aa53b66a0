"""Working hours across zones and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from clinic.hours import Hours, Zone, day_span, local_text

ROME = Hours("Europe/Rome", time(9), time(20))
CLOCK = ZoneInfo(ROME.zone)


@pytest.mark.parametrize(
    ("moment", "closing"),
    [
        (datetime(2030, 6, 16, 17, 59, tzinfo=UTC), datetime(2030, 6, 16, 18, tzinfo=UTC)),
        (datetime(2030, 1, 16, 8, tzinfo=UTC), datetime(2030, 1, 16, 19, tzinfo=UTC)),
    ],
)
def test_a_span_closes_at_the_local_hour_in_summer_and_in_winter(moment: datetime, closing: datetime) -> None:
    assert ROME.open_at(moment)
    assert ROME.closes_after(moment) == closing


SUMMER, WINTER = date(2030, 3, 31), date(2030, 10, 27)  # the clocks go on and back in Rome


@pytest.mark.parametrize(
    ("asked", "opening"),
    [
        ("2030-06-17T09:00:00", "2030-06-17T09:00:00"),
        ("2030-06-17T19:59:59", "2030-06-17T19:59:59"),
        ("2030-06-17T03:00:00", "2030-06-17T09:00:00"),
        ("2030-06-17T20:00:00", "2030-06-18T09:00:00"),
        ("2030-12-31T23:00:00", "2031-01-01T09:00:00"),
        ("2028-02-28T21:00:00", "2028-02-29T09:00:00"),
    ],
)
def test_the_next_opening_is_now_today_or_tomorrow(asked: str, opening: str) -> None:
    in_rome = [datetime.fromisoformat(each).replace(tzinfo=CLOCK) for each in (asked, opening)]
    assert ROME.next_open(in_rome[0]) == in_rome[1]


@pytest.mark.parametrize(("day", "night"), [(SUMMER, 12), (WINTER, 14)])
def test_the_night_of_a_clock_change_is_an_hour_shorter_or_longer(day: date, night: int) -> None:
    closing = datetime.combine(day - timedelta(days=1), time(20), CLOCK).astimezone(UTC)
    opening = ROME.next_open(closing)
    assert opening - closing == timedelta(hours=night)
    assert opening.astimezone(CLOCK).time() == time(9)


@pytest.mark.parametrize("weekday", range(7))
def test_closed_days_are_passed_over(weekday: int) -> None:
    hours = Hours("Europe/Rome", time(9), time(20), frozenset({weekday}))
    for days in range(7):
        asked = datetime(2030, 6, 17, 20, tzinfo=UTC) + timedelta(days=days)
        opening = hours.next_open(asked)
        assert opening.weekday() == weekday
        assert timedelta() < opening - asked <= timedelta(days=7)


@pytest.mark.parametrize(
    "never",
    [
        Hours("Europe/Rome", time(9), time(20), frozenset()),
        Hours("Europe/Rome", time(9), time(9)),
        Hours("Europe/Rome", time(20), time(9)),
    ],
)
def test_hours_that_never_open_are_an_error_and_no_endless_search(never: Hours) -> None:
    with pytest.raises(ValueError, match="never open"):
        never.next_open(datetime(2030, 6, 17, 12, tzinfo=UTC))


ZONES = ("Europe/Rome", "Europe/Moscow", "Asia/Shanghai", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia")


@given(
    st.builds(
        Hours,
        st.sampled_from(ZONES),
        st.times(time(5), time(12)),
        st.times(time(13), time(23)),
        st.frozensets(st.integers(0, 6), min_size=1),
    ),
    st.integers(0, 14 * 366 * 24 * 60).map(
        lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
)
def test_the_next_opening_is_open_not_before_and_the_first(hours: Hours, asked: datetime) -> None:
    opening = hours.next_open(asked)
    assert opening >= asked
    assert hours.open_at(opening)
    assert hours.next_open(opening) == opening
    assert hours.closes_after(opening) > opening
    if opening > asked:
        assert not hours.open_at(asked)
        assert not hours.open_at(opening - timedelta(microseconds=1))
        assert hours.next_open(asked + (opening - asked) / 2) == opening


PLACES = ("Europe/Rome", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe")


@pytest.mark.parametrize(
    ("day", "zone", "hours"),
    [
        (date(2030, 3, 31), "Europe/Rome", 23),
        (date(2030, 10, 27), "Europe/Rome", 25),
        (date(2030, 3, 10), "America/New_York", 23),
        (date(2030, 11, 3), "America/New_York", 25),
        (date(2030, 3, 31), "Asia/Shanghai", 24),
    ],
)
def test_a_day_is_as_long_as_the_clock_makes_it(day: date, zone: str, hours: int) -> None:
    start, end = day_span(day, zone)
    assert end - start == timedelta(hours=hours)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(PLACES))
def test_days_follow_each_other_without_a_gap(day: date, zone: str) -> None:
    start, end = day_span(day, zone)
    assert end == day_span(day + timedelta(days=1), zone)[0]
    assert start.astimezone(ZoneInfo(zone)).date() == day
    assert (end - timedelta(milliseconds=1)).astimezone(ZoneInfo(zone)).date() == day


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        (datetime(2030, 3, 31, 0, 59, tzinfo=UTC), "Europe/Rome", "2030-03-31T01:59:00+01:00"),
        (datetime(2030, 3, 31, 1, tzinfo=UTC), "Europe/Rome", "2030-03-31T03:00:00+02:00"),
        (datetime(2030, 10, 27, 0, 30, tzinfo=UTC), "Europe/Rome", "2030-10-27T02:30:00+02:00"),
        (datetime(2030, 10, 27, 1, 30, tzinfo=UTC), "Europe/Rome", "2030-10-27T02:30:00+01:00"),
        (datetime(2030, 3, 10, 7, tzinfo=UTC), "America/New_York", "2030-03-10T03:00:00-04:00"),
        (datetime(2030, 11, 3, 6, 30, tzinfo=UTC), "America/New_York", "2030-11-03T01:30:00-05:00"),
        (datetime(2030, 7, 1, 0, 0, tzinfo=UTC), "Asia/Shanghai", "2030-07-01T08:00:00+08:00"),
    ],
)
def test_a_local_time_says_its_offset_on_that_day(moment: datetime, zone: str, text: str) -> None:
    assert local_text(moment, zone) == text


@given(st.integers(0, 100 * 365 * 24 * 60), st.sampled_from(PLACES))
def test_a_local_time_is_the_same_moment(minutes: int, zone: str) -> None:
    moment = datetime(2000, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    assert datetime.fromisoformat(local_text(moment, zone)) == moment


@pytest.mark.parametrize("name", ["localtime", "Factory", "posixrules", "Mars/Olympus", "../../etc/passwd", ""])
def test_a_zone_is_a_place_and_means_the_same_on_every_machine(name: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Zone).validate_python(name)
