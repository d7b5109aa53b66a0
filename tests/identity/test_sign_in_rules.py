"""The rules of signing in, without a database: when a code goes out, and what a refresh token is worth."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.sign_in import (
    CODES_A_NUMBER_A_DAY,
    CODES_A_PREFIX_AN_HOUR,
    CODES_AN_ADDRESS_AN_HOUR,
    CODES_WORLDWIDE_AN_HOUR,
    FAILURES_WORLDWIDE_AN_HOUR,
    REFRESH_GRACE,
    Audience,
    CodeHistory,
    CodeVerdict,
    RefreshState,
    RefreshVerdict,
    code_verdict,
    refresh_life,
    refresh_verdict,
)

NOW = datetime(2026, 11, 22, 9, 30, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def history(*sent: float, address: int = 0, prefix: int = 0, world: int = 0, failures: int = 0) -> CodeHistory:
    """`sent`: how many seconds ago each code of the number went out, oldest first."""
    return CodeHistory(tuple(ago(each) for each in sent), address, prefix, world, failures)


@pytest.mark.parametrize(
    ("known", "verdict", "wait"),
    [
        (history(), CodeVerdict.SEND, 0),
        (history(29), CodeVerdict.WAIT, 1),
        (history(30), CodeVerdict.SEND, 0),
        (history(1000, 59), CodeVerdict.WAIT, 1),
        (history(1000, 60), CodeVerdict.SEND, 0),
        (history(3000, 2000, 119), CodeVerdict.WAIT, 1),
        (history(3000, 2000, 120), CodeVerdict.SEND, 0),
        (history(4000, 3000, 2000, 119), CodeVerdict.WAIT, 1),
        (history(86_000, 4000, 3000, 2000, 1000), CodeVerdict.WAIT, 400),
        (history(address=CODES_AN_ADDRESS_AN_HOUR - 1), CodeVerdict.SEND, 0),
        (history(address=CODES_AN_ADDRESS_AN_HOUR), CodeVerdict.WAIT, 3600),
        (history(prefix=CODES_A_PREFIX_AN_HOUR - 1), CodeVerdict.SEND, 0),
        (history(prefix=CODES_A_PREFIX_AN_HOUR), CodeVerdict.SILENT, 0),
        (history(world=CODES_WORLDWIDE_AN_HOUR - 1), CodeVerdict.SEND, 0),
        (history(world=CODES_WORLDWIDE_AN_HOUR), CodeVerdict.SILENT, 0),
        (history(failures=FAILURES_WORLDWIDE_AN_HOUR - 1), CodeVerdict.SEND, 0),
        (history(failures=FAILURES_WORLDWIDE_AN_HOUR), CodeVerdict.SILENT, 0),
        (history(5, prefix=CODES_A_PREFIX_AN_HOUR), CodeVerdict.WAIT, 25),
    ],
)
def test_when_a_code_may_go_out(known: CodeHistory, verdict: CodeVerdict, wait: int) -> None:
    assert code_verdict(known, NOW) == (verdict, timedelta(seconds=wait))


counts = st.integers(0, 5_000)
histories = st.builds(
    lambda sent, address, prefix, world, failures: history(
        *sorted(sent, reverse=True), address=address, prefix=prefix, world=world, failures=failures
    ),
    st.lists(st.integers(0, 86_399), max_size=8), counts, counts, counts, counts,
)  # fmt: skip


@given(histories)
def test_who_must_wait_is_told_a_time_that_is_enough_and_not_more_than_a_day(known: CodeHistory) -> None:
    verdict, wait = code_verdict(known, NOW)
    assert (verdict is CodeVerdict.WAIT) == (wait > timedelta(0))
    assert wait <= timedelta(days=1)


@given(histories, st.integers(0, 86_399))
def test_one_more_code_never_loosens_a_brake(known: CodeHistory, when: int) -> None:
    order = [CodeVerdict.SEND, CodeVerdict.SILENT, CodeVerdict.WAIT]
    more = CodeHistory(
        tuple(sorted([*known.to_number, ago(min(when, 0))])), known.from_address + 1, known.to_prefix + 1,
        known.worldwide + 1, known.failures_worldwide,
    )  # fmt: skip
    assert order.index(code_verdict(more, NOW)[0]) >= order.index(code_verdict(known, NOW)[0])


def test_a_number_gets_five_codes_a_day_however_patient_the_caller() -> None:
    sent: list[datetime] = []
    moment = NOW
    while moment < NOW + timedelta(hours=23):
        if code_verdict(CodeHistory(tuple(sent), 0, 0, 0, 0), moment)[0] is CodeVerdict.SEND:
            sent.append(moment)
        moment += timedelta(seconds=10)
    assert len(sent) == CODES_A_NUMBER_A_DAY


def state(
    *, current: bool = False, predecessor: bool = False, same: bool = True, rotated: float | None = 5,
    idle: float = 60, end: float = 60, revoked: bool = False,
) -> RefreshState:  # fmt: skip
    """Times are seconds: `rotated` ago, `idle` and `end` ahead."""
    at = None if rotated is None else ago(rotated)
    return RefreshState(current, predecessor, same, at, ago(-idle), ago(-end), revoked)


GRACE = REFRESH_GRACE.total_seconds()


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (state(current=True), RefreshVerdict.ROTATE),
        (state(current=True, rotated=None), RefreshVerdict.ROTATE),
        (state(predecessor=True, rotated=0), RefreshVerdict.REPEAT),
        (state(predecessor=True, rotated=GRACE), RefreshVerdict.REPEAT),
        (state(predecessor=True, rotated=GRACE + 0.001), RefreshVerdict.REUSE),
        (state(predecessor=True, rotated=None), RefreshVerdict.REUSE),
        (state(rotated=0), RefreshVerdict.REUSE),
        (state(current=True, same=False), RefreshVerdict.REUSE),
        (state(predecessor=True, same=False, rotated=0), RefreshVerdict.REUSE),
        (state(current=True, idle=0), RefreshVerdict.REFUSE),
        (state(current=True, end=0), RefreshVerdict.REFUSE),
        (state(current=True, revoked=True), RefreshVerdict.REFUSE),
        (state(revoked=True), RefreshVerdict.REFUSE),
        (state(current=True, same=False, revoked=True), RefreshVerdict.REFUSE),
    ],
)
def test_what_a_refresh_token_is_worth(known: RefreshState, verdict: RefreshVerdict) -> None:
    assert refresh_verdict(known, NOW) is verdict


flags = st.booleans()
spans = st.floats(-100, 100)
states = st.builds(
    lambda now, old, same, rotated, idle, end, revoked: state(
        current=now, predecessor=old and not now, same=same, rotated=rotated, idle=idle, end=end, revoked=revoked
    ),
    flags, flags, flags, st.none() | st.floats(0, 100), spans, spans, flags,
)  # fmt: skip


@given(states)
def test_a_new_pair_is_only_for_the_same_device_of_a_living_family(known: RefreshState) -> None:
    if refresh_verdict(known, NOW) in (RefreshVerdict.ROTATE, RefreshVerdict.REPEAT):
        assert known.same_device
        assert known.is_current or known.is_predecessor
        assert not known.revoked
        assert known.idle_until > NOW < known.ends_at


@pytest.mark.parametrize("audience", list(Audience))
def test_an_idle_device_is_forgotten_before_its_session_ends(audience: Audience) -> None:
    idle, absolute = refresh_life(audience)
    assert timedelta(0) < idle < absolute


def test_staff_is_signed_out_within_the_day() -> None:
    assert refresh_life(Audience.STAFF)[1] <= timedelta(hours=12)
