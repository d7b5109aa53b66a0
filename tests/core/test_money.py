"""Money is whole minor units: sums are exact, parts are rounded half to even, currencies never mix."""

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.money import LARGEST_MINOR, MixedCurrencies, Money

amounts = st.integers(-(10**11), 10**11)
percents = st.integers(0, 10_000)


def euro(amount: int) -> Money:
    return Money(amount_minor=amount, currency="EUR")


@given(amounts, amounts)
def test_sums_are_exact_and_do_not_care_about_order(left: int, right: int) -> None:
    assert (euro(left) + euro(right)).amount_minor == left + right
    assert euro(left) + euro(right) == euro(right) + euro(left)


@given(amounts, percents)
def test_a_part_is_what_decimal_arithmetic_says(amount: int, basis_points: int) -> None:
    exact = Decimal(amount) * basis_points / 10_000
    assert euro(amount).part(basis_points).amount_minor == int(exact.quantize(Decimal(1), ROUND_HALF_EVEN))


@given(amounts)
def test_the_whole_and_nothing_are_parts_too(amount: int) -> None:
    assert euro(amount).part(10_000) == euro(amount)
    assert euro(amount).part(0) == euro(0)


@given(amounts, percents)
def test_a_debt_is_rounded_like_a_claim(amount: int, basis_points: int) -> None:
    assert euro(-amount).part(basis_points).amount_minor == -euro(amount).part(basis_points).amount_minor


@given(st.integers(-1000, 1000), st.integers(0, 1000))
def test_a_quantity_is_a_repeated_sum(amount: int, quantity: int) -> None:
    assert euro(amount).times(quantity).amount_minor == sum([amount] * quantity)


def test_two_currencies_have_no_sum() -> None:
    with pytest.raises(MixedCurrencies):
        euro(1) + Money(amount_minor=1, currency="CNY")


@pytest.mark.parametrize("amount", ["12.5", "12", "12.0", "true", '"12"', str(LARGEST_MINOR + 1), "null", "1e3"])
def test_an_amount_is_a_whole_number_within_limits_and_nothing_that_looks_like_one(amount: str) -> None:
    text = f'{{"amount_minor": {amount}, "currency": "EUR"}}'
    if amount == "12":
        assert Money.model_validate_json(text) == euro(12)
        return
    with pytest.raises(ValidationError):
        Money.model_validate_json(text)


@pytest.mark.parametrize("currency", ["eur", "EURO", "€", "", "E1R", "EUR\n"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount_minor=1, currency=currency)


def test_a_sum_beyond_all_reason_is_refused() -> None:
    with pytest.raises(ValidationError):
        euro(LARGEST_MINOR) + euro(1)
