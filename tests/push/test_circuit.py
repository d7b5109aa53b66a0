"""When a line's circuit opens and closes, and how fast its bucket gives."""

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from push.bucket import BULK_SHARE, Bucket, bulk_turn, full, turn
from push.circuit import CONFIG, MASS_DEATH, PROBE, Circuit, Tally, after, is_mass_death
from tests.push.phones import HOUR, MINUTE, NOON, SECOND

REFUSED, TAKEN = Tally(config=1), Tally(accepted=1)


def test_one_refusal_is_no_reason_and_two_in_a_row_are() -> None:
    once = after(Circuit(), REFUSED, REFUSED, NOON)
    assert once.passes(NOON)
    between = after(after(once, TAKEN, TAKEN, NOON), REFUSED, REFUSED, NOON)
    assert between.passes(NOON)
    twice = after(once, REFUSED, REFUSED, NOON)
    assert (twice.reason, twice.open_until, twice.passes(NOON)) == (CONFIG, NOON + MINUTE, False)


def test_each_probe_that_is_refused_doubles_the_pause_up_to_an_hour() -> None:
    circuit, at, pauses = after(Circuit(), Tally(config=2), Tally(), NOON), NOON, []
    for _ in range(9):
        assert circuit.open_until is not None
        pauses.append(circuit.open_until - at)
        at = circuit.open_until
        assert circuit.passes(at)
        circuit = after(circuit.probing(at), REFUSED, REFUSED, at)
    assert [pause / MINUTE for pause in pauses] == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_while_one_tries_it_nobody_else_does_unless_it_says_nothing() -> None:
    opened = after(Circuit(), Tally(config=2), Tally(), NOON)
    trying = opened.probing(NOON + MINUTE)
    assert not trying.passes(NOON + MINUTE + SECOND)
    assert trying.passes(NOON + MINUTE + PROBE)


def test_what_was_under_way_neither_opens_it_again_nor_closes_it() -> None:
    opened = after(Circuit(), Tally(config=2), Tally(), NOON)
    for late in (TAKEN, REFUSED, Tally(dead=99)):
        assert after(opened, late, Tally(dead=99), NOON + SECOND) == opened


def test_a_probe_that_is_taken_closes_it_and_the_window_begins_anew() -> None:
    opened, at = after(Circuit(), Tally(), Tally(accepted=10, dead=51), NOON), NOON + MINUTE
    assert opened.reason == MASS_DEATH
    shut = after(opened.probing(at), TAKEN, Tally(accepted=11, dead=51), at)
    assert (shut.open_until, shut.opens, shut.closed_at) == (None, 0, at)


def test_a_dead_phone_proves_credentials_but_not_that_phones_are_not_dying() -> None:
    refused, died = after(Circuit(), Tally(config=2), Tally(), NOON), after(Circuit(), Tally(), Tally(dead=51), NOON)
    assert after(refused, Tally(dead=1), Tally(), NOON + MINUTE).open_until is None
    again = after(died, Tally(dead=1), Tally(), NOON + MINUTE)
    assert (again.open_until, again.reason) == (NOON + 3 * MINUTE, MASS_DEATH)


def test_fifty_dead_phones_or_one_in_twenty_are_no_mass_death() -> None:
    assert not is_mass_death(Tally(dead=50))
    assert is_mass_death(Tally(dead=51, accepted=0))
    assert not is_mass_death(Tally(dead=51, accepted=51 * 19))
    assert is_mass_death(Tally(dead=51, accepted=51 * 19 - 1))


RATES = st.integers(1, 600_000)
STEPS = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=20)


@settings(max_examples=200)
@given(RATES, STEPS)
def test_turns_never_exceed_the_rate_and_what_was_held_and_the_bulk_keeps_its_share(
    rate: int, steps: list[tuple[int, int, int]]
) -> None:
    """At each step some ask who are of the bulk and some who are not; who was given a later turn comes then."""
    bucket, at = Bucket(rate, full(rate), NOON), NOON
    turns: list[tuple[datetime, bool]] = []
    later: list[datetime] = []
    for passed, single, bulk in steps:
        at += timedelta(milliseconds=passed)
        for slot in [each for each in later if each <= at]:
            later.remove(slot)
            bucket = bucket.spent(slot)
        for _ in range(single):
            bucket, mine = turn(bucket, at)
            turns.append((mine, False))
        for _ in range(bulk):
            bucket, mine = bulk_turn(bucket, at)
            turns.append((mine, True))
            later += [mine] if mine > at else []
    assert all(mine >= NOON for mine, _ in turns)
    last = max((mine for mine, _ in turns), default=NOON)
    held, minutes = full(rate), (last - NOON) / MINUTE
    assert sum(is_bulk for _, is_bulk in turns) <= held + BULK_SHARE * rate * minutes + 1
    singles = sorted(mine for mine, is_bulk in turns if not is_bulk)
    assert len(singles) <= held + rate * minutes + 1


def test_a_reminder_does_not_stand_behind_a_campaign() -> None:
    bucket = Bucket(600, full(600), NOON)
    for _ in range(2_000):
        bucket, last = bulk_turn(bucket, NOON)
    assert last - NOON == timedelta(minutes=2_000 / 480) - timedelta(seconds=10)
    at = NOON + 2 * MINUTE
    _, mine = turn(bucket, at)
    assert mine == at


def test_a_clock_that_goes_back_fills_nothing_and_the_slowest_line_still_sends() -> None:
    empty = Bucket(60, 0, NOON)
    assert empty.level(NOON - HOUR) == 0
    assert empty.spent(NOON - HOUR).filled_at == NOON
    assert turn(Bucket(1, 1, NOON), NOON)[1] == NOON
    assert turn(Bucket(1, 0, NOON), NOON)[1] == NOON + MINUTE
    assert bulk_turn(Bucket(1, 1, NOON), NOON)[1] == NOON
    assert full(1) == 1
