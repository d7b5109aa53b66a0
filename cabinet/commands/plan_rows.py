"""A told plan as rows: the plan itself, its stages, their items, each with what it costs."""

from typing import Any
from uuid import UUID

from cabinet.plan import Sums, Totals, length, stage_status
from cabinet.plan_facts import ItemFact, PlanFact
from core.upsert import content_hash


def plan_columns(fact: PlanFact, counted: Sums, patient_id: UUID, sha256: str) -> dict[str, Any]:
    """The plan's own columns; its stages are in them as a hash, so that a change of them is a change of the plan.

    The hash is of what is kept and offered, not of what was sent: a rise that is not taken in changes nothing.
    """
    kept = {"offer": sha256, "stages": stage_rows({}, fact, counted), "items": item_rows({}, fact, counted)}
    return {
        "patient_id": patient_id,
        "choice_group": fact.group,
        "title": fact.title,
        "pros": fact.pros,
        "cons": fact.cons,
        "currency": fact.currency,
        "status": fact.status.value,
        "valid_until": fact.valid_until,
        "private": fact.private,
        "visits": length(stage.visits for stage in fact.stages),
        "duration_days": length(stage.duration_days for stage in fact.stages),
        "stages_hash": content_hash(kept),
        **_counted(counted.whole),
    }


def stage_rows(plan_key: dict[str, UUID], fact: PlanFact, counted: Sums) -> list[dict[str, Any]]:
    return [
        {
            **plan_key,
            "position": place,
            "title": told.title,
            "visits": told.visits,
            "duration_days": told.duration_days,
            "depends_on": told.depends_on,
            "status": stage_status([item.status for item in told.items]).value,
            **_counted(counted.stages[place]),
        }
        for place, told in enumerate(fact.stages)
    ]


def item_rows(plan_key: dict[str, UUID], fact: PlanFact, counted: Sums) -> list[dict[str, Any]]:
    return [
        {**plan_key, "stage": stage_place, "position": place, **_told_of_item(item), **_amounts(amounts)}
        for stage_place, stage in enumerate(fact.stages)
        for place, (item, amounts) in enumerate(zip(stage.items, counted.lines[stage_place], strict=True))
    ]


def _told_of_item(told: ItemFact) -> dict[str, Any]:
    high = told.unit_price_high
    return {
        "name": told.name,
        "explanation": told.explanation,
        "tooth": told.tooth,
        "surfaces": told.surfaces,
        "quantity": told.quantity,
        "unit_price_minor": told.unit_price.amount_minor,
        "unit_price_high_minor": high.amount_minor if high else None,
        "discount_basis_points": told.discount_basis_points,
        "promotion_title": told.promotion_title,
        "status": told.status.value,
    }


def _amounts(totals: Totals) -> dict[str, int]:
    return {
        "price_minor": totals.price.amount_minor,
        "discount_minor": totals.discount.amount_minor,
        "promotion_minor": totals.promotion.amount_minor,
        "points_minor": totals.points.amount_minor,
        "insurance_minor": totals.insurance.amount_minor,
        "patient_minor": totals.patient.amount_minor,
        "patient_high_minor": totals.patient_high.amount_minor,
    }


def _counted(totals: Totals) -> dict[str, int]:
    return {**_amounts(totals), "items": totals.items, "items_done": totals.items_done}
