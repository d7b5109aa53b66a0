"""When somebody may be disturbed, over years, zones and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from clinic.hours import Hours
from push.quiet import QuietHours, Window, begins, spread
from tests.push.phones import HOUR, MINUTE, NOON

# Rome and New York move their clocks at night, Lord Howe by half an hour, Cairo took the change up again in 2023, Samoa
# left a day out in 2011, Kathmandu is 5:45 ahead.
ZONES = st.sampled_from(
    ["Europe/Rome", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "Pacific/Apia", "Asia/Kathmandu", "UTC"]
)
MOMENTS = st.datetimes(datetime(2010, 1, 1), datetime(2032, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds it
WALLS = st.times().map(lambda each: each.replace(second=0, microsecond=0))
QUIET = st.builds(QuietHours, ZONES, WALLS, WALLS)
HOURS = st.builds(
    Hours, ZONES, st.sampled_from([time(7), time(9)]), st.sampled_from([time(13), time(20)]),
    st.sets(st.integers(0, 6), min_size=1).map(frozenset),
)  # fmt: skip
CLOSED = st.sets(st.dates(date(2010, 1, 1), date(2032, 12, 31)), max_size=20).map(frozenset)
WINDOWS = st.builds(Window, st.none() | HOURS, st.none() | QUIET, CLOSED)
KEYS = st.uuids()
ROME = ZoneInfo("Europe/Rome")
NIGHT = QuietHours("Europe/Rome", time(21), time(9))


@given(WINDOWS, MOMENTS)
def test_what_is_put_off_goes_out_at_a_time_that_suits_and_never_too_late(window: Window, moment: datetime) -> None:
    before = moment + timedelta(days=12)
    found = window.next(moment, before)
    if found is not None:
        assert window.suits(found)
        assert moment <= found < before
    assert (found == moment) == window.suits(moment)


@given(WINDOWS, MOMENTS)
def test_what_is_drawn_forward_goes_out_at_a_time_that_suits_and_not_later_than_wanted(
    window: Window, moment: datetime
) -> None:
    earliest = moment - timedelta(days=3)
    found = window.last(moment, earliest)
    if found is not None:
        assert window.suits(found)
        assert earliest <= found <= moment


@given(WINDOWS, MOMENTS, KEYS)
def test_what_is_spread_stays_inside_the_window_it_was_held_for(window: Window, moment: datetime, key: UUID) -> None:
    before = moment + timedelta(days=12)
    if (opening := window.next(moment, before)) is not None:
        at = spread(opening, window, key, 45 * MINUTE, before)
        assert opening <= at < before
        assert window.suits(at)
        assert at == spread(opening, window, key, 45 * MINUTE, before)


@given(WINDOWS, MOMENTS, st.integers(0, 72), st.integers(1, 48))
def test_a_reminder_never_comes_after_the_visit_has_begun(
    window: Window, now: datetime, ahead: int, before: int
) -> None:
    wanted = now + ahead * HOUR
    visit_at = wanted + before * HOUR
    at = begins(wanted, window, now, visit_at)
    assert at is None or (now <= at < visit_at and window.suits(at))


def test_quiet_hours_go_over_midnight_and_a_clock_change_moves_their_end() -> None:
    eve = datetime(2030, 3, 30, 23, 0, tzinfo=ROME)
    assert NIGHT.covers(eve)
    morning = NIGHT.ends_after(eve)
    assert morning.astimezone(ROME).time() == time(9)
    assert morning - eve.astimezone(UTC) == 9 * HOUR  # ten on the wall: the night of the change is short
    assert not NIGHT.covers(datetime(2028, 2, 29, 12, tzinfo=ROME))


def test_an_hour_that_the_clock_leaves_out_is_no_time_at_all() -> None:
    quiet = QuietHours("Europe/Rome", time(22), time(2, 30))
    ended = quiet.ends_after(datetime(2030, 3, 31, 1, 30, tzinfo=ROME))
    assert ended.astimezone(ROME).time() >= time(3)
    assert not quiet.covers(ended)


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    quiet = QuietHours("Europe/Rome", time(22), time(2, 30))
    again = datetime(2030, 10, 27, 2, 10, fold=1, tzinfo=ROME)
    assert quiet.covers(again)
    assert not quiet.covers(quiet.ends_after(again))


def test_a_patient_who_lives_elsewhere_is_left_alone_in_their_own_night() -> None:
    window = Window(Hours("Europe/Rome", time(9), time(20)), QuietHours("Asia/Shanghai", time(21), time(9)))
    # From nine in Rome until three in the afternoon it is day in both places.
    assert window.next(NOON + 4 * HOUR, NOON + 48 * HOUR) == NOON + 21 * HOUR


def test_days_off_are_of_the_branch() -> None:
    hours = Hours("Europe/Rome", time(9), time(20))
    window = Window(hours, None, frozenset({date(2030, 6, 16), date(2030, 6, 17)}))
    assert window.next(NOON, NOON + 96 * HOUR) == NOON + 45 * HOUR


def test_a_reminder_that_falls_into_the_night_comes_the_evening_before() -> None:
    window = Window(None, NIGHT)
    wanted = datetime(2030, 6, 17, 7, tzinfo=ROME).astimezone(UTC)
    at = begins(wanted, window, NOON, wanted + 2 * HOUR)
    assert at is not None
    assert at.astimezone(ROME) == datetime(2030, 6, 16, 20, 45, tzinfo=ROME)


def test_what_was_held_all_night_does_not_leave_in_one_burst() -> None:
    window, opening = Window(None, NIGHT), datetime(2030, 6, 17, 7, tzinfo=UTC)
    at = [spread(opening, window, UUID(int=each), 45 * MINUTE, opening + 48 * HOUR) for each in range(900)]
    minutes = [int((each - opening) / MINUTE) for each in at]
    assert max(minutes) < 45
    assert max(minutes.count(each) for each in range(45)) < 60
