"""Rules of a conversation: unread without counting, starting over, speaking too fast."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chat.conversation import MOST_BEHIND, Body, Bucket, Place, Resume, must_start_over, unread

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
BODY = TypeAdapter(Body)


@given(st.lists(st.booleans(), max_size=40), st.integers(0, 40), st.booleans())
def test_unread_by_ordinals_is_what_counting_would_say(sides: list[bool], read: int, of_patient: bool) -> None:
    places = [Place(seq + 1, sides[: seq + 1].count(side), side) for seq, side in enumerate(sides)]
    mark = places[min(read, len(places)) - 1] if read and places else None
    counted = sum(side == of_patient for side in sides[mark.seq if mark else 0 :])
    assert unread(sides.count(of_patient), mark, from_patient=of_patient) == counted


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
