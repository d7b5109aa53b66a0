"""The one price rule: what each effect takes off a line, in which order, and what is left for the patient.

Every price in Enamel goes through `priced`: a plan's discount and insurance, a coupon, points, a prepaid card.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from uuid import UUID

from core.money import Money


class EffectKind(StrEnum):
    """What lowers a price, in the order in which it does.

    A prepaid session comes before points, so that no point is spent on what a card has paid for already; the insurer
    comes last: they bear a share of what is really owed.
    """

    DISCOUNT = "discount"
    PROMOTION = "promotion"  # a coupon is a promotion that was picked up
    PREPAID = "prepaid"
    POINTS = "points"
    INSURANCE = "insurance"


_TURN = {kind: turn for turn, kind in enumerate(EffectKind)}


@dataclass(frozen=True, slots=True)
class Effect:
    """Takes `basis_points` of what is left when its turn comes (10 000 is all of it), else up to `amount`."""

    kind: EffectKind
    amount: Money | None = None
    basis_points: int = 0
    source: UUID | None = None
    """The promotion, coupon or card it comes from."""


@dataclass(frozen=True, slots=True)
class Taken:
    effect: Effect
    amount: Money


@dataclass(frozen=True, slots=True)
class Priced:
    """`price` = every `taken` + `left`, to the minor unit; none of them is below zero."""

    price: Money
    taken: tuple[Taken, ...]
    left: Money

    def taken_by(self, kind: EffectKind) -> Money:
        amounts = [taken.amount.amount_minor for taken in self.taken if taken.effect.kind is kind]
        currency = self.price.currency
        return Money(amount_minor=sum(amounts), currency=currency) if amounts else nothing(currency)


@cache
def nothing(currency: str) -> Money:
    return Money(amount_minor=0, currency=currency)


def priced(unit_price: Money, quantity: int = 1, effects: Iterable[Effect] = ()) -> Priced:
    """The line's price and what each effect takes of it.

    Effects take their turn by kind; within a kind percents before amounts, the larger first, so that the order in
    which they are named changes nothing. Each takes from what is left and never more than that; a percent is rounded
    once, half to even. Raises `MixedCurrencies` for an amount of another currency.
    """
    price = unit_price.times(quantity)
    left, taken = price, []
    for effect in sorted(effects, key=_turn):
        took = _takes(effect, left)
        left += took.times(-1)
        taken.append(Taken(effect, took))
    return Priced(price, tuple(taken), left)


def _turn(effect: Effect) -> tuple[int, int, int]:
    amount = effect.amount.amount_minor if effect.amount else 0
    return _TURN[effect.kind], -effect.basis_points, -amount


def _takes(effect: Effect, left: Money) -> Money:
    if effect.amount is None:
        return left.part(effect.basis_points)
    wanted = effect.amount + nothing(left.currency)  # refuses another currency
    return min(wanted, left, key=lambda money: money.amount_minor)
