"""Points: rounding, what is spent first, tiers; prepaid cards; who counts as brought by whom."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.loyalty import (
    Drawn,
    Lot,
    Programme,
    Tier,
    balance_of,
    drawn,
    next_tier,
    paid_by_points,
    points_for,
    points_kept,
    points_needed,
    points_of_payment,
    taken_back,
    tier_of,
    tiers_fault,
)
from cabinet.prepaid import Card, CardState, expires_soon, pays_for, state_of
from cabinet.referral import Introduction, introduction_fault
from core.ids import new_id
from core.money import Money

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
EURO = Money(amount_minor=100, currency="EUR")
TIERS = (Tier("Silver", 100), Tier("Gold", 500))


def euro(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


def lot(left: int, days: int) -> Lot:
    return Lot(new_id(), left, NOON + days * DAY)


def test_points_for_money_are_rounded_down_and_of_one_currency() -> None:
    five_percent = Programme(worth=EURO, basis_points=500)
    assert [points_for(euro(minor), five_percent) for minor in (10_000, 9_999, 1_999, 2_000, 0)] == [5, 4, 0, 1, 0]
    assert points_for(Money(amount_minor=10_000, currency="JPY"), five_percent) == 0


@given(paid=st.integers(0, 10**12), share=st.integers(0, 10_000), worth=st.integers(1, 10**6))
def test_points_are_never_worth_more_than_the_share_that_was_said(paid: int, share: int, worth: int) -> None:
    programme = Programme(worth=euro(worth), basis_points=share)
    earned = points_for(euro(paid), programme)
    assert earned * worth * 10_000 <= paid * share < (earned + 1) * worth * 10_000


@given(taken=st.integers(0, 10**9), worth=st.integers(1, 10**6))
def test_points_spent_pay_for_what_they_took_and_not_one_is_too_many(taken: int, worth: int) -> None:
    needed = points_needed(euro(taken), euro(worth))
    assert (needed - 1) * worth < taken <= needed * worth


@given(
    judged=st.integers(0, 100), before=st.integers(0, 10**6), after=st.integers(0, 10**6), now=st.integers(0, 10_000)
)
def test_a_payment_that_changes_keeps_no_more_than_it_had_and_loses_no_more_than_its_share(
    judged: int, before: int, after: int, now: int
) -> None:
    today = Programme(worth=EURO, basis_points=now)
    points = points_of_payment(judged, euro(before), euro(after), today)
    if after > before:
        assert points == judged + points_for(euro(after - before), today)
    else:
        assert points <= judged
        assert before == 0 or (points + 1) * before > judged * after
    assert points_of_payment(judged, euro(before), Money(amount_minor=after, currency="JPY"), today) == 0


def test_less_money_keeps_what_it_would_have_earned() -> None:
    five_percent = Programme(worth=EURO, basis_points=500)
    assert points_of_payment(6, euro(12_345), euro(10_000), five_percent) == 5
    assert points_kept(6, 12_345, euro(0), five_percent) == 0
    assert points_kept(0, 0, euro(10_000), five_percent) == 0


def test_a_payment_that_was_told_as_a_refund_earns_like_a_new_one() -> None:
    five_percent = Programme(worth=EURO, basis_points=500)
    for taken in (0, -5):
        assert points_of_payment(taken, euro(-10_000), euro(10_000), five_percent) == 5
        assert points_of_payment(taken, euro(-10_000), euro(0), five_percent) == 0


@given(points=st.integers(0, 10**9), worth=st.integers(1, 10**12), price=st.integers(1, 10**12))
def test_points_pay_no_more_than_the_price_however_many_are_named(points: int, worth: int, price: int) -> None:
    assert paid_by_points(points, euro(worth), euro(price)).amount_minor == min(points * worth, price)


def test_what_ends_first_is_spent_first() -> None:
    late, soon, over = lot(50, 30), lot(20, 3), lot(99, 0)
    assert drawn([late, soon, over], 30, NOON) == [Drawn(soon.id, 20), Drawn(late.id, 10)]
    assert drawn([late, soon, over], 71, NOON) is None
    assert balance_of([late, soon, over], NOON) == 70


def test_an_accrual_is_taken_back_from_its_own_lot_first_and_never_below_zero() -> None:
    own, other = lot(10, 30), lot(20, 3)
    assert taken_back([other, own], own.id, 25) == [Drawn(own.id, 10), Drawn(other.id, 15)]
    assert taken_back([other, own], own.id, 99) == [Drawn(own.id, 10), Drawn(other.id, 20)]


LOTS = st.lists(st.builds(lot, st.integers(0, 100), st.integers(-3, 3)), max_size=6)


@given(lots=LOTS, points=st.integers(1, 300))
def test_a_spending_draws_exactly_what_was_asked_or_nothing(lots: list[Lot], points: int) -> None:
    out = drawn(lots, points, NOON)
    assert (out is None) == (points > balance_of(lots, NOON))
    left = {each.id: each for each in lots}
    for each in out or ():
        assert 0 < each.points <= left[each.lot_id].left
        assert left[each.lot_id].expires_at > NOON
    assert out is None or sum(each.points for each in out) == points


@pytest.mark.parametrize(
    ("earned", "tier", "ahead"),
    [(0, None, ("Silver", 100)), (99, None, ("Silver", 1)), (100, "Silver", ("Gold", 400)), (500, "Gold", None)],
)
def test_a_tier_is_reached_with_its_first_point(earned: int, tier: str | None, ahead: tuple[str, int] | None) -> None:
    reached, following = tier_of(TIERS, earned), next_tier(TIERS, earned)
    assert (reached.name if reached else None) == tier
    assert ((following[0].name, following[1]) if following else None) == ahead


def test_tiers_differ_in_name_and_threshold() -> None:
    assert tiers_fault(TIERS) is None
    assert tiers_fault((Tier("A", 1), Tier("B", 1))) is not None
    assert tiers_fault((Tier("A", 1), Tier("A", 2))) is not None


def test_a_card_ends_after_its_last_day_and_warns_thirty_days_before() -> None:
    today = date(2026, 3, 10)
    card = Card(5, 2, today)
    assert (card.left, state_of(card, today), expires_soon(card, today)) == (3, CardState.OPEN, True)
    assert state_of(card, today + DAY) is CardState.EXPIRED
    assert not expires_soon(card, today + DAY)
    assert expires_soon(replace(card, expires_on=today + 30 * DAY), today)
    assert not expires_soon(replace(card, expires_on=today + 31 * DAY), today)
    assert state_of(Card(5, 5), today) is CardState.USED_UP
    assert state_of(Card(5, 4), today) is CardState.OPEN


def test_a_card_pays_its_own_service_however_that_is_typed() -> None:
    assert pays_for("Igiene  orale", " igiene Orale")
    assert not pays_for("Igiene", "Igiene e sbiancamento")


@pytest.mark.parametrize(
    ("own", "household", "known", "above", "code"),
    [
        (True, False, False, False, "own-code"),
        (False, True, False, False, "own-code"),
        (False, False, False, True, "ring"),
        (False, False, True, False, "known-before"),
        (False, False, False, False, None),
    ],
)
def test_who_counts_as_brought(*, own: bool, household: bool, known: bool, above: bool, code: str | None) -> None:
    friend: UUID = new_id()
    told = Introduction(friend if own else new_id(), friend, household, known, [friend] if above else [new_id()])
    fault = introduction_fault(told)
    assert (fault.code if fault else None) == code
