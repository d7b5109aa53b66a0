"""Takes in the visits of the clinic's own system, which is their master."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, func, update
from sqlmodel import col

from clinic.appointment import AppointmentStatus, day_fault, event_kind, may_follow, span_fault
from clinic.commands.adoption import adopt_visits
from clinic.commands.batch import Taken, changed
from clinic.commands.patients import hold_named_patients
from clinic.commands.requests import settle_requests
from clinic.facts import AppointmentFact
from clinic.queries import Named, Place, branches_by_name
from clinic.tables import Appointment, SlotRow
from core.database import Writing
from core.errors import Fault
from core.events import Actor, Happening, record
from core.upsert import Held, Incoming, Outcome, Upserted, held_rows, upsert

_LEAVES_ITS_SLOT = frozenset({AppointmentStatus.CANCELLED, AppointmentStatus.DECLINED})


async def take_appointments(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, AppointmentFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert visits of a batch. A time or a change that no visit can have is a fault of that row.

    A row may adopt a visit that was booked here: the system of the clinic is its master from then on.
    """
    branches = await branches_by_name(writing)
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    judged = {index: _visit_row(index, fact, patients, branches, now) for index, fact in facts}
    faults = {index: row for index, row in judged.items() if isinstance(row, Fault)}
    rows = [row for row in judged.values() if isinstance(row, Incoming)]
    adopted = {fact.external_id: fact.adopts for _, fact in facts if fact.adopts is not None}
    unfit = await adopt_visits(writing, clinic_id, source, rows, adopted) if adopted else set()
    faults |= {row.index: Fault("/status", "transition-not-allowed") for row in rows if row.external_id in unfit}
    rows = [row for row in rows if row.external_id not in unfit]
    names = [row.external_id for row in rows]
    held = await held_rows(writing, Appointment, clinic_id, source, names, ("status", "starts_at"))
    strange = {row.index for row in rows if not _is_adopted(held.get(row.external_id), adopted.get(row.external_id))}
    faults |= {index: Fault("/adopts", "unknown-reference") for index in strange}
    rows = [row for row in rows if row.index not in strange]
    refused = {row.index for row in rows if not _may_become(held.get(row.external_id), row)}
    faults |= {index: Fault("/status", "transition-not-allowed") for index in refused}
    allowed = [row for row in rows if row.index not in refused]
    done = await upsert(writing, Appointment, clinic_id, source, allowed, held, now)
    news = changed(done)
    await _follow_up(writing, clinic_id, news, actor, now)
    await record(writing, clinic_id, actor, [_visit_event(each) for each in news], now)
    return done, faults


def _visit_row(
    index: int, fact: AppointmentFact, patients: dict[str, Named], branches: dict[str, Place], now: datetime
) -> Incoming | Fault:
    by_id = {branch.id: branch for branch in branches.values()}
    patient = patients.get(fact.patient)
    home = by_id.get(patient.branch_id) if patient and patient.branch_id else None
    branch = branches.get(fact.branch) if fact.branch else home
    if patient is None or branch is None:
        return Fault("/branch" if patient else "/patient", "unknown-reference")
    if fault := span_fault(fact.starts_at, fact.ends_at) or day_fault(fact.status, fact.starts_at, branch.zone, now):
        return fault
    columns = fact.model_dump(exclude={"external_id", "version", "patient", "branch", "status", "adopts"})
    owner = {"patient_id": patient.id, "branch_id": branch.id, "status": fact.status.value}
    return Incoming(index, fact.external_id, fact.version, {**owner, **columns})


def _may_become(held: Held | None, row: Incoming) -> bool:
    if held is None or row.version <= held.version:
        return True  # new, or to be refused as stale
    return may_follow(AppointmentStatus(held.remembered["status"]), AppointmentStatus(row.columns["status"]))


def _is_adopted(held: Held | None, wanted: UUID | None) -> bool:
    return wanted is None or (held is not None and held.id == wanted)


async def _follow_up(writing: Writing, clinic_id: UUID, news: Sequence[Upserted], actor: Actor, now: datetime) -> None:
    """What stands beside the system's rows: calendars count a change, a moved visit wants a new word of the patient."""
    updated = [each for each in news if each.outcome is Outcome.UPDATED]
    if not updated:
        return
    moved = {each.id for each in updated if _moved(each)}
    confirmed = col(Appointment.confirmed_by_patient_at)
    kept = case((col(Appointment.id) == func.any(sorted(moved)), None), else_=confirmed)
    rows = (
        col(Appointment.clinic_id) == clinic_id,
        col(Appointment.id) == func.any(sorted(each.id for each in updated)),
    )
    counted = {"ical_sequence": col(Appointment.ical_sequence) + 1, "confirmed_by_patient_at": kept}
    await writing.execute(update(Appointment).where(*rows).values(counted))
    states = {each.id: AppointmentStatus(each.incoming.columns["status"]) for each in updated}
    await settle_requests(writing, clinic_id, states, moved, actor, now)
    left = {row_id for row_id, state in states.items() if row_id in moved or state in _LEAVES_ITS_SLOT}
    if left:
        # No offer to the waiting list: whether its diary is free again, the system says itself (`SlotFact.freed`).
        theirs = (col(SlotRow.clinic_id) == clinic_id, col(SlotRow.appointment_id) == func.any(sorted(left)))
        await writing.execute(update(SlotRow).where(*theirs).values(appointment_id=None))


def _moved(done: Upserted) -> bool:
    """Whether it starts at another time: an end that shifts is no move."""
    return done.before is not None and done.before["starts_at"] != done.incoming.columns["starts_at"]


def _visit_event(done: Upserted) -> Happening:
    columns: dict[str, Any] = done.incoming.columns
    before = AppointmentStatus(done.before["status"]) if done.before else None
    kind = event_kind(before, AppointmentStatus(columns["status"]), moved=_moved(done))
    return Happening(kind, done.id, patient_id=columns["patient_id"])
