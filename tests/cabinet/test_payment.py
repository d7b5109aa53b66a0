"""The rules of a payment: whatever is told, however often and in whatever order, it ends the same."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.pay_link import TOKEN_LENGTH, clinic_of_token, new_pay_token
from cabinet.payment import OPEN, RECEIVED, PaymentStatus, Standing, Told, after, happened, under_way
from core.ids import new_id

_P = PaymentStatus
TOLD = st.builds(Told, st.sampled_from([each for each in _P if each not in (_P.CREATED, _P.REFUNDED)])) | st.builds(
    Told, st.just(_P.REFUNDED), st.integers(1, 100)
)
CREATED = Standing(_P.CREATED)


def life(told: list[Told]) -> tuple[Standing, list[str]]:
    standing, kinds = CREATED, []
    for each in told:
        then = after(standing, each)
        kinds += happened(standing, then)
        standing = then
    return standing, kinds


@given(st.lists(TOLD, max_size=8), st.randoms())
def test_money_that_came_in_is_never_untold_whatever_the_order(told: list[Told], chance: random.Random) -> None:
    shuffled = chance.sample(told, len(told)) + chance.choices(told, k=3) if told else []
    (first, _), (second, _) = life(told), life(shuffled)
    assert first.refunded_minor == second.refunded_minor
    assert (first.status in RECEIVED) == (second.status in RECEIVED)
    if first.status in RECEIVED:
        assert first == second


@given(st.lists(TOLD, max_size=12))
def test_each_event_happens_once(told: list[Told]) -> None:
    standing, kinds = life(told)
    assert kinds.count("payment.succeeded") == (standing.status in RECEIVED)
    assert kinds.count("payment.refunded") <= len({each.refunded_minor for each in told})
    assert sum(kinds.count(f"payment.{each}") for each in ("failed", "cancelled", "expired")) <= 1


@given(st.lists(TOLD, max_size=6))
def test_telling_the_same_again_changes_nothing(told: list[Told]) -> None:
    standing, _ = life(told)
    for each in told:
        assert after(standing, each) == standing or standing.status not in RECEIVED
        assert after(after(standing, each), each) == after(standing, each)


def test_a_late_success_wins_over_a_page_that_ran_out() -> None:
    assert life([Told(_P.EXPIRED), Told(_P.SUCCEEDED)])[0].status is _P.SUCCEEDED
    assert life([Told(_P.SUCCEEDED), Told(_P.EXPIRED)])[0].status is _P.SUCCEEDED


def test_a_refund_that_overtakes_its_payment_tells_of_both_once() -> None:
    standing, kinds = life([Told(_P.REFUNDED, 40), Told(_P.SUCCEEDED), Told(_P.REFUNDED, 40)])
    assert (standing, kinds) == (Standing(_P.REFUNDED, 40), ["payment.succeeded", "payment.refunded"])


@pytest.mark.parametrize(
    ("standing", "booked", "refunds", "left"),
    [
        (Standing(_P.PENDING), False, 0, 0),
        (Standing(_P.FAILED), False, 0, 0),
        (Standing(_P.SUCCEEDED), False, 0, 100),
        (Standing(_P.SUCCEEDED), True, 0, 0),
        (Standing(_P.REFUNDED, 40), False, 0, 60),
        (Standing(_P.REFUNDED, 40), True, 0, -40),
        (Standing(_P.REFUNDED, 40), True, 30, -10),
        (Standing(_P.REFUNDED, 40), True, 40, 0),
        (Standing(_P.REFUNDED, 40), False, 40, 100),
    ],
)
def test_what_the_books_do_not_say_yet(standing: Standing, booked: bool, refunds: int, left: int) -> None:
    assert under_way(standing, 100, booked=booked, refunds_booked_minor=refunds) == left


def test_a_state_is_open_or_settled_and_received_ones_are_settled() -> None:
    assert not OPEN & RECEIVED


def test_a_pay_token_names_its_clinic_and_no_two_are_alike() -> None:
    clinic_id = new_id()
    tokens = {new_pay_token(clinic_id) for _ in range(100)}
    assert len(tokens) == 100
    assert {len(token) for token in tokens} == {TOKEN_LENGTH}
    assert {clinic_of_token(token) for token in tokens} == {clinic_id}
    assert [clinic_of_token(text) for text in ("", "A" * 42, "!" * 43, "A" * 44)] == [None] * 4
