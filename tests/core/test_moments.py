"""Moments on the wire: three decimals and Z on the way out, a zone and nothing but RFC 3339 on the way in."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import bindparam, select

from core.clock import now
from core.database import NOBODY, Database
from core.moments import Day, Moment, rfc3339
from core.moments_sql import rfc3339_sql

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOMENT: TypeAdapter[datetime] = TypeAdapter(Moment)
DAY: TypeAdapter[date] = TypeAdapter(Day)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
seconds = st.integers(-2 * 10**15, 7 * 10**15)  # microseconds from 1970: 1906 to 2191
moments = st.builds(lambda at, zone: (EPOCH + timedelta(microseconds=at)).astimezone(zone), seconds, zones)


@given(moments)
def test_what_is_written_is_read_back_to_the_millisecond(moment: datetime) -> None:
    text = rfc3339(moment)
    assert len(text) == len("2026-11-22T09:30:00.000Z")
    again = MOMENT.validate_python(text)
    assert again.tzinfo is UTC
    assert timedelta(0) <= moment - again < timedelta(milliseconds=1)
    assert rfc3339(again) == text
    assert MOMENT.dump_json(again) == f'"{text}"'.encode()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22T09:30:00Z",
        "2026-11-22T10:30:00+01:00",
        "2026-11-22T09:30:00.000Z",
        "2026-11-22t09:30:00.000000999z",
        "2026-11-21T19:30:00-14:00",
    ],
)
def test_one_moment_has_many_spellings(text: str) -> None:
    assert rfc3339(MOMENT.validate_python(text)) == "2026-11-22T09:30:00.000Z"


@pytest.mark.parametrize(
    "given_",
    [
0, 1_700_000_000, 1.5, True, None, [], {}, "", "0", "1700000000", "1700000000.5", "now", "P1D",
        "2026-11-22", "20261122T093000Z", "2026-11-22T09:30:00", "2026-11-22 09:30:00Z", "2026-11-22T09:30Z",
        "2026-11-22T24:00:00Z", "2026-02-29T00:00:00Z", "2026-11-22T09:30:00+01", "2026-11-22T09:30:00+0100",
        "2026-11-22T09:30:60Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
        "1899-12-31T23:59:59Z", "2200-01-01T00:00:01Z", "２０２６-11-22T09:30:00Z", "2026-11-22T09:30:00Z\n",
        " 2026-11-22T09:30:00Z", "2026-W47-7T09:30:00Z",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_moment_is_refused(given_: object) -> None:
    with pytest.raises(ValidationError):
        MOMENT.validate_python(given_)


@pytest.mark.parametrize(
    "given_", [0, 20_000, "0", "20261122", "2026-11-22T00:00:00Z", "2026-02-29", "2026-1-2", None, True]
)
def test_what_only_looks_like_a_day_is_refused(given_: object) -> None:
    with pytest.raises(ValidationError):
        DAY.validate_python(given_)


def test_a_leap_day_is_a_day() -> None:
    assert DAY.validate_python("2028-02-29") == date(2028, 2, 29)


def test_the_clock_is_aware_and_in_whole_milliseconds() -> None:
    moment = now()
    assert moment.tzinfo is UTC
    assert moment.microsecond % 1000 == 0


async def test_the_database_writes_moments_as_we_do(database: Database) -> None:
    spoken = [
        datetime(2026, 3, 29, 1, 30, 0, 7000, UTC),
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(2199, 12, 31, 23, 59, 59, 999000, UTC),
    ]
    async with database.reading(NOBODY) as reading:
        for moment in spoken:
            written = rfc3339_sql(bindparam("moment", moment))
            assert (await reading.execute(select(written))).scalar_one() == rfc3339(moment)
