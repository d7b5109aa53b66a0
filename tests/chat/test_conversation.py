"""Rules of a conversation: starting over, speaking too fast, what words are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chat.conversation import (
    MOST_BEHIND,
    OLDEST_CURSOR,
    Body,
    Bucket,
    Resume,
    cursor_to_resume,
    must_start_over,
)

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BODY = TypeAdapter(Body)


@pytest.mark.parametrize(
    ("held", "last", "verdict"),
    [
        (0, 0, None),
        (7, 7, None),
        (7, 7 + MOST_BEHIND, None),
        (7, 8 + MOST_BEHIND, Resume.TOO_FAR),
        (8, 7, Resume.EPOCH),
    ],
)
def test_a_reader_goes_on_unless_it_is_too_far_behind_or_ahead_of_us(
    held: int, last: int, verdict: Resume | None
) -> None:
    assert must_start_over(held, last) is verdict


@pytest.mark.parametrize(
    ("given", "resumed"),
    [
        (None, None),
        ("300000", "300000"),
        (str(300_000 - OLDEST_CURSOR), str(300_000 - OLDEST_CURSOR)),
        (str(299_999 - OLDEST_CURSOR), None),
        ("300001", None),
        (str(2**64 - 1), None),
    ],
)
def test_the_desk_goes_on_from_a_cursor_unless_it_is_too_old_or_not_of_this_database(
    given: str | None, resumed: str | None
) -> None:
    assert cursor_to_resume(given, "300000") == resumed


def test_a_bucket_lets_a_burst_through_then_one_a_tick_and_says_how_long_to_wait() -> None:
    bucket = Bucket.full(2, 0.5, AT)
    waits = []
    for _ in range(3):
        bucket, wait = bucket.take(AT)
        waits.append(wait)
    assert waits == [timedelta(0), timedelta(0), timedelta(seconds=2)]
    bucket, wait = bucket.take(AT + timedelta(seconds=2))
    assert not wait
    _, wait = bucket.take(AT - timedelta(hours=1))
    assert wait, "a clock that goes back must refill nothing"


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_bucket_lets_more_through_than_its_burst_and_its_rate(pauses: list[float]) -> None:
    bucket, at, passed = Bucket.full(3, 1, AT), AT, 0
    for pause in pauses:
        at += timedelta(seconds=pause)
        bucket, wait = bucket.take(at)
        passed += not wait
    assert passed <= 3 + (at - AT).total_seconds() + 1e-6


@pytest.mark.parametrize("body", ["Ciao", "two\nlines\r\n\tand a tab", "Можно сегодня?", "🦷", "x" * 4000])
def test_words_are_a_body(body: str) -> None:
    assert BODY.validate_python(body) == body


@pytest.mark.parametrize("body", ["", "   \n", "bell\x07", "nul\x00", "x" * 4001])
def test_nothing_and_control_characters_are_no_body(body: str) -> None:
    with pytest.raises(ValidationError):
        BODY.validate_python(body)
