"""A treatment plan: its states, what each line costs whom, and how far it has come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cabinet.pricing import Effect, EffectKind, priced
from core.money import Money


class PlanStatus(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    NOT_CHOSEN = "not_chosen"
    """Another plan of the same group was accepted."""
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


class Answer(StrEnum):
    """What became of the plan's present offer in Enamel; the clinic's own system tells `PlanStatus` and never this."""

    AGAIN = "again"
    """The plan changed after it was accepted: the new offer waits for an answer of its own."""
    ACCEPTED = "accepted"
    """As a whole, or some of its stages."""
    DECLINED = "declined"
    NOT_CHOSEN = "not_chosen"
    WITHDRAWN = "withdrawn"


_P = PlanStatus

# What the patient never sees: not yet said, or no longer meant.
HIDDEN = frozenset({_P.DRAFT, _P.SUPERSEDED})

# Items that will not be done: they cost nothing and hold nothing up.
DROPPED = frozenset({ItemStatus.DECLINED, ItemStatus.CANCELLED, ItemStatus.REPLACED})
_BEGUN = frozenset({ItemStatus.SCHEDULED, ItemStatus.IN_PROCESS, ItemStatus.COMPLETED})

# A plan may be declined, run out, and be offered again; what was begun is never "proposed" again.
_OFFERED = frozenset(_P) - {_P.DRAFT, _P.STOPPED}
_FOLLOWS: dict[PlanStatus, frozenset[PlanStatus]] = {
    _P.DRAFT: _OFFERED,
    _P.PROPOSED: _OFFERED,
    _P.DECLINED: _OFFERED,
    _P.NOT_CHOSEN: _OFFERED,
    _P.EXPIRED: _OFFERED,
    _P.ACCEPTED: frozenset({_P.SUPERSEDED, _P.IN_PROGRESS, _P.COMPLETED, _P.STOPPED}),
    _P.IN_PROGRESS: frozenset({_P.COMPLETED, _P.STOPPED}),
    _P.STOPPED: frozenset({_P.IN_PROGRESS, _P.COMPLETED}),
    _P.COMPLETED: frozenset(),
    _P.SUPERSEDED: frozenset(),
}


# What an answer given in Enamel makes of a plan, while the clinic's system has not said more.
_ANSWERED = {
    Answer.ACCEPTED: _P.ACCEPTED,
    Answer.DECLINED: _P.DECLINED,
    Answer.NOT_CHOSEN: _P.NOT_CHOSEN,
    Answer.WITHDRAWN: _P.SUPERSEDED,
}
_REFUSED = frozenset({Answer.DECLINED, Answer.WITHDRAWN})
# As the clinic's system goes on telling a plan whose acceptance it has not heard of.
_UNHEARD = frozenset({_P.PROPOSED, _P.EXPIRED})


@dataclass(frozen=True, slots=True)
class Item:
    """One line: so many of a service, less what `cabinet.pricing` takes off, each by amount or by basis points.

    With `unit_price_high` the price is an estimate from `unit_price` up to it.
    """

    unit_price: Money
    quantity: int = 1
    discount: Money | None = None
    discount_basis_points: int = 0
    insurance: Money | None = None
    status: ItemStatus = ItemStatus.PROPOSED
    unit_price_high: Money | None = None
    promotion: Money | None = None
    promotion_basis_points: int = 0
    points: Money | None = None

    @property
    def effects(self) -> tuple[Effect, ...]:
        told = (
            Effect(EffectKind.DISCOUNT, self.discount, self.discount_basis_points),
            Effect(EffectKind.PROMOTION, self.promotion, self.promotion_basis_points),
            Effect(EffectKind.POINTS, self.points),
            Effect(EffectKind.INSURANCE, self.insurance),
        )
        return tuple(effect for effect in told if effect.amount is not None or effect.basis_points)


@dataclass(frozen=True, slots=True)
class Stage:
    """`depends_on`: places of the stages that must precede it. `days`: from first visit to last, healing too."""

    title: str
    items: tuple[Item, ...]
    visits: int | None = None
    days: int | None = None
    depends_on: tuple[int, ...] = ()


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
    """What it costs, who bears it, and how many items are done.

    `patient = price - discount - promotion - points - insurance`. Where prices are estimates all amounts are the
    least it can be, and `patient_high` is the most that the patient can come to pay; else it is `patient`.
    """

    price: Money
    discount: Money
    promotion: Money
    points: Money
    insurance: Money
    patient: Money
    patient_high: Money
    items: int
    items_done: int


def line(item: Item) -> Totals:
    """One item's amounts, by the one price rule."""
    low = priced(item.unit_price, item.quantity, item.effects)
    high = priced(item.unit_price_high, item.quantity, item.effects) if item.unit_price_high else low
    return Totals(
        price=low.price,
        discount=low.taken_by(EffectKind.DISCOUNT),
        promotion=low.taken_by(EffectKind.PROMOTION),
        points=low.taken_by(EffectKind.POINTS),
        insurance=low.taken_by(EffectKind.INSURANCE),
        patient=low.left,
        patient_high=high.left,
        items=1,
        items_done=int(item.status is ItemStatus.COMPLETED),
    )


def stage_totals(stage: Stage, currency: str) -> Totals:
    """The sum of the lines that will be done."""
    return total([line(item) for item in stage.items if item.status not in DROPPED], currency)


def plan_totals(plan: Plan) -> Totals:
    return total([stage_totals(stage, plan.currency) for stage in plan.stages], plan.currency)


@dataclass(frozen=True, slots=True)
class Sums:
    """What every line of a plan costs, every stage, and the whole: each counted once."""

    lines: tuple[tuple[Totals, ...], ...]
    stages: tuple[Totals, ...]
    whole: Totals


def sums(plan: Plan) -> Sums:
    lines = tuple(tuple(line(item) for item in stage.items) for stage in plan.stages)
    kept = [
        [amounts for item, amounts in zip(stage.items, told, strict=True) if item.status not in DROPPED]
        for stage, told in zip(plan.stages, lines, strict=True)
    ]
    stages = tuple(total(each, plan.currency) for each in kept)
    return Sums(lines, stages, total(stages, plan.currency))


def total(parts: Sequence[Totals], currency: str) -> Totals:
    """Each amount summed over `parts`, which are all in this currency."""

    def summed(name: str) -> Money:
        return Money(amount_minor=sum(getattr(part, name).amount_minor for part in parts), currency=currency)

    return Totals(
        price=summed("price"),
        discount=summed("discount"),
        promotion=summed("promotion"),
        points=summed("points"),
        insurance=summed("insurance"),
        patient=summed("patient"),
        patient_high=summed("patient_high"),
        items=sum(part.items for part in parts),
        items_done=sum(part.items_done for part in parts),
    )


def length(counts: Iterable[int | None]) -> int | None:
    """Visits or days of all stages together, done one after the other; None where no stage tells them."""
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def stage_status(items: Sequence[ItemStatus]) -> StageStatus:
    """Skipped when nothing of it is left to do, done when all of the rest is, active once something has begun."""
    kept = [status for status in items if status not in DROPPED]
    if not kept:
        return StageStatus.SKIPPED
    if all(status is ItemStatus.COMPLETED for status in kept):
        return StageStatus.DONE
    return StageStatus.ACTIVE if any(status in _BEGUN for status in kept) else StageStatus.PENDING


def plan_status(told: PlanStatus, answer: Answer | None, valid_until: date | None, today: date) -> PlanStatus:
    """The status on a day, from what the clinic's system told and what was answered here.

    An offer nobody answered in time has expired; `valid_until` is its last good day. A change of what was accepted
    is a proposal again. From the moment treatment begins the clinic's system alone says how it goes on.
    """
    if told in _UNHEARD and answer in _ANSWERED:
        return _ANSWERED[answer]
    if told is _P.ACCEPTED and answer in _REFUSED:
        return _ANSWERED[answer]
    if told is _P.PROPOSED or (told is _P.ACCEPTED and answer is Answer.AGAIN):
        return _P.EXPIRED if lapsed(valid_until, today) else _P.PROPOSED
    return told


_CHOSEN = frozenset({_P.ACCEPTED, _P.IN_PROGRESS, _P.COMPLETED})


def is_chosen(status: PlanStatus, answer: Answer | None) -> bool:
    """Whether a plan of this status stands in the way of the others of its group.

    What was accepted and has changed does too: its new offer is declined before another plan is accepted.
    """
    return status in _CHOSEN or (status is _P.PROPOSED and answer is Answer.AGAIN)


def lapsed(valid_until: date | None, today: date) -> bool:
    return valid_until is not None and valid_until < today


def may_follow(before: PlanStatus, after: PlanStatus, answer: Answer | None = None) -> bool:
    """Whether the clinic's system may tell `after`. What was accepted here goes on as if it had told so before."""
    accepted = before in _UNHEARD and answer in (Answer.ACCEPTED, Answer.AGAIN)
    return before is after or after in _FOLLOWS[before] or (accepted and after in _FOLLOWS[_P.ACCEPTED])


def event_kind(before: PlanStatus | None, after: PlanStatus) -> str:
    """`plan.published` when the patient sees it for the first time, else `plan.updated`."""
    newly_seen = (before is None or before in HIDDEN) and after not in HIDDEN
    return "plan.published" if newly_seen else "plan.updated"
