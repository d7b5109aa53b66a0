"""The breaker: shut after a failure, one a pause is let through, open again when that one is answered."""

from core.breaker import Breaker


def test_it_is_open_until_somebody_was_not_answered() -> None:
    breaker = Breaker(pause=5)
    assert not breaker.is_shut(0)
    assert [breaker.enter(0) for _ in range(2)] == [True, True]
    breaker.failed(10)
    assert breaker.is_shut(14.9)
    assert not breaker.enter(14.9)


def test_after_the_pause_one_goes_through_and_for_another_pause_nobody_else() -> None:
    breaker = Breaker(pause=5)
    breaker.failed(10)
    assert [breaker.enter(at) for at in (15, 15, 19.9, 20, 20)] == [True, False, False, True, False]


def test_it_opens_for_all_when_one_is_answered() -> None:
    breaker = Breaker(pause=5)
    breaker.failed(10)
    assert breaker.enter(15)
    breaker.answered()
    assert [breaker.enter(15) for _ in range(2)] == [True, True]


def test_who_fails_late_shuts_it_anew() -> None:
    breaker = Breaker(pause=5)
    breaker.failed(10)
    breaker.failed(14)
    assert not breaker.enter(18)
