"""Takes treatment plans and promotions in from a clinic's own system.

A plan that changed has all its stages and items replaced: the sender tells the whole plan each time, and
what the patient sees is exactly one version of it. Any number of plans costs the same few statements.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, update
from sqlmodel import col

from cabinet.plan import PlanStatus, Totals, event_kind, fault_of, line, may_follow, plan_totals, stage_status
from cabinet.plan import stage_totals as totals_of_stage
from cabinet.plan_facts import PlanFact, PromotionFact, StageFact
from cabinet.promotion import default_language
from cabinet.queries.plans import stages_json
from cabinet.tables.plan import PlanItem, PlanStage, TreatmentPlan
from cabinet.tables.promotion import PromotionRow
from clinic.commands import Taken, changed
from clinic.queries import named_patients
from core.database import Writing
from core.errors import Fault
from core.events import Actor, Happening, record
from core.upsert import Held, Incoming, Outcome, Upserted, content_hash, held_rows, upsert


async def take_plans(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, PlanFact]], actor: Actor, now: datetime
) -> Taken:
    """Upsert plans of a batch, stages and items with them. Unsound money and impossible states are faults."""
    patients = await named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = {index: fault for index, fact in facts if (fault := _fault(fact, patients)) is not None}
    rows = [_plan_row(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    held = await held_rows(writing, TreatmentPlan, clinic_id, source, [row.external_id for row in rows], ("status",))
    refused = {row.index for row in rows if not _may_become(held.get(row.external_id), row)}
    faults |= {index: Fault("/status", "transition-not-allowed") for index in refused}
    allowed = [row for row in rows if row.index not in refused]
    done = await upsert(writing, TreatmentPlan, clinic_id, source, allowed, held, now)
    await _replace_stages(writing, clinic_id, {each.id: each for each in changed(done)}, dict(facts))
    await record(writing, clinic_id, actor, [_plan_event(each) for each in changed(done)], now)
    return done, faults


async def take_promotions(
    writing: Writing,
    clinic_id: UUID,
    source: str,
    facts: Sequence[tuple[int, PromotionFact]],
    actor: Actor,
    now: datetime,
) -> Taken:
    """Upsert promotions of a batch."""
    rows = [_promotion_row(index, fact) for index, fact in facts]
    held = await held_rows(writing, PromotionRow, clinic_id, source, [row.external_id for row in rows], ())
    done = await upsert(writing, PromotionRow, clinic_id, source, rows, held, now)
    await record(writing, clinic_id, actor, [_promotion_event(each) for each in changed(done)], now)
    return done, {}


def _fault(fact: PlanFact, patients: dict[str, Any]) -> Fault | None:
    if fact.patient not in patients:
        return Fault("/patient", "unknown-reference")
    return fault_of(fact.plan())


def _may_become(held: Held | None, row: Incoming) -> bool:
    if held is None or row.version <= held.version:
        return True  # new, or to be refused as stale
    return may_follow(PlanStatus(held.remembered["status"]), PlanStatus(row.columns["status"]))


def _plan_row(index: int, fact: PlanFact, patient_id: UUID) -> Incoming:
    totals = plan_totals(fact.plan())
    columns = {
        "patient_id": patient_id,
        "choice_group": fact.group,
        "title": fact.title,
        "currency": fact.currency,
        "status": fact.status.value,
        "valid_until": fact.valid_until,
        "stages_hash": content_hash({"stages": [stage.model_dump(mode="json") for stage in fact.stages]}),
        **_counted(totals),
    }
    return Incoming(index, fact.external_id, fact.version, columns)


def _amounts(totals: Totals) -> dict[str, int]:
    return {
        "price_minor": totals.price.amount_minor,
        "discount_minor": totals.discount.amount_minor,
        "insurance_minor": totals.insurance.amount_minor,
        "patient_minor": totals.patient.amount_minor,
    }


def _counted(totals: Totals) -> dict[str, int]:
    return {**_amounts(totals), "items": totals.items, "items_done": totals.items_done}


async def _replace_stages(
    writing: Writing, clinic_id: UUID, plans: dict[UUID, Upserted], facts: dict[int, PlanFact]
) -> None:
    old = [plan_id for plan_id, each in plans.items() if each.outcome is Outcome.UPDATED]
    if old:
        for table in (PlanItem, PlanStage):
            mine = (col(table.clinic_id) == clinic_id, col(table.plan_id) == func.any(old))
            await writing.execute(delete(table).where(*mine).execution_options(synchronize_session=False))
    if plans:
        told = [(plan_id, facts[each.incoming.index]) for plan_id, each in plans.items()]
        keyed = [({"clinic_id": clinic_id, "plan_id": plan_id}, fact) for plan_id, fact in told]
        await _add(writing, PlanStage, [row for key, fact in keyed for row in _stage_rows(key, fact)])
        await _add(writing, PlanItem, [row for key, fact in keyed for row in _item_rows(key, fact)])
        mine = (col(TreatmentPlan.clinic_id) == clinic_id, col(TreatmentPlan.id) == func.any(list(plans)))
        shown = update(TreatmentPlan).where(*mine).values(stages=stages_json())
        await writing.execute(shown.execution_options(synchronize_session=False))


async def _add(writing: Writing, table: type[PlanStage] | type[PlanItem], rows: list[dict[str, Any]]) -> None:
    # Without render_nulls SQLAlchemy makes a statement of its own for each run of rows with the same nulls.
    await writing.execute(insert(table).execution_options(render_nulls=True), rows)


def _stage_rows(key: dict[str, UUID], fact: PlanFact) -> list[dict[str, Any]]:
    return [
        {
            **key,
            "position": place,
            "title": told.title,
            "visits": told.visits,
            "status": stage_status([item.status for item in stage.items]).value,
            **_counted(totals_of_stage(stage, fact.currency)),
        }
        for place, (told, stage) in enumerate(zip(fact.stages, fact.plan().stages, strict=True))
    ]


def _item_rows(key: dict[str, UUID], fact: PlanFact) -> list[dict[str, Any]]:
    stages = zip(fact.stages, fact.plan().stages, strict=True)
    return [
        {
            **key,
            "stage": stage_place,
            "position": place,
            **_told_of_item(told, place),
            **_amounts(line(item)),
        }
        for stage_place, (told, stage) in enumerate(stages)
        for place, item in enumerate(stage.items)
    ]


def _told_of_item(stage: StageFact, place: int) -> dict[str, Any]:
    told = stage.items[place]
    return {
        "name": told.name,
        "tooth": told.tooth,
        "surfaces": told.surfaces,
        "quantity": told.quantity,
        "unit_price_minor": told.unit_price.amount_minor,
        "discount_basis_points": told.discount_basis_points,
        "status": told.status.value,
    }


def _plan_event(done: Upserted) -> Happening:
    columns = done.incoming.columns
    before = PlanStatus(done.before["status"]) if done.before else None
    kind = event_kind(before, PlanStatus(columns["status"]))
    return Happening(kind, done.id, patient_id=columns["patient_id"], facts={"status": columns["status"]})


def _promotion_row(index: int, fact: PromotionFact) -> Incoming:
    texts = {text.language: {"title": text.title, "terms": text.terms} for text in fact.texts}
    columns = {
        "texts": texts,
        "default_language": default_language(texts),
        "starts_on": fact.starts_on,
        "ends_on": fact.ends_on,
        "min_age": fact.min_age,
        "languages": sorted(set(fact.languages)),
    }
    return Incoming(index, fact.external_id, fact.version, columns)


def _promotion_event(done: Upserted) -> Happening:
    new = done.outcome is Outcome.CREATED
    return Happening("promotion.published" if new else "promotion.updated", done.id)
