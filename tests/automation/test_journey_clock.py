"""Waits end when a person would say so: by the clock on the wall, also in the nights when it is changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.journey.clock import local_moment, visit_moment, wait_ends
from automation.journey.step import Step
from automation.journey.words import StepKind

ROME = "Europe/Rome"
ZONES = [ROME, "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "America/Santiago"]
NOON = datetime(2026, 7, 15, 10, tzinfo=UTC)  # 12:00 in Rome, a Wednesday
# The nights in which clocks change, in both directions, in every zone above; and the days around each.
_FROM = datetime(2025, 1, 1, tzinfo=UTC)
MOMENTS = st.integers(0, 4 * 365 * 24 * 60).map(lambda minutes: _FROM + timedelta(minutes=minutes))
TIMES = st.times().map(lambda at: at.replace(second=0, microsecond=0, fold=0))


def wait(**said: object) -> Step:
    return Step.model_validate({"id": "wait", "kind": StepKind.WAIT, **said})


def rome(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=ZoneInfo(ROME)).astimezone(UTC)  # type: ignore[misc,arg-type]  # year to minute


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        (wait(days=4), rome(2026, 7, 19, 12)),
        (wait(hours=36), rome(2026, 7, 17, 0)),
        (wait(at="12:00"), rome(2026, 7, 15, 12)),
        (wait(at="11:59"), rome(2026, 7, 16, 11, 59)),
        (wait(days=1, at="09:30"), rome(2026, 7, 17, 9, 30)),
        (wait(at="10:00", weekdays=[0]), rome(2026, 7, 20, 10)),
        (wait(days=1, weekdays=[2]), rome(2026, 7, 22, 0)),
        (wait(days=7, weekdays=[2]), rome(2026, 7, 22, 12)),
    ],
)
def test_a_wait_ends_as_it_is_said(step: Step, ends: datetime) -> None:
    assert wait_ends(step, ROME, NOON) == ends


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ({"hours_before": 2}, rome(2026, 10, 26, 7)),
        ({"hours_after": 3}, rome(2026, 10, 26, 12)),
        ({"days_before": 1, "at": "10:00"}, rome(2026, 10, 25, 10)),  # clocks went back that night
        ({"days_after": 1, "at": "18:00"}, rome(2026, 10, 27, 18)),
        ({"days_before": 0, "at": "06:00"}, rome(2026, 10, 26, 6)),
    ],
)
def test_around_a_visit_days_are_those_of_the_wall(said: dict[str, object], moment: datetime) -> None:
    step = Step.model_validate({"id": "before", "kind": StepKind.WAIT_VISIT, **said})
    assert visit_moment(step, ROME, rome(2026, 10, 26, 9)) == moment


def test_a_skipped_time_is_the_first_after_the_gap_and_a_repeated_one_its_first() -> None:
    assert local_moment(date(2026, 3, 29), time(2, 30), ROME) == datetime(2026, 3, 29, 1, tzinfo=UTC)  # 03:00
    assert local_moment(date(2026, 10, 25), time(2, 30), ROME) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert local_moment(date(2026, 10, 4), time(2, 15), "Australia/Lord_Howe").astimezone(
        ZoneInfo("Australia/Lord_Howe")
    ).time() == time(2, 30)


@given(zone=st.sampled_from(ZONES), now=MOMENTS, at=TIMES, days=st.integers(0, 40), weekdays=st.sets(st.integers(0, 6)))
def test_a_wait_until_a_time_of_day_ends_then_and_never_before(
    zone: str, now: datetime, at: time, days: int, weekdays: set[int]
) -> None:
    said = {"at": at.strftime("%H:%M"), "days": days or None, "weekdays": sorted(weekdays) or None}
    ends = wait_ends(wait(**{name: value for name, value in said.items() if value is not None}), zone, now)
    place = ZoneInfo(zone)
    assert ends >= now
    assert not weekdays or ends.astimezone(place).weekday() in weekdays
    shown = ends.astimezone(place).replace(tzinfo=None)
    wanted = datetime.combine(shown.date(), at)
    skipped = wanted.replace(tzinfo=place).astimezone(UTC).astimezone(place).replace(tzinfo=None) != wanted
    assert shown == wanted or (skipped and shown - wanted <= timedelta(hours=1))
    # Nothing of that kind lies between: a wait is never a day longer than it was said to be.
    assert ends - now < timedelta(days=days + (8 if weekdays else 2))
