"""The one price rule: order of the effects, caps and rounding."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.pricing import Effect, EffectKind, Priced, nothing, priced
from core.money import Currency, MixedCurrencies, Money

# Of 0, 2 and 3 decimals (ISO 4217): the rule counts whole minor units and must not care.
CURRENCIES = ("JPY", "EUR", "KWD")


def eur(minor: int) -> Money:
    return Money(amount_minor=minor, currency="EUR")


@st.composite
def effects(draw: st.DrawFn, currency: Currency) -> Effect:
    kind = draw(st.sampled_from(EffectKind))
    if draw(st.booleans()):
        return Effect(kind, basis_points=draw(st.integers(0, 10_000)))
    return Effect(kind, amount=Money(amount_minor=draw(st.integers(0, 10**7)), currency=currency))


@st.composite
def lines(draw: st.DrawFn) -> tuple[Money, int, list[Effect]]:
    currency = draw(st.sampled_from(CURRENCIES))
    unit_price = Money(amount_minor=draw(st.integers(0, 10**6)), currency=currency)
    return unit_price, draw(st.integers(1, 40)), draw(st.lists(effects(currency), max_size=6))


Line = tuple[Money, int, list[Effect]]


@given(lines())
def test_what_is_taken_and_what_is_left_make_up_the_price(line: Line) -> None:
    result = priced(*line)
    minor = [taken.amount.amount_minor for taken in result.taken]
    assert all(amount >= 0 for amount in (*minor, result.left.amount_minor))
    assert sum(minor) + result.left.amount_minor == result.price.amount_minor == line[0].amount_minor * line[1]
    by_kind = [result.taken_by(kind).amount_minor for kind in EffectKind]
    assert sum(by_kind) == sum(minor)


@given(lines())
def test_no_effect_takes_more_than_it_names(line: Line) -> None:
    for taken in priced(*line).taken:
        if taken.effect.amount is not None:
            assert taken.amount.amount_minor <= taken.effect.amount.amount_minor


@given(lines(), st.randoms())
def test_the_order_in_which_effects_are_named_changes_nothing(line: Line, chance: object) -> None:
    unit_price, quantity, named = line
    shuffled = list(named)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    first, second = priced(unit_price, quantity, named), priced(unit_price, quantity, shuffled)
    assert first.left == second.left
    assert all(first.taken_by(kind) == second.taken_by(kind) for kind in EffectKind)


@given(lines())
def test_another_effect_never_makes_it_dearer(line: Line) -> None:
    unit_price, quantity, named = line
    for kept in range(len(named)):
        assert priced(unit_price, quantity, named).left.amount_minor <= (
            priced(unit_price, quantity, named[:kept]).left.amount_minor
        )


@given(lines(), st.integers(0, 10**5))
def test_a_dearer_service_never_leaves_less_to_pay(line: Line, more: int) -> None:
    unit_price, quantity, named = line
    dearer = unit_price + Money(amount_minor=more, currency=unit_price.currency)
    assert priced(dearer, quantity, named).left.amount_minor >= priced(unit_price, quantity, named).left.amount_minor


def test_effects_take_their_turn_from_the_discount_to_the_insurer() -> None:
    told = (
        Effect(EffectKind.INSURANCE, basis_points=5_000),
        Effect(EffectKind.POINTS, amount=eur(1_000)),
        Effect(EffectKind.PROMOTION, basis_points=1_000),
        Effect(EffectKind.DISCOUNT, amount=eur(2_000)),
    )
    for order in permutations(told):
        result = priced(eur(12_000), 1, order)
        assert [(taken.effect.kind, taken.amount) for taken in result.taken] == [
            (EffectKind.DISCOUNT, eur(2_000)),  # 120.00 - 20.00
            (EffectKind.PROMOTION, eur(1_000)),  # 10 % of 100.00
            (EffectKind.POINTS, eur(1_000)),
            (EffectKind.INSURANCE, eur(4_000)),  # half of 80.00
        ]
        assert result.left == eur(4_000)


def test_points_are_not_spent_on_what_a_prepaid_card_has_paid() -> None:
    card, points = Effect(EffectKind.PREPAID, basis_points=10_000), Effect(EffectKind.POINTS, amount=eur(500))
    result = priced(eur(9_000), 1, (points, card))
    assert result.taken_by(EffectKind.POINTS) == eur(0)
    assert result.left == eur(0)


@pytest.mark.parametrize(("price", "took"), [(10, 0), (30, 2), (50, 2), (70, 4)])
def test_a_percent_is_rounded_once_and_half_to_even(price: int, took: int) -> None:
    # 5 % of 0.10, 0.30, 0.50, 0.70 is 0.5, 1.5, 2.5, 3.5 cents.
    assert priced(eur(price), 1, [Effect(EffectKind.DISCOUNT, basis_points=500)]).left == eur(price - took)


def test_a_percent_is_of_the_line_and_not_of_each_unit() -> None:
    assert priced(eur(10), 3, [Effect(EffectKind.DISCOUNT, basis_points=500)]).left == eur(28)


def test_an_effect_in_another_currency_is_refused() -> None:
    with pytest.raises(MixedCurrencies):
        priced(eur(10), 1, [Effect(EffectKind.POINTS, amount=Money(amount_minor=1, currency="JPY"))])


def test_without_effects_all_is_left() -> None:
    assert priced(eur(7), 2) == Priced(eur(14), (), eur(14))
    assert nothing("KWD") == Money(amount_minor=0, currency="KWD")
