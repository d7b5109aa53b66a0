"""Rules of a conversation: starting over, speaking too fast, what words are."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from chat.conversation import (
    MOST_BEHIND,
    Body,
    MaybeBody,
    Rate,
    Resume,
    must_start_over,
)
from chat.cursor import OLDEST, Cursor, horizon_to_resume, is_of_another_history
from chat.frames.incoming import Send
from core.ids import new_id

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()
BODY, MAYBE_BODY = TypeAdapter(Body), TypeAdapter(MaybeBody)
UNSEEN = ["\u200b", "\u200b\u2060", "\xa0\n\u3000", "\u2028", "\u202e\u2069", "\ufeff", "\u3164", "\ufe0f", "\n"]


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
        ("a1.300000", "300000"),
        (f"a1.{300_000 - OLDEST}", str(300_000 - OLDEST)),
        (f"a1.{299_999 - OLDEST}", None),
        ("a1.300001", None),
        (f"a1.{2**64 - 1}", None),
        ("a2.300000", None),
        ("300000", None),
        ("a1.", None),
        ("...", None),
    ],
)
def test_the_desk_goes_on_from_a_cursor_unless_it_is_too_old_or_not_of_this_database(
    given: str | None, resumed: str | None
) -> None:
    cursor = None if given is None else Cursor.read(given)
    assert horizon_to_resume(cursor, Cursor("a1", 300_000)) == resumed


@pytest.mark.parametrize(
    ("given", "other"), [("a1.7", False), ("a1.8", False), ("a1.9", True), ("a2.7", True), ("8", True), ("", True)]
)
def test_a_cursor_is_of_another_history_by_its_epoch_or_by_counting_further_than_we_did(
    given: str, *, other: bool
) -> None:
    assert is_of_another_history(Cursor.read(given), Cursor("a1", 8)) is other


def test_what_is_held_of_another_epoch_starts_over_and_nothing_held_does_not() -> None:
    assert must_start_over(7, 7, same_epoch=False) is Resume.EPOCH
    assert must_start_over(0, 7, same_epoch=False) is None


def test_a_rate_lets_a_burst_through_then_one_a_tick_and_says_how_long_to_wait() -> None:
    rate, used, waits = Rate(2, 2.0), 0.0, []
    for _ in range(3):
        used, wait = rate.take(used, AT)
        waits.append(wait)
    assert waits == [0, 0, 2.0]
    used, wait = rate.take(used, AT + 2)
    assert not wait
    _, wait = rate.take(used, AT - 3600)
    assert wait, "a clock that goes back must refill nothing"


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_rate_lets_more_through_than_its_burst_and_its_tick(pauses: list[float]) -> None:
    rate, used, at, passed = Rate(3, 1.0), 0.0, AT, 0
    for pause in pauses:
        at += pause
        used, wait = rate.take(used, at)
        passed += not wait
    assert passed <= 3 + (at - AT) + 1e-3


@pytest.mark.parametrize(
    "body", ["Ciao", "two\nlines\r\n\tand a tab", "Можно сегодня?", "🦷", "❤️", "@\u2068Anna\u2069", "x" * 4000]
)
def test_words_are_a_body(body: str) -> None:
    assert BODY.validate_python(body) == body


@pytest.mark.parametrize(
    "body", ["", "   \n", "bell\x07", "nul\x00", "csi \x9b2J", "next\x85line", "x" * 4001, *UNSEEN]
)
def test_nothing_and_control_characters_are_no_body(body: str) -> None:
    with pytest.raises(ValidationError):
        BODY.validate_python(body)


@pytest.mark.parametrize("body", ["csi \x9b2J", *UNSEEN])
def test_no_door_takes_what_shows_nothing_or_acts(body: str) -> None:
    with pytest.raises(ValidationError):
        MAYBE_BODY.validate_python(body)
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(
            msgspec.json.encode({"t": "send", "id": str(new_id()), "op": "msg", "body": body}), type=Send
        )


def test_pictures_come_without_words() -> None:
    assert MAYBE_BODY.validate_python("") == ""
    sent = msgspec.json.encode({"t": "send", "id": str(new_id()), "op": "msg", "body": ""})
    assert msgspec.json.decode(sent, type=Send).body == ""
