"""Takes the clinic's books in: what was charged, paid and given back, as its own system keeps them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from cabinet.account_balance import effect, entry_fault
from cabinet.account_facts import LedgerFact
from cabinet.commands.payments import note_booked
from cabinet.queries.account import NamedPlan, named_plans
from cabinet.tables.account import LedgerEntry
from clinic.commands import Taken, changed, hold_named_patients
from clinic.queries import Named, NamedVisit, named_visits
from core.database import Writing
from core.dates import latest_today
from core.errors import Fault
from core.events import Actor, Happening, record
from core.upsert import Incoming, Outcome, Upserted, held_rows, upsert


@dataclass(frozen=True, slots=True)
class _Known:
    """What the rows of a batch speak of, by external id."""

    patients: dict[str, Named]
    plans: dict[str, NamedPlan]
    visits: dict[str, NamedVisit]


async def take_ledger(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, LedgerFact]], actor: Actor, now: datetime
) -> Taken:
    """Upsert entries of a batch. A plan, stage or visit that is not this patient's is a fault of that row."""
    known = _Known(
        await hold_named_patients(writing, source, {fact.patient for _, fact in facts}),
        await named_plans(writing, source, {fact.plan for _, fact in facts if fact.plan is not None}),
        await named_visits(writing, source, {fact.visit for _, fact in facts if fact.visit is not None}),
    )
    faults = {
        index: fault for index, fact in facts if (fault := _fault(fact, known) or _day_fault(fact, now)) is not None
    }
    rows = [_row(index, fact, known) for index, fact in facts if index not in faults]
    held = await held_rows(writing, LedgerEntry, clinic_id, source, [row.external_id for row in rows], ("reference",))
    done = await upsert(writing, LedgerEntry, clinic_id, source, rows, held, now)
    await note_booked(writing, clinic_id, _references(changed(done)))
    await record(writing, clinic_id, actor, [_event(each) for each in changed(done)], now)
    return done, faults


def _references(entries: Sequence[Upserted]) -> set[str]:
    """The payments that these entries speak of, and spoke of before."""
    told = {each.incoming.columns["reference"] for each in entries}
    before = {each.before["reference"] for each in entries if each.before}
    return {name for name in told | before if name is not None}


def _fault(fact: LedgerFact, known: _Known) -> Fault | None:
    patient = known.patients.get(fact.patient)
    if patient is None:
        return Fault("/patient", "unknown-reference")
    if fact.plan is not None and (fault := _plan_fault(fact, patient, known.plans.get(fact.plan))):
        return fault
    if fact.visit is not None:
        visit = known.visits.get(fact.visit)
        if visit is None or visit.patient_id != patient.id:
            return Fault("/visit", "unknown-reference")
    return entry_fault(fact.kind, fact.amount)


def _day_fault(fact: LedgerFact, now: datetime) -> Fault | None:
    """An entry is posted on a day that has begun somewhere."""
    return Fault("/posted_on", "in-the-future") if fact.posted_on > latest_today(now) else None


def _plan_fault(fact: LedgerFact, patient: Named, plan: NamedPlan | None) -> Fault | None:
    if plan is None or plan.patient_id != patient.id:
        return Fault("/plan", "unknown-reference")
    if fact.amount.currency != plan.currency:
        return Fault("/amount/currency", "mixed-currencies")
    if fact.stage is not None and fact.stage >= plan.stages:
        return Fault("/stage", "unknown-reference")
    return None


def _row(index: int, fact: LedgerFact, known: _Known) -> Incoming:
    columns: dict[str, Any] = {
        "patient_id": known.patients[fact.patient].id,
        "kind": fact.kind.value,
        "effect_minor": effect(fact.kind, fact.amount).amount_minor,
        "currency": fact.amount.currency,
        "plan_id": known.plans[fact.plan].id if fact.plan is not None else None,
        "appointment_id": known.visits[fact.visit].id if fact.visit is not None else None,
    }
    told = {"posted_on", "due_on", "stage", "reference", "text", "voided", "private"}
    return Incoming(index, fact.external_id, fact.version, columns | fact.model_dump(include=told))


def _event(done: Upserted) -> Happening:
    """`charge.posted`, `payment.voided`, `refund.corrected` …"""
    columns = done.incoming.columns
    act = "posted" if done.outcome is Outcome.CREATED else "corrected"
    if columns["voided"]:
        act = "voided"
    facts = {"plan_id": str(columns["plan_id"])} if columns["plan_id"] else {}
    return Happening(f"{columns['kind']}.{act}", done.id, patient_id=columns["patient_id"], facts=facts)
