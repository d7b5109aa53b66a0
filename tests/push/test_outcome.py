"""What follows from each of the seven outcomes."""

from datetime import timedelta

import pytest

from push.notice import Purpose
from push.outcome import Again, DeliveryState, Final, Outcome, Result, next_step
from tests.push.phones import HOUR, MINUTE, NOON, SECOND

LATER = NOON + 24 * HOUR


def after(result: Result, attempt: int = 1, jitter: float = 0.5, **more: object) -> Again | Final:
    retry_after = more.pop("retry_after", None)
    assert retry_after is None or isinstance(retry_after, timedelta)
    expires_at, purpose = more.get("expires_at", LATER), more.get("purpose", Purpose.SERVICE)
    outcome = Outcome(result, "why", retry_after=retry_after)
    return next_step(outcome, attempt, NOON, expires_at, purpose, jitter)  # type: ignore[arg-type]  # test shorthand


@pytest.mark.parametrize(
    ("result", "state"),
    [
        (Result.ACCEPTED, DeliveryState.ACCEPTED),
        (Result.DEAD, DeliveryState.DEAD),
        (Result.BAD_MESSAGE, DeliveryState.FAILED),
    ],
)
def test_some_outcomes_are_the_end(result: Result, state: DeliveryState) -> None:
    assert after(result) == Final(state, "why", device_dead=result is Result.DEAD)


@pytest.mark.parametrize("result", [Result.CONFIG, Result.THROTTLED, Result.NOT_SENT, Result.AMBIGUOUS])
def test_the_others_are_tried_again_and_never_give_the_phone_up(result: Result) -> None:
    assert isinstance(after(result), Again)


def test_what_was_provably_not_sent_is_tried_until_it_expires() -> None:
    assert isinstance(after(Result.NOT_SENT, attempt=500), Again)
    assert after(Result.NOT_SENT, expires_at=NOON + SECOND / 2) == Final(DeliveryState.EXPIRED, "why")


def test_what_may_have_arrived_is_repeated_a_few_times_only() -> None:
    assert isinstance(after(Result.AMBIGUOUS, attempt=5), Again)
    assert after(Result.AMBIGUOUS, attempt=6) == Final(DeliveryState.FAILED, "why")


def test_marketing_that_may_have_arrived_is_never_repeated() -> None:
    assert after(Result.AMBIGUOUS, purpose=Purpose.MARKETING) == Final(DeliveryState.UNKNOWN, "why")
    assert isinstance(after(Result.NOT_SENT, purpose=Purpose.MARKETING), Again)


@pytest.mark.parametrize("result", [Result.THROTTLED, Result.AMBIGUOUS])
def test_the_provider_is_obeyed_when_it_says_when_to_come_again(result: Result) -> None:
    step = after(result, retry_after=7 * MINUTE)
    assert isinstance(step, Again)
    assert step.at >= NOON + 7 * MINUTE


def test_waits_grow_and_are_spread_out() -> None:
    waits = [after(Result.AMBIGUOUS, attempt=attempt) for attempt in (1, 2, 3)]
    moments = [step.at for step in waits if isinstance(step, Again)]
    assert moments == sorted(set(moments))
    assert after(Result.AMBIGUOUS, jitter=0.0) != after(Result.AMBIGUOUS, jitter=0.9)
