"""A treatment plan: its states, what each line costs whom, and how far it has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from core.errors import Fault
from core.money import LARGEST_MINOR, Money


class PlanStatus(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    STOPPED = "stopped"


class StageStatus(StrEnum):
    """Never declared: it follows from the stage's items."""

    PENDING = "pending"
    ACTIVE = "active"
    DONE = "done"
    SKIPPED = "skipped"


class ItemStatus(StrEnum):
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SCHEDULED = "scheduled"
    IN_PROCESS = "in_process"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    REPLACED = "replaced"


_P = PlanStatus

# What the patient never sees: not yet said, or no longer meant.
HIDDEN = frozenset({_P.DRAFT, _P.SUPERSEDED})

# Items that will not be done: they cost nothing and hold nothing up.
DROPPED = frozenset({ItemStatus.DECLINED, ItemStatus.CANCELLED, ItemStatus.REPLACED})
_BEGUN = frozenset({ItemStatus.SCHEDULED, ItemStatus.IN_PROCESS, ItemStatus.COMPLETED})

# A plan may be declined, run out, and be offered again; what was begun is never "proposed" again.
_OFFERED = frozenset({_P.PROPOSED, _P.ACCEPTED, _P.DECLINED, _P.EXPIRED, _P.SUPERSEDED, _P.IN_PROGRESS, _P.COMPLETED})
_FOLLOWS: dict[PlanStatus, frozenset[PlanStatus]] = {
    _P.DRAFT: _OFFERED,
    _P.PROPOSED: _OFFERED,
    _P.DECLINED: _OFFERED,
    _P.EXPIRED: _OFFERED,
    _P.ACCEPTED: frozenset({_P.SUPERSEDED, _P.IN_PROGRESS, _P.COMPLETED, _P.STOPPED}),
    _P.IN_PROGRESS: frozenset({_P.COMPLETED, _P.STOPPED}),
    _P.STOPPED: frozenset({_P.IN_PROGRESS, _P.COMPLETED}),
    _P.COMPLETED: frozenset(),
    _P.SUPERSEDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Item:
    """One line: so many of a service, less a discount (an amount or basis points), less the insurer's share."""

    unit_price: Money
    quantity: int = 1
    discount: Money | None = None
    discount_basis_points: int = 0
    insurance: Money | None = None
    status: ItemStatus = ItemStatus.PROPOSED


@dataclass(frozen=True, slots=True)
class Stage:
    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Stages in the order they are done. Plans of one `group` are alternatives: one of them is chosen."""

    currency: str
    stages: tuple[Stage, ...]
    status: PlanStatus = PlanStatus.PROPOSED
    valid_until: date | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Totals:
    """What it costs, who bears it (`patient = price - discount - insurance`), and how many items are done."""

    price: Money
    discount: Money
    insurance: Money
    patient: Money
    items: int
    items_done: int

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(
            self.price + other.price,
            self.discount + other.discount,
            self.insurance + other.insurance,
            self.patient + other.patient,
            self.items + other.items,
            self.items_done + other.items_done,
        )


def nothing(currency: str) -> Totals:
    zero = Money(amount_minor=0, currency=currency)
    return Totals(zero, zero, zero, zero, 0, 0)


def line(item: Item) -> Totals:
    """One item's amounts; a percentage is rounded here, half to even, and nowhere else."""
    price = item.unit_price.times(item.quantity)
    zero = Money(amount_minor=0, currency=price.currency)
    discount = item.discount or price.part(item.discount_basis_points)
    insurance = item.insurance or zero
    patient = price + discount.times(-1) + insurance.times(-1)
    return Totals(price, discount, insurance, patient, 1, int(item.status is ItemStatus.COMPLETED))


def stage_totals(stage: Stage, currency: str) -> Totals:
    """The sum of the lines that will be done."""
    return total((line(item) for item in stage.items if item.status not in DROPPED), currency)


def plan_totals(plan: Plan) -> Totals:
    return total((stage_totals(stage, plan.currency) for stage in plan.stages), plan.currency)


def total(parts: Iterable[Totals], currency: str) -> Totals:
    return sum(parts, start=nothing(currency))


def stage_status(items: Sequence[ItemStatus]) -> StageStatus:
    """Skipped when nothing of it is left to do, done when all of the rest is, active once something has begun."""
    kept = [status for status in items if status not in DROPPED]
    if not kept:
        return StageStatus.SKIPPED
    if all(status is ItemStatus.COMPLETED for status in kept):
        return StageStatus.DONE
    return StageStatus.ACTIVE if any(status in _BEGUN for status in kept) else StageStatus.PENDING


def plan_status(declared: PlanStatus, valid_until: date | None, today: date) -> PlanStatus:
    """The status on a day: an offer nobody answered in time has expired. `valid_until` is its last good day."""
    lapsed = declared is PlanStatus.PROPOSED and valid_until is not None and valid_until < today
    return PlanStatus.EXPIRED if lapsed else declared


def may_follow(before: PlanStatus, after: PlanStatus) -> bool:
    return before is after or after in _FOLLOWS[before]


def event_kind(before: PlanStatus | None, after: PlanStatus) -> str:
    """`plan.published` when the patient sees it for the first time, else `plan.updated`."""
    newly_seen = (before is None or before in HIDDEN) and after not in HIDDEN
    return "plan.published" if newly_seen else "plan.updated"


def fault_of(plan: Plan) -> Fault | None:
    """The first thing that makes the plan's money meaningless, with a pointer to it; None for a sound plan."""
    gross = 0
    for stage_place, stage in enumerate(plan.stages):
        for place, item in enumerate(stage.items):
            found = _item_fault(item, plan.currency)
            if found is not None:
                return Fault(f"/stages/{stage_place}/items/{place}{found.pointer}", found.code)
            gross += item.unit_price.amount_minor * item.quantity
    return Fault("/stages", "total-too-large") if gross > LARGEST_MINOR else None


def _item_fault(item: Item, currency: str) -> Fault | None:
    amounts = {"unit_price": item.unit_price, "discount": item.discount, "insurance": item.insurance}
    for name, amount in amounts.items():
        if amount is not None and amount.currency != currency:
            return Fault(f"/{name}/currency", "mixed-currencies")
        if amount is not None and amount.amount_minor < 0:
            return Fault(f"/{name}/amount_minor", "negative-amount")
    return _too_much_off(item)


def _too_much_off(item: Item) -> Fault | None:
    """Discount and insurance never pay the patient; two discounts on one line have no meaning."""
    if item.discount is not None and item.discount_basis_points:
        return Fault("/discount_basis_points", "two-discounts")
    if item.unit_price.amount_minor * item.quantity > LARGEST_MINOR:
        return Fault("/unit_price/amount_minor", "total-too-large")
    amounts = line(item)
    if amounts.discount.amount_minor > amounts.price.amount_minor:
        return Fault("/discount/amount_minor", "more-than-the-price")
    if amounts.patient.amount_minor < 0:
        return Fault("/insurance/amount_minor", "more-than-the-price")
    return None
