"""What makes a plan meaningless: money that cannot be, and stages that wait for what comes later."""

from cabinet.plan import Item, Plan, Stage
from cabinet.pricing import priced
from core.errors import Fault
from core.money import LARGEST_MINOR


def fault_of(plan: Plan) -> Fault | None:
    """The first thing that makes the plan meaningless, with a pointer to it; None for a sound plan."""
    gross = 0
    for stage_place, stage in enumerate(plan.stages):
        if found := _order_fault(stage, stage_place):
            return Fault(f"/stages/{stage_place}{found.pointer}", found.code)
        for place, item in enumerate(stage.items):
            if found := _item_fault(item, plan.currency):
                return Fault(f"/stages/{stage_place}/items/{place}{found.pointer}", found.code)
            gross += (item.unit_price_high or item.unit_price).amount_minor * item.quantity
    return Fault("/stages", "total-too-large") if gross > LARGEST_MINOR else None


def _order_fault(stage: Stage, own_place: int) -> Fault | None:
    """A stage waits for earlier ones only, so that no two wait for each other."""
    for place, needed in enumerate(stage.depends_on):
        if not 0 <= needed < own_place:
            return Fault(f"/depends_on/{place}", "not-an-earlier-stage")
    return None


def _item_fault(item: Item, currency: str) -> Fault | None:
    amounts = {
        "unit_price": item.unit_price,
        "unit_price_high": item.unit_price_high,
        "discount": item.discount,
        "promotion": item.promotion,
        "points": item.points,
        "insurance": item.insurance,
    }
    for name, amount in amounts.items():
        if amount is not None and amount.currency != currency:
            return Fault(f"/{name}/currency", "mixed-currencies")
        if amount is not None and amount.amount_minor < 0:
            return Fault(f"/{name}/amount_minor", "negative-amount")
    return _price_fault(item) or _too_much_off(item)


def _price_fault(item: Item) -> Fault | None:
    highest = item.unit_price_high or item.unit_price
    if highest.amount_minor < item.unit_price.amount_minor:
        return Fault("/unit_price_high/amount_minor", "less-than-the-lowest")
    if highest.amount_minor * item.quantity > LARGEST_MINOR:
        name = "unit_price_high" if item.unit_price_high else "unit_price"
        return Fault(f"/{name}/amount_minor", "total-too-large")
    return None


def _too_much_off(item: Item) -> Fault | None:
    """Nothing that is taken off pays the patient; two of one kind on one line have no meaning."""
    if item.discount is not None and item.discount_basis_points:
        return Fault("/discount_basis_points", "two-discounts")
    if item.promotion is not None and item.promotion_basis_points:
        return Fault("/promotion_basis_points", "two-promotions")
    for taken in priced(item.unit_price, item.quantity, item.effects).taken:
        if taken.effect.amount is not None and taken.amount != taken.effect.amount:
            return Fault(f"/{taken.effect.kind.value}/amount_minor", "more-than-the-price")
    return None
