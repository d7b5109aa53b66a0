"""Points: what they are earned by, which are spent first, when they end, and how far the next tier is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from core.errors import Fault
from core.money import Money

MOST_POINTS = 10**9


class PointsKind(StrEnum):
    ACCRUE = "accrue"
    SPEND = "spend"
    EXPIRE = "expire"
    REVERSE = "reverse"
    """Takes an accrual back, or gives spent points back."""


@dataclass(frozen=True, slots=True)
class Tier:
    name: str
    from_points: int


@dataclass(frozen=True, slots=True)
class Programme:
    """What a clinic gives points for and what they are worth.

    `basis_points` of the money a patient paid become points of `worth` each; `per_visit` comes on top for each visit
    that took place. Tiers count the points earned within the last `tier_days`.
    """

    worth: Money
    basis_points: int = 0
    per_visit: int = 0
    life_days: int = 365
    tiers: tuple[Tier, ...] = ()
    tier_days: int = 365
    referrer_points: int = 0
    friend_points: int = 0

    def expires_at(self, at: datetime) -> datetime:
        return at + timedelta(days=self.life_days)

    def tiers_since(self, now: datetime) -> datetime:
        return now - timedelta(days=self.tier_days)


@dataclass(frozen=True, slots=True)
class Lot:
    """Points of one accrual that are left, until `expires_at`."""

    id: UUID
    left: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Drawn:
    """Points out of one lot; never zero."""

    lot_id: UUID
    points: int


def points_for(paid: Money, programme: Programme) -> int:
    """Points for money paid, rounded down: the clinic never gives more than it said. None for other currencies."""
    if paid.currency != programme.worth.currency or paid.amount_minor <= 0:
        return 0
    return paid.amount_minor * programme.basis_points // (10_000 * programme.worth.amount_minor)


def points_kept(points: int, before_minor: int, after: Money, programme: Programme) -> int:
    """How many of the points that `before_minor` earned stay with `after`, which is less.

    Their share, or what `after` earns by today's programme where that is more: a change of the rate takes nothing.
    """
    left = max(after.amount_minor, 0)
    share = points * left // before_minor if before_minor > 0 else 0
    return max(share, min(points, points_for(after, programme)))


def points_of_payment(points: int, before: Money, after: Money, programme: Programme) -> int:
    """Points for a payment that earned `points` when it was `before`; more money earns by today's programme.

    One that was told as a refund before (below zero) earned none: it is judged as if it were new.
    """
    if after.currency != before.currency or before.amount_minor < 0:
        return points_for(after, programme)
    if after.amount_minor <= before.amount_minor:
        return points_kept(points, before.amount_minor, after, programme)
    return points + points_for(after + before.times(-1), programme)


def paid_by_points(points: int, worth: Money, price: Money) -> Money:
    """What so many points pay of `price`. Nothing is multiplied that would go past the largest amount."""
    return price if points >= points_needed(price, worth) else worth.times(points)


def points_needed(taken: Money, worth: Money) -> int:
    """How many points pay for `taken`, rounded up: a point is not cut in two."""
    return -(-taken.amount_minor // worth.amount_minor)


def balance_of(lots: Sequence[Lot], now: datetime) -> int:
    """What can be spent: points whose time is over do not count, even before the worker has written it down."""
    return sum(lot.left for lot in lots if lot.expires_at > now)


def drawn(lots: Sequence[Lot], points: int, now: datetime) -> list[Drawn] | None:
    """Out of which lots `points` are spent, what ends first at the front; None where there are not enough."""
    if points > balance_of(lots, now):
        return None
    out: list[Drawn] = []
    for lot in sorted(lots, key=_by_end):
        take = min(lot.left, points) if lot.expires_at > now else 0
        if take > 0:
            out.append(Drawn(lot.id, take))
            points -= take
    return out


def taken_back(lots: Sequence[Lot], lot_id: UUID | None, points: int) -> list[Drawn]:
    """Out of which lots `points` are taken back: those of `lot_id` first, then the others, never more than is left.

    What was spent of it already stays spent, so that no balance goes below zero.
    """
    out: list[Drawn] = []
    for lot in sorted(lots, key=lambda lot: (lot.id != lot_id, *_by_end(lot))):
        take = min(lot.left, points)
        if take > 0:
            out.append(Drawn(lot.id, take))
            points -= take
    return out


def _by_end(lot: Lot) -> tuple[datetime, UUID]:
    return lot.expires_at, lot.id


def tier_of(tiers: Sequence[Tier], earned: int) -> Tier | None:
    """The highest tier that `earned` points reach."""
    reached = [tier for tier in tiers if tier.from_points <= earned]
    return max(reached, key=lambda tier: tier.from_points, default=None)


def next_tier(tiers: Sequence[Tier], earned: int) -> tuple[Tier, int] | None:
    """The next tier and how many points are left to it; None on the highest."""
    ahead = [tier for tier in tiers if tier.from_points > earned]
    if not ahead:
        return None
    tier = min(ahead, key=lambda tier: tier.from_points)
    return tier, tier.from_points - earned


def tiers_fault(tiers: Sequence[Tier]) -> Fault | None:
    """Tiers begin at different points and bear different names."""
    distinct = len({tier.from_points for tier in tiers}) == len({tier.name for tier in tiers}) == len(tiers)
    return None if distinct else Fault("/tiers", "tier-given-twice")
