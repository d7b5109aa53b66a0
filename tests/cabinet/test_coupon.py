"""Coupons and what they take off: codes as people type them, when they end, which may stand together."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.coupon import CODE_LENGTH, CouponState, code_from, ends_at, folded_code, state_at
from cabinet.pricing import EffectKind, priced
from cabinet.promotion import Reduction, combination_fault, effect_of
from core.ids import new_id
from core.money import Money

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def euro(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


@given(st.binary(min_size=8, max_size=32))
def test_a_code_has_ten_signs_of_crockford_and_folds_to_itself(digest: bytes) -> None:
    code = code_from(digest)
    assert len(code) == CODE_LENGTH
    assert not set(code) & set("ILOU")
    assert folded_code(code) == code


def test_a_code_spells_fifty_bits_and_no_fewer() -> None:
    assert CODE_LENGTH * 5 >= 40
    assert code_from(b"\xff" * 8) == "Z" * 10
    bits = [bytes.fromhex(f"{1 << place:016x}") for place in range(14, 64)]
    assert len({code_from(each) for each in bits}) == 50


@pytest.mark.parametrize(
    "typed",
    ["7kq2m9xard", "7KQ2M-9XARD", " 7KQ2M 9XARD ", "7КQ2М9ХАRD", "７ＫＱ２Ｍ９ＸＡＲＤ", "7KQ2M\u20119X\u200bARD"],
    ids=["small", "dashed", "blanks", "cyrillic", "wide", "unseen"],
)
def test_a_code_is_read_however_it_is_typed(typed: str) -> None:
    assert folded_code(typed) == "7KQ2M9XARD"


def test_letters_that_look_like_digits_are_digits() -> None:
    assert folded_code("oO0 Il1") == "000111"


def test_a_coupon_ends_with_the_promotions_last_day_where_the_patient_is() -> None:
    last = date(2026, 3, 31)
    assert ends_at(NOON, last, None, "Europe/Rome") == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert ends_at(NOON, last, None, "Asia/Shanghai") == datetime(2026, 3, 31, 16, tzinfo=UTC)
    assert ends_at(NOON, last, 7, "Europe/Rome") == NOON + timedelta(days=7)
    assert ends_at(NOON, last, 90, "Europe/Rome") == datetime(2026, 3, 31, 22, tzinfo=UTC)


def test_a_coupon_is_over_on_the_moment_it_ends_and_only_if_it_waits() -> None:
    assert state_at(CouponState.PICKED, NOON, NOON - timedelta(milliseconds=1)) is CouponState.PICKED
    assert state_at(CouponState.PICKED, NOON, NOON) is CouponState.EXPIRED
    assert state_at(CouponState.REDEEMED, NOON, NOON) is CouponState.REDEEMED


def test_promotions_stand_together_only_if_each_allows_it() -> None:
    alone, open_one = Reduction(new_id(), 1_000, combinable=False), Reduction(new_id(), 500)
    assert combination_fault([alone], euro(100)) is None
    assert combination_fault([open_one, Reduction(new_id(), 500)], euro(100)) is None
    fault = combination_fault([open_one, alone], euro(100))
    assert fault is not None
    assert fault.code == "not-combinable"


def test_a_minimum_is_met_by_the_price_before_anything_comes_off() -> None:
    large = Reduction(new_id(), 1_000, minimum=euro(10_000))
    assert combination_fault([large], euro(10_000)) is None
    fault = combination_fault([large], euro(9_999))
    assert fault is not None
    assert fault.code == "below-minimum"
    fault = combination_fault([large], Money(amount_minor=10_000, currency="JPY"))
    assert fault is not None
    assert fault.code == "other-currency"


@given(
    price=st.integers(1, 10**9),
    percents=st.lists(st.integers(1, 10_000), max_size=4),
    amounts=st.lists(st.integers(1, 10**9), max_size=4),
    currency=st.sampled_from(["JPY", "EUR", "KWD"]),
)
def test_reductions_never_take_more_than_the_price_and_add_up(
    price: int, percents: list[int], amounts: list[int], currency: str
) -> None:
    reductions = [Reduction(new_id(), percent) for percent in percents]
    reductions += [Reduction(new_id(), amount=Money(amount_minor=each, currency=currency)) for each in amounts]
    bill = priced(Money(amount_minor=price, currency=currency), 1, [effect_of(each) for each in reductions])
    assert 0 <= bill.left.amount_minor <= price
    assert bill.left.amount_minor + sum(each.amount.amount_minor for each in bill.taken) == price
    assert bill.taken_by(EffectKind.PROMOTION).amount_minor == price - bill.left.amount_minor
    assert {each.effect.source for each in bill.taken} == {each.promotion_id for each in reductions}
