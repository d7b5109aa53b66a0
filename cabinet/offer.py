"""An offer: what a plan says on the day it is proposed, sealed by a fingerprint, and when its price is locked.

The snapshot is made of values that the rules have read and priced, never of bytes that somebody sent. Item states are
not in it: that an item was done makes no new offer. Items that will not be done are left out, for they are not offered.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from pydantic import Field

from cabinet.plan import DROPPED, Sums, Totals
from cabinet.plan_cost import Cost, cost
from cabinet.plan_facts import MOST_ITEMS, MOST_STAGES, ItemFact, PlanFact, StageFact
from core.moments import Day
from core.money import Money
from core.values import Int32, Value


class OfferedItem(Value):
    """One line as it was offered: `cost` is what the basis points came to on that day."""

    name: str
    explanation: str
    tooth: str | None = Field(description="FDI code (ISO 3950).")
    surfaces: list[str] = Field(max_length=5)
    quantity: Int32
    unit_price: Money
    unit_price_high: Money | None
    discount_basis_points: Int32
    promotion_basis_points: Int32
    promotion_title: str
    cost: Cost


class OfferedStage(Value):
    """`position` is the stage's place in the plan, from 0; `depends_on` names places."""

    position: Int32
    title: str
    visits: Int32 | None
    duration_days: Int32 | None
    depends_on: list[Int32] = Field(max_length=MOST_STAGES)
    cost: Cost
    items: list[OfferedItem] = Field(max_length=MOST_ITEMS)


class OfferedPlan(Value):
    """The content of an offer: all that is accepted or declined, and nothing that moves on by itself."""

    title: str
    currency: str
    valid_until: Day | None
    cost: Cost
    stages: list[OfferedStage] = Field(max_length=MOST_STAGES)

    @property
    def needs(self) -> dict[int, tuple[int, ...]]:
        """The stages in which there is something to do, each with those of them that must precede it."""
        places = {stage.position for stage in self.stages if stage.items}
        return {
            stage.position: tuple(needed for needed in stage.depends_on if needed in places)
            for stage in self.stages
            if stage.items
        }


def offered(fact: PlanFact, counted: Sums) -> OfferedPlan:
    """What the plan offers, at the amounts that were `counted` of it."""
    return OfferedPlan(
        title=fact.title,
        currency=fact.currency,
        valid_until=fact.valid_until,
        cost=cost(counted.whole),
        stages=[
            _offered_stage(place, stage, counted.stages[place], counted.lines[place])
            for place, stage in enumerate(fact.stages)
        ],
    )


def _offered_stage(place: int, told: StageFact, whole: Totals, lines: Sequence[Totals]) -> OfferedStage:
    items = [
        _offered_item(item, amounts)
        for item, amounts in zip(told.items, lines, strict=True)
        if item.status not in DROPPED
    ]
    return OfferedStage(
        position=place,
        title=told.title,
        visits=told.visits,
        duration_days=told.duration_days,
        depends_on=told.depends_on,
        cost=cost(whole),
        items=items,
    )


def _offered_item(told: ItemFact, amounts: Totals) -> OfferedItem:
    return OfferedItem(
        name=told.name,
        explanation=told.explanation,
        tooth=told.tooth,
        surfaces=told.surfaces,
        quantity=told.quantity,
        unit_price=told.unit_price,
        unit_price_high=told.unit_price_high,
        discount_basis_points=told.discount_basis_points,
        promotion_basis_points=told.promotion_basis_points,
        promotion_title=told.promotion_title,
        cost=cost(amounts),
    )


def canonical(plan: OfferedPlan) -> str:
    """The offer as canonical JSON (RFC 8785: sorted names, no space, no float): equal content gives equal text."""
    return json.dumps(plan.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def fingerprint(snapshot: str) -> str:
    """SHA-256 of the canonical text in UTF-8, in hexadecimal: what an answer names."""
    return hashlib.sha256(snapshot.encode()).hexdigest()


# --- The price lock ---

_MONEY = frozenset(
    {"cost", "unit_price", "unit_price_high", "discount_basis_points", "promotion_basis_points", "promotion_title"}
)


# How a thing is said, not what: a word mended does not unlock a price.
_WORDS = frozenset({"title", "explanation", "visits", "duration_days"})


def is_locked_rise(held: OfferedPlan, told: OfferedPlan) -> bool:
    """Whether `told` is what is offered already, under the same last day, only that some stage became dearer.

    A price list that rises never makes a stage dearer while its offer holds, however words are changed and other
    stages become cheaper beside. Who wants another price names another last day, or withdraws the offer.
    """
    if held.valid_until is None or _things(held) != _things(told):
        return False
    return any(_rose(old, new) for old, new in zip(held.stages, told.stages, strict=True))


def _things(plan: OfferedPlan) -> Any:
    return _without(plan.model_dump(), _MONEY | _WORDS)


def _without(value: Any, names: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(part, names) for name, part in value.items() if name not in names}
    return [_without(part, names) for part in value] if isinstance(value, list) else value


def _rose(old: OfferedStage, new: OfferedStage) -> bool:
    """The least or the most that the patient can come to pay."""
    low, high = _range(new.cost)
    held_low, held_high = _range(old.cost)
    return low > held_low or high > held_high


def _range(price: Cost) -> tuple[int, int]:
    high = price.estimate.high if price.estimate else price.patient
    return price.patient.amount_minor, high.amount_minor


def at_held_prices(fact: PlanFact, told: OfferedPlan, held: OfferedPlan) -> PlanFact:
    """The plan as told, with the money of the offer in stages that became dearer; `told` is what it would offer.

    Needs `is_locked_rise`.
    """
    stages = [
        stage.model_copy(update={"items": _items_at(stage, was)}) if _rose(was, new) else stage
        for stage, new, was in zip(fact.stages, told.stages, held.stages, strict=True)
    ]
    return fact.model_copy(update={"stages": stages})


def _items_at(stage: StageFact, was: OfferedStage) -> list[ItemFact]:
    held = iter(was.items)
    return [item if item.status in DROPPED else _item_at(item, next(held)) for item in stage.items]


def _item_at(item: ItemFact, was: OfferedItem) -> ItemFact:
    money = {
        "unit_price": was.unit_price,
        "unit_price_high": was.unit_price_high,
        "discount": None if was.discount_basis_points else was.cost.discount,
        "discount_basis_points": was.discount_basis_points,
        "promotion": None if was.promotion_basis_points else was.cost.promotion,
        "promotion_basis_points": was.promotion_basis_points,
        "promotion_title": was.promotion_title,
        "points": was.cost.points,
        "insurance": was.cost.insurance,
    }
    return item.model_copy(update=money)
