"""Turns taken together are the turns that would be taken one by one."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from push.bucket import Bucket, bulk_turn, turn, turns_at_once
from tests.push.phones import NOON


@given(
    rate=st.integers(1, 120_000),
    tokens=st.floats(-50, 300),
    filled=st.integers(-20_000, 2_000),
    queued=st.none() | st.integers(-20_000, 5_000),
    count=st.integers(1, 40),
    bulk=st.booleans(),
)
def test_turns_at_once_are_the_turns_one_by_one(
    rate: int, tokens: float, filled: int, queued: int | None, count: int, bulk: bool
) -> None:
    until = None if queued is None else NOON + timedelta(milliseconds=queued)
    bucket = one_by_one = Bucket(rate, tokens, NOON + timedelta(milliseconds=filled), until)
    moments = []
    for _ in range(count):
        one_by_one, at = (bulk_turn if bulk else turn)(one_by_one, NOON)
        moments.append(at)
    together = turns_at_once(bucket, count, NOON, bulk=bulk)
    if together is None:
        # A wait of less than half a microsecond is none: the fastest line fills 0.005 tokens in it.
        assert any(at > NOON for at in moments) or bucket.level(NOON) > count - 0.01
        return
    assert set(moments) == {NOON}
    assert (together.filled_at, together.bulk_until) == (one_by_one.filled_at, one_by_one.bulk_until)
    assert abs(together.tokens - one_by_one.tokens) < 1e-6
