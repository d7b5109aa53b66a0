"""A promotion: what a clinic offers for a time, to whom, in the patient's language, and what it takes off a price."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from uuid import UUID

from cabinet.pricing import Effect, EffectKind
from core.dates import whole_years
from core.errors import Fault
from core.money import Money


class PromotionState(StrEnum):
    DRAFT = "draft"
    PUBLISHED = "published"
    ENDED = "ended"
    """Ended before its last day: nobody can pick it up any more; what was picked up keeps its promise."""


class Audience(StrEnum):
    ALL = "all"
    LISTED = "listed"
    """Only patients who were listed for it, by its stored criteria."""


@dataclass(frozen=True, slots=True)
class Promotion:
    """Offered from `starts_on` to `ends_on`, both included, by the calendar of the patient's branch."""

    starts_on: date
    ends_on: date
    min_age: int | None = None
    languages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PatientFacts:
    birth_date: date
    language: str


@dataclass(frozen=True, slots=True)
class Reduction:
    """What a promotion takes off one bill: a percent or an amount, on bills of at least `minimum`."""

    promotion_id: UUID
    basis_points: int = 0
    amount: Money | None = None
    minimum: Money | None = None
    combinable: bool = True
    """False: no other promotion on the same bill. Points and cards are the patient's own and always may."""


def open_to(promotion: Promotion, patient: PatientFacts, today: date) -> bool:
    """Whether this patient is offered it today; no `min_age` and no `languages` mean everybody."""
    in_time = promotion.starts_on <= today <= promotion.ends_on
    old_enough = promotion.min_age is None or whole_years(patient.birth_date, today) >= promotion.min_age
    addressed = not promotion.languages or patient.language in promotion.languages
    return in_time and old_enough and addressed


def combination_fault(reductions: Sequence[Reduction], price: Money) -> Fault | None:
    """Why these promotions may not stand together on a bill of `price`: the first reason found, or None."""
    if len(reductions) > 1 and not all(each.combinable for each in reductions):
        return Fault("/codes", "not-combinable")
    for each in reductions:
        if {money.currency for money in (each.amount, each.minimum) if money} - {price.currency}:
            return Fault("/price", "other-currency")
        if each.minimum is not None and price.amount_minor < each.minimum.amount_minor:
            return Fault("/price", "below-minimum")
    return None


def takes_less(told: Reduction, held: Reduction) -> bool:
    """Whether a coupon would be worth less on some bill as it is told now than as it was picked up."""
    smaller = told.basis_points < held.basis_points or _minor(told.amount) < _minor(held.amount)
    fewer = _minor(told.minimum) > _minor(held.minimum) or told.combinable < held.combinable
    return smaller or fewer or bool(_currencies(told) - _currencies(held))


def _minor(money: Money | None) -> int:
    return money.amount_minor if money else 0


def _currencies(reduction: Reduction) -> set[str]:
    return {money.currency for money in (reduction.amount, reduction.minimum) if money}


def effect_of(reduction: Reduction) -> Effect:
    """The reduction as the price rule takes it."""
    return Effect(EffectKind.PROMOTION, reduction.amount, reduction.basis_points, reduction.promotion_id)


def default_language(written: Collection[str]) -> str:
    """The language to fall back to: English where it is written, else the first in the alphabet."""
    return "en" if "en" in written else min(written)
