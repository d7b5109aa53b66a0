"""How often a patient may be reached, however many want to."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from push.caps import USUAL_CAPS, Cap, caps_of, given_back, room_at, taken
from push.consent import ConsentChannel
from push.notice import Purpose
from tests.push.phones import HOUR, NOON

CAPS = st.builds(Cap, purpose=st.just(Purpose.MARKETING), most=st.integers(1, 8), days=st.integers(1, 30))


@given(CAPS, st.lists(st.integers(1, 400), max_size=80))
def test_nobody_is_over_the_cap_in_any_window(cap: Cap, gaps: list[int]) -> None:
    now, ring, sent = NOON, list[datetime](), list[datetime]()
    for gap in gaps:
        now += gap * HOUR
        if room_at(ring, cap, now) == now:
            ring = taken(ring, now)
            sent.append(now)
        else:
            later = room_at(ring, cap, now)
            assert later is not None
            assert later > now
    for at in sent:
        assert sum(at <= other < at + cap.window for other in sent) <= cap.most


def test_room_comes_as_the_oldest_falls_out_of_the_window() -> None:
    cap = Cap(purpose=Purpose.MARKETING, most=2, days=7)
    ring = taken(taken([], NOON), NOON + HOUR)
    assert room_at(ring, cap, NOON + 2 * HOUR) == NOON + timedelta(days=7)
    assert room_at(ring, cap, NOON + timedelta(days=7)) == NOON + timedelta(days=7)


def test_a_place_that_was_given_back_is_free_and_only_that_one() -> None:
    ring = taken(taken(taken([], NOON), NOON), NOON + HOUR)
    assert given_back(ring, NOON) == [NOON + HOUR, NOON]
    assert given_back(ring, NOON - HOUR) == ring


def test_none_at_all_is_a_cap_too() -> None:
    assert room_at([], Cap(purpose=Purpose.MARKETING, most=0, days=1), NOON) is None


def test_what_belongs_to_the_treatment_is_not_counted_but_by_a_call() -> None:
    assert set(caps_of(USUAL_CAPS, Purpose.SERVICE)) == {"call"}
    assert caps_of(USUAL_CAPS, Purpose.CHAT) == {}
    assert "any" in caps_of(USUAL_CAPS, Purpose.MARKETING)


def test_a_cap_on_a_way_that_the_purpose_has_not_is_refused() -> None:
    with pytest.raises(ValidationError):
        Cap(purpose=Purpose.RESEARCH, channel=ConsentChannel.SMS, most=1, days=1)
