"""Visits: book and change our own, take in those of the clinic's system."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.appointment import OVER, AppointmentStatus, booking_fault, day_fault, event_kind, may_follow, span_fault
from clinic.commands.batch import Taken, changed
from clinic.commands.patients import hold_patients
from clinic.facts import AppointmentFact
from clinic.queries import Visit, branches_by_name, home_branch, named_patients, visit_value
from clinic.tables import Appointment, Branch
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE, Held, Incoming, Upserted, held_rows, upsert


class VisitEndsBeforeItStarts(Invalid):
    slug = "ends-before-start"


class VisitNotBookable(Invalid):
    """Longer than 24 hours, in the past, or two years ahead and more."""

    slug = "visit-not-bookable"


class VisitOverlaps(Conflict):
    """The patient has a visit at that time that is not over: nobody is in two chairs at once."""

    slug = "visit-overlaps"


class VisitDayNotBegun(Conflict):
    """Nobody arrives, is treated or stays away before the day of the visit."""

    slug = "visit-day-not-begun"


class VisitOfAnotherSystem(Conflict):
    """The clinic's own system keeps this visit, and only it changes it."""

    slug = "visit-of-another-system"


class TransitionNotAllowed(Conflict):
    slug = "transition-not-allowed"


async def book_visit(
    writing: Writing, clinic_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime,
    service: str, practitioner: str, actor: Actor, now: datetime,
) -> Visit:  # fmt: skip
    """A visit that staff enters.

    Raises `NotFound` (patient), `VisitEndsBeforeItStarts`, `VisitNotBookable`, `VisitOverlaps`.
    """
    await hold_patients(writing, [patient_id])  # of two bookings at once the second sees what the first one wrote
    branch_id = await home_branch(writing, patient_id)
    if branch_id is None:
        raise NotFound
    if ends_at <= starts_at:
        raise VisitEndsBeforeItStarts(Fault("/ends_at", "ends-before-start"))
    if fault := span_fault(starts_at, ends_at) or booking_fault(starts_at, now):
        raise VisitNotBookable(fault)
    if await _overlaps(writing, clinic_id, patient_id, starts_at, ends_at):
        raise VisitOverlaps
    row_id = new_id()
    visit = Appointment(
        clinic_id=clinic_id, id=row_id, source=OWN_SOURCE, external_id=str(row_id), source_version=0,
        content_hash="", changed_at=now, patient_id=patient_id, branch_id=branch_id, starts_at=starts_at,
        ends_at=ends_at, status=AppointmentStatus.BOOKED.value, service=service, practitioner=practitioner,
    )  # fmt: skip
    writing.add(visit)
    booked = Happening("appointment.booked", visit.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [booked], now)
    branch = (await writing.execute(select(Branch).where(col(Branch.id) == branch_id))).scalar_one()
    return visit_value(visit, branch)


async def _overlaps(
    writing: Writing, clinic_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime
) -> bool:
    """Whether a visit of this patient that is not over shares time with this one; end to end is no overlap."""
    statement = select(
        select(col(Appointment.id))
        .where(
            col(Appointment.clinic_id) == clinic_id,
            col(Appointment.patient_id) == patient_id,
            col(Appointment.starts_at) < ends_at,
            col(Appointment.ends_at) > starts_at,
            col(Appointment.status).not_in([status.value for status in sorted(OVER)]),
        )
        .exists()
    )
    return bool((await writing.execute(statement)).scalar_one())


async def change_visit(
    writing: Writing, clinic_id: UUID, appointment_id: UUID, status: AppointmentStatus, actor: Actor, now: datetime
) -> Visit:
    """Move a visit that was booked here to its next state.

    Raises `NotFound`, `VisitOfAnotherSystem`, `TransitionNotAllowed`, `VisitDayNotBegun`.
    """
    statement = (
        select(Appointment, Branch)
        .join(Branch, (col(Branch.clinic_id) == Appointment.clinic_id) & (col(Branch.id) == Appointment.branch_id))
        .where(col(Appointment.id) == appointment_id)
        .with_for_update(of=Appointment)
    )
    found = (await writing.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    visit, branch = found
    if visit.source != OWN_SOURCE:
        raise VisitOfAnotherSystem
    before = AppointmentStatus(visit.status)
    if not may_follow(before, status):
        raise TransitionNotAllowed(Fault("/status", "transition-not-allowed"))
    if before is not status:
        if fault := day_fault(status, visit.starts_at, branch.zone, now):
            raise VisitDayNotBegun(fault)
        visit.status, visit.changed_at = status.value, now
        happening = Happening(event_kind(before, status, moved=False), visit.id, patient_id=visit.patient_id)
        await record(writing, clinic_id, actor, [happening], now)
    return visit_value(visit, branch)


async def take_appointments(
    writing: Writing, clinic_id: UUID, source: str, facts: Sequence[tuple[int, AppointmentFact]],
    actor: Actor, now: datetime,
) -> Taken:  # fmt: skip
    """Upsert visits of a batch. A time or a change that no visit can have is a fault of that row."""
    branches = await branches_by_name(writing)
    by_id = {branch.id: branch for branch in branches.values()}
    patients = await named_patients(writing, source, {fact.patient for _, fact in facts})
    faults: dict[int, Fault] = {}
    rows = []
    for index, fact in facts:
        patient = patients.get(fact.patient)
        home = by_id.get(patient.branch_id) if patient and patient.branch_id else None
        branch = branches.get(fact.branch) if fact.branch else home
        if patient is None or branch is None:
            faults[index] = Fault("/branch" if patient else "/patient", "unknown-reference")
            continue
        start = fact.starts_at
        if fault := span_fault(start, fact.ends_at) or day_fault(fact.status, start, branch.zone, now):
            faults[index] = fault
            continue
        columns = fact.model_dump(exclude={"external_id", "version", "patient", "branch", "status"})
        owner = {"patient_id": patient.id, "branch_id": branch.id, "status": fact.status.value}
        rows.append(Incoming(index, fact.external_id, fact.version, {**owner, **columns}))
    names = [row.external_id for row in rows]
    held = await held_rows(writing, Appointment, clinic_id, source, names, ("status", "starts_at"))
    refused = {row.index for row in rows if not _may_become(held.get(row.external_id), row)}
    faults |= {index: Fault("/status", "transition-not-allowed") for index in refused}
    allowed = [row for row in rows if row.index not in refused]
    done = await upsert(writing, Appointment, clinic_id, source, allowed, held, now)
    await record(writing, clinic_id, actor, [_visit_event(each) for each in changed(done)], now)
    return done, faults


def _may_become(held: Held | None, row: Incoming) -> bool:
    if held is None or row.version <= held.version:
        return True  # new, or to be refused as stale
    return may_follow(AppointmentStatus(held.remembered["status"]), AppointmentStatus(row.columns["status"]))


def _visit_event(done: Upserted) -> Happening:
    columns: dict[str, Any] = done.incoming.columns
    before = AppointmentStatus(done.before["status"]) if done.before else None
    moved = done.before is not None and done.before["starts_at"] != columns["starts_at"]
    kind = event_kind(before, AppointmentStatus(columns["status"]), moved=moved)
    return Happening(kind, done.id, patient_id=columns["patient_id"])
