"""To whom a promotion is open, and when."""

from dataclasses import replace
from datetime import date
from uuid import UUID

import pytest

from cabinet.promotion import PatientFacts, Promotion, Reduction, default_language, open_to, takes_less
from core.money import Money

MAY = Promotion(date(2026, 5, 1), date(2026, 5, 31))
ANNA = PatientFacts(date(1985, 5, 17), "it")


@pytest.mark.parametrize(
    ("today", "is_open"),
    [
        (date(2026, 4, 30), False),
        (date(2026, 5, 1), True),
        (date(2026, 5, 31), True),
        (date(2026, 6, 1), False),
    ],
)
def test_it_is_open_from_its_first_day_to_its_last(today: date, is_open: bool) -> None:
    assert open_to(MAY, ANNA, today) is is_open


def test_a_least_age_is_reached_on_the_birthday() -> None:
    adults = Promotion(MAY.starts_on, MAY.ends_on, min_age=41)
    assert not open_to(adults, ANNA, date(2026, 5, 16))
    assert open_to(adults, ANNA, date(2026, 5, 17))


def test_languages_narrow_the_audience_and_none_means_everybody() -> None:
    chinese = Promotion(MAY.starts_on, MAY.ends_on, languages=("zh", "en"))
    assert not open_to(chinese, ANNA, date(2026, 5, 5))
    assert open_to(chinese, PatientFacts(ANNA.birth_date, "zh"), date(2026, 5, 5))


def test_english_is_the_language_to_fall_back_to_where_it_is_written() -> None:
    assert default_language({"ru", "en"}) == "en"
    assert default_language({"ru", "it"}) == "it"


TEN_EUROS, TEN_DOLLARS = Money(amount_minor=1_000, currency="EUR"), Money(amount_minor=1_000, currency="USD")
ID = UUID(int=1)
SHARE, SUM = Reduction(ID, basis_points=1_000, minimum=TEN_EUROS), Reduction(ID, amount=TEN_EUROS)


@pytest.mark.parametrize(
    ("held", "told", "less"),
    [
        (SHARE, SHARE, False),
        (SHARE, replace(SHARE, basis_points=1_001), False),
        (SHARE, replace(SHARE, basis_points=999), True),
        (SHARE, replace(SHARE, minimum=None), False),
        (SHARE, replace(SHARE, minimum=TEN_EUROS.times(2)), True),
        (SHARE, replace(SHARE, minimum=TEN_DOLLARS), True),
        (SHARE, replace(SHARE, combinable=False), True),
        (replace(SHARE, combinable=False), SHARE, False),
        (SUM, replace(SUM, amount=TEN_EUROS.times(2)), False),
        (SUM, replace(SUM, amount=TEN_DOLLARS.times(9)), True),
        (SUM, replace(SUM, minimum=TEN_EUROS), True),
        (SUM, SHARE, True),
        (SHARE, SUM, True),
    ],
)
def test_a_coupon_is_worth_less_when_it_takes_less_or_on_fewer_bills(
    held: Reduction, told: Reduction, less: bool
) -> None:
    assert takes_less(told, held) is less
