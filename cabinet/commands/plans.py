"""Takes treatment plans in from a clinic's own system.

A plan that changed has all its stages and items replaced: the sender tells the whole plan each time, and
what the patient sees is exactly one version of it. Any number of plans costs the same few statements.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, update
from sqlmodel import col

from cabinet.commands.offers import REMEMBERED, Seal, make_offers, seals_of
from cabinet.commands.plan_rows import item_rows, plan_columns, stage_rows
from cabinet.plan import Answer, PlanStatus, event_kind, may_follow
from cabinet.plan_facts import PlanFact
from cabinet.plan_fault import fault_of
from cabinet.queries.plans import stages_json
from cabinet.tables.plan import PlanItem, PlanStage, TreatmentPlan
from clinic.commands import Taken, changed, hold_named_patients
from core.database import Writing
from core.errors import Fault
from core.events import Actor, Happening, record
from core.upsert import Held, Incoming, Outcome, Upserted, held_rows, upsert

PRICE_HELD = "price-held"
"""The remark on a plan of which stages became dearer while its offer holds: they keep the prices of the offer."""


async def take_plans(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, PlanFact]], actor: Actor, now: datetime
) -> Taken:
    """Upsert plans of a batch, stages and items with them, and make the offers that follow from it.

    Unsound money and impossible states are faults. A rise in price of what is offered is not taken in, and the row is
    remarked on.
    """
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = {index: fault for index, fact in facts if (fault := _fault(fact, patients)) is not None}
    good = {index: fact for index, fact in facts if index not in faults}
    names = [fact.external_id for fact in good.values()]
    held = await held_rows(writing, TreatmentPlan, clinic_id, source, names, REMEMBERED)
    seals = await seals_of(writing, good, held)
    rows = [
        Incoming(index, seal.fact.external_id, seal.fact.version, _columns(seal, patients[seal.fact.patient].id))
        for index, seal in seals.items()
    ]
    refused = {row.index for row in rows if not _may_become(held.get(row.external_id), row, seals[row.index])}
    faults |= {index: Fault("/status", "transition-not-allowed") for index in refused}
    allowed = [row for row in rows if row.index not in refused]
    done = await upsert(writing, TreatmentPlan, clinic_id, source, allowed, held, now)
    numbers = await make_offers(writing, clinic_id, changed(done), seals, now)
    await _replace_stages(writing, clinic_id, changed(done), seals)
    await record(writing, clinic_id, actor, [_plan_event(each, numbers) for each in changed(done)], now)
    return [_remarked(each, seals[each.incoming.index]) for each in done], faults


def _remarked(done: Upserted, seal: Seal) -> Upserted:
    return replace(done, remark=PRICE_HELD) if seal.held else done


def _fault(fact: PlanFact, patients: dict[str, Any]) -> Fault | None:
    if fact.patient not in patients:
        return Fault("/patient", "unknown-reference")
    return fault_of(fact.plan())


def _columns(seal: Seal, patient_id: UUID) -> dict[str, Any]:
    return plan_columns(seal.fact, seal.sums, patient_id, seal.sha256)


def _may_become(held: Held | None, row: Incoming, seal: Seal) -> bool:
    if held is None or row.version <= held.version:
        return True  # new, or to be refused as stale
    before, after = PlanStatus(held.remembered["status"]), PlanStatus(row.columns["status"])
    answer = Answer(held.remembered["answer"]) if held.remembered["answer"] else None
    # What was accepted may be proposed again only as something else.
    changes = seal.sha256 != held.remembered["offer_sha256"]
    reproposed = changes and before is PlanStatus.ACCEPTED and after is PlanStatus.PROPOSED
    return may_follow(before, after, answer) or reproposed


async def _replace_stages(writing: Writing, clinic_id: UUID, plans: Sequence[Upserted], seals: dict[int, Seal]) -> None:
    old = [each.id for each in plans if each.outcome is Outcome.UPDATED]
    if old:
        for table in (PlanItem, PlanStage):
            mine = (col(table.clinic_id) == clinic_id, col(table.plan_id) == func.any(old))
            await writing.execute(delete(table).where(*mine).execution_options(synchronize_session=False))
    if plans:
        told = [({"clinic_id": clinic_id, "plan_id": each.id}, seals[each.incoming.index]) for each in plans]
        await _add(writing, PlanStage, [row for key, seal in told for row in stage_rows(key, seal.fact, seal.sums)])
        await _add(writing, PlanItem, [row for key, seal in told for row in item_rows(key, seal.fact, seal.sums)])
        await show_stages(writing, clinic_id, [each.id for each in plans])


async def show_stages(writing: Writing, clinic_id: UUID, plan_ids: Sequence[UUID]) -> None:
    """Put together anew what the patient's document shows of these plans' stages."""
    mine = (col(TreatmentPlan.clinic_id) == clinic_id, col(TreatmentPlan.id) == func.any(list(plan_ids)))
    shown = update(TreatmentPlan).where(*mine).values(stages=stages_json())
    await writing.execute(shown.execution_options(synchronize_session=False))


async def _add(writing: Writing, table: type[PlanStage] | type[PlanItem], rows: list[dict[str, Any]]) -> None:
    # Without render_nulls SQLAlchemy makes a statement of its own for each run of rows with the same nulls.
    await writing.execute(insert(table).execution_options(render_nulls=True), rows)


def _plan_event(done: Upserted, numbers: dict[UUID, int]) -> Happening:
    """`offer` is told where the change made a new one."""
    columns = done.incoming.columns
    before = PlanStatus(done.before["status"]) if done.before else None
    kind = event_kind(before, PlanStatus(columns["status"]))
    offer = {"offer": numbers[done.id]} if done.id in numbers else {}
    return Happening(kind, done.id, patient_id=columns["patient_id"], facts={"status": columns["status"], **offer})
