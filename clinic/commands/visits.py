"""Visits that are kept here: the desk books them, moves them along, and moves them to another time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from clinic.appointment import (
    OVER,
    STANDING,
    AppointmentStatus,
    NewVisit,
    booking_fault,
    day_fault,
    event_kind,
    may_follow,
    span_fault,
)
from clinic.commands.patients import hold_patient, hold_patients
from clinic.commands.requests import settle_requests
from clinic.commands.slots import free_slot
from clinic.queries import Visit, home_branch, visit_value
from clinic.tables import Appointment, Branch
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.upsert import OWN_SOURCE


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
    writing: Writing, clinic_id: UUID, patient_id: UUID, new: NewVisit, actor: Actor, now: datetime
) -> Visit:
    """Enter a visit. Holds the patient: of two bookings at once the second sees what the first one wrote.

    Raises `NotFound` (patient or branch), `VisitEndsBeforeItStarts`, `VisitNotBookable`, `VisitOverlaps`.
    """
    await hold_patient(writing, patient_id)
    branch = await _branch_of(writing, clinic_id, patient_id, new.branch_id)
    _check_times(new.starts_at, new.ends_at, now)
    await check_no_overlap(writing, clinic_id, patient_id, new.starts_at, new.ends_at)
    row_id = new_id()
    visit = Appointment(
        clinic_id=clinic_id, id=row_id, source=OWN_SOURCE, external_id=str(row_id), source_version=0,
        content_hash="", changed_at=now, patient_id=patient_id, branch_id=branch.id, starts_at=new.starts_at,
        ends_at=new.ends_at, status=new.status.value, service=new.service, practitioner=new.practitioner,
        slot_id=new.slot_id, private=new.private,
    )  # fmt: skip
    writing.add(visit)
    booked = Happening(event_kind(None, new.status, moved=False), visit.id, patient_id=patient_id)
    await record(writing, clinic_id, actor, [booked], now)
    return visit_value(visit, branch)


async def _branch_of(writing: Writing, clinic_id: UUID, patient_id: UUID, branch_id: UUID | None) -> Branch:
    home = await home_branch(writing, patient_id)
    wanted = (col(Branch.clinic_id) == clinic_id, col(Branch.id) == (branch_id or home))
    branch = (await writing.execute(select(Branch).where(*wanted))).scalar_one_or_none()
    if home is None or branch is None:
        raise NotFound
    return branch


def _check_times(starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if ends_at <= starts_at:
        raise VisitEndsBeforeItStarts(Fault("/ends_at", "ends-before-start"))
    if fault := span_fault(starts_at, ends_at) or booking_fault(starts_at, now):
        raise VisitNotBookable(fault)


async def check_no_overlap(
    writing: Writing, clinic_id: UUID, patient_id: UUID, starts_at: datetime, ends_at: datetime,
    other_than: UUID | None = None,
) -> None:  # fmt: skip
    """No visit of this patient that is not over shares time with this one; end to end is no overlap.

    Raises `VisitOverlaps`. Instants are compared, so no zone and no change of clocks can hide an overlap.
    """
    same_time = select(col(Appointment.id)).where(
        col(Appointment.clinic_id) == clinic_id,
        col(Appointment.patient_id) == patient_id,
        col(Appointment.starts_at) < ends_at,
        col(Appointment.ends_at) > starts_at,
        col(Appointment.status).not_in([status.value for status in sorted(OVER)]),
    )
    if other_than is not None:
        same_time = same_time.where(col(Appointment.id) != other_than)
    if (await writing.execute(select(same_time.exists()))).scalar_one():
        raise VisitOverlaps


async def change_visit(
    writing: Writing, clinic_id: UUID, appointment_id: UUID, status: AppointmentStatus, actor: Actor, now: datetime
) -> Visit:
    """Move a visit that was booked here to its next state.

    Raises `NotFound`, `VisitOfAnotherSystem`, `TransitionNotAllowed`, `VisitDayNotBegun`.
    """
    visit, branch = await held_visit(writing, clinic_id, appointment_id)
    if visit.source != OWN_SOURCE:
        raise VisitOfAnotherSystem
    before = AppointmentStatus(visit.status)
    if not may_follow(before, status):
        raise TransitionNotAllowed(Fault("/status", "transition-not-allowed"))
    if before is not status:
        if fault := day_fault(status, visit.starts_at, branch.zone, now):
            raise VisitDayNotBegun(fault)
        await put_into(writing, visit, status, actor, now)
    return visit_value(visit, branch)


async def move_visit(
    writing: Writing, clinic_id: UUID, appointment_id: UUID, starts_at: datetime, ends_at: datetime,
    actor: Actor, now: datetime,
) -> Visit:  # fmt: skip
    """Give a visit that was booked here another time; the patient's word that they come was for the old one.

    Raises `NotFound`, `VisitOfAnotherSystem`, `TransitionNotAllowed`, and for the time what `book_visit` raises.
    """
    owner = select(col(Appointment.patient_id)).where(
        col(Appointment.clinic_id) == clinic_id, col(Appointment.id) == appointment_id
    )
    await hold_patients(
        writing, list((await writing.execute(owner)).scalars())
    )  # as a booking does, and before the row
    visit, branch = await held_visit(writing, clinic_id, appointment_id)
    if visit.source != OWN_SOURCE:
        raise VisitOfAnotherSystem
    before = AppointmentStatus(visit.status)
    if before not in STANDING:
        raise TransitionNotAllowed(Fault("/status", "transition-not-allowed"))
    _check_times(starts_at, ends_at, now)
    await check_no_overlap(writing, clinic_id, visit.patient_id, starts_at, ends_at, other_than=visit.id)
    visit.starts_at, visit.ends_at, visit.changed_at = starts_at, ends_at, now
    visit.confirmed_by_patient_at, visit.ical_sequence = None, visit.ical_sequence + 1
    if before is AppointmentStatus.CONFIRMED:
        visit.status = AppointmentStatus.BOOKED.value
    await free_slot(writing, visit, actor, now)
    await settle_requests(writing, clinic_id, {visit.id: AppointmentStatus(visit.status)}, {visit.id}, actor, now)
    told = Happening("appointment.moved", visit.id, patient_id=visit.patient_id)
    await record(writing, clinic_id, actor, [told], now)
    return visit_value(visit, branch)


async def held_visit(
    writing: Writing, clinic_id: UUID, appointment_id: UUID, patient_id: UUID | None = None
) -> tuple[Appointment, Branch]:
    """A visit, locked until the commit, and its branch; of this patient, where one is named. Raises `NotFound`."""
    same_branch = (col(Branch.clinic_id) == Appointment.clinic_id) & (col(Branch.id) == Appointment.branch_id)
    statement = (
        select(Appointment, Branch)
        .join(Branch, same_branch)
        .where(col(Appointment.clinic_id) == clinic_id, col(Appointment.id) == appointment_id)
        .with_for_update(of=Appointment)
    )
    if patient_id is not None:
        statement = statement.where(col(Appointment.patient_id) == patient_id)
    found = (await writing.execute(statement)).one_or_none()
    if found is None:
        raise NotFound
    visit, branch = found
    return visit, branch


async def put_into(
    writing: Writing, visit: Appointment, status: AppointmentStatus, actor: Actor, now: datetime,
    facts: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    """Give a held visit of ours another state, with all that follows: its slot, open requests, the event."""
    before = AppointmentStatus(visit.status)
    visit.status, visit.changed_at, visit.ical_sequence = status.value, now, visit.ical_sequence + 1
    kind = event_kind(before, status, moved=False)
    happening = Happening(kind, visit.id, patient_id=visit.patient_id, facts=facts or {})
    await record(writing, visit.clinic_id, actor, [happening], now)
    if status in (AppointmentStatus.CANCELLED, AppointmentStatus.DECLINED):
        await free_slot(writing, visit, actor, now)
    await settle_requests(writing, visit.clinic_id, {visit.id: status}, set(), actor, now)
