"""Free times that may be booked."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, func, literal, or_, select
from sqlalchemy.orm import aliased
from sqlmodel import col

from clinic.appointment import LONGEST_VISIT, OVER, BookingPolicy
from clinic.hours import local_text
from clinic.queries.visits import LocalMoment, LocalSpan, Viewer, local_span
from clinic.slot import MOST_ALTERNATIVES
from clinic.tables import Appointment, Branch, SlotRow
from core.database import Reading
from core.moments import Moment
from core.values import Value


class FreeSlot(Value):
    """A time that may be booked: in UTC, on the branch's clock and on that of the zone asked for."""

    slot_id: UUID
    branch_id: UUID
    branch_name: str
    zone: str
    practitioner: str
    services: list[str] = Field(max_length=50, description="None: for anything.")
    starts_at: Moment
    ends_at: Moment
    starts_local: str = LocalMoment
    ends_local: str = LocalMoment
    elsewhere: LocalSpan | None = None
    booking: BookingPolicy = Field(description="`direct`: booked at once; `request`: the clinic says yes or no.")


@dataclass(frozen=True, slots=True)
class SlotFilter:
    """Which times are looked for; empty and None: any."""

    service: str = ""
    practitioner: str = ""
    branch_id: UUID | None = None
    starts_from: datetime | None = None
    starts_before: datetime | None = None


def bookable(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """SQL: the clinic's system has it open, nobody has booked it, and it lies ahead."""
    return col(SlotRow.is_open).is_(True), col(SlotRow.appointment_id).is_(None), col(SlotRow.starts_at) > now


def unheld(now: datetime) -> ColumnElement[bool]:
    """SQL: it is not kept for those of the waiting list to whom it was offered."""
    return or_(col(SlotRow.held_until).is_(None), col(SlotRow.held_until) <= now)


def untreated(but: UUID | None = None) -> ColumnElement[bool]:
    """SQL: whoever is named to treat in it treats nobody else at its branch then; `but`: a visit that is none else's.

    A booked slot says so too, where the visit in it is private and its row hidden from who asks.
    """
    visit = select(literal(1)).where(
        col(Appointment.clinic_id) == SlotRow.clinic_id,
        col(Appointment.branch_id) == SlotRow.branch_id,
        func.lower(col(Appointment.practitioner)) == func.lower(col(SlotRow.practitioner)),
        col(Appointment.starts_at) < SlotRow.ends_at,
        col(Appointment.starts_at) > col(SlotRow.starts_at) - LONGEST_VISIT,  # no visit is longer: for the index
        col(Appointment.ends_at) > SlotRow.starts_at,
        col(Appointment.status).not_in([status.value for status in sorted(OVER)]),
    )
    other = aliased(SlotRow)
    booked = select(literal(1)).where(
        col(other.clinic_id) == SlotRow.clinic_id,
        col(other.branch_id) == SlotRow.branch_id,
        func.lower(col(other.practitioner)) == func.lower(col(SlotRow.practitioner)),
        col(other.starts_at) < SlotRow.ends_at,
        col(other.ends_at) > SlotRow.starts_at,
        col(other.appointment_id).is_not(None),
        col(other.id) != SlotRow.id,
    )
    if but is not None:
        visit = visit.where(col(Appointment.id) != but)
    busy = or_(visit.correlate(SlotRow).exists(), booked.correlate(SlotRow).exists())
    return or_(col(SlotRow.practitioner) == "", ~busy)


async def free_slots(
    reading: Reading, wanted: SlotFilter, viewer: Viewer, now: datetime,
    *, after: tuple[datetime, UUID] | None, limit: int,
) -> list[FreeSlot]:  # fmt: skip
    """Free times by start, past the key `after`."""
    key = func.row(col(SlotRow.starts_at), col(SlotRow.id))
    statement = _free(now).where(*_wanted(wanted)).order_by(col(SlotRow.starts_at), col(SlotRow.id)).limit(limit)
    if after is not None:
        statement = statement.where(key > func.row(*after))
    return [slot_value(slot, branch, viewer) for slot, branch in (await reading.execute(statement))]


def _free(now: datetime) -> Select[SlotRow, Branch]:
    same_branch = (col(Branch.clinic_id) == SlotRow.clinic_id) & (col(Branch.id) == SlotRow.branch_id)
    return select(SlotRow, Branch).join(Branch, same_branch).where(*bookable(now), unheld(now), untreated())


def _wanted(wanted: SlotFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.service:
        conditions.append(_for_service(wanted.service))
    if wanted.practitioner:
        conditions.append(func.lower(col(SlotRow.practitioner)) == func.lower(wanted.practitioner))
    if wanted.branch_id is not None:
        conditions.append(col(SlotRow.branch_id) == wanted.branch_id)
    if wanted.starts_from is not None:
        conditions.append(col(SlotRow.starts_at) >= wanted.starts_from)
    if wanted.starts_before is not None:
        conditions.append(col(SlotRow.starts_at) < wanted.starts_before)
    return conditions


def _for_service(service: str) -> ColumnElement[bool]:
    """SQL: `clinic.slot.is_for`."""
    offered = func.unnest(col(SlotRow.services)).table_valued("name").render_derived(name="offered")
    same = func.lower(offered.c.name) == func.lower(service)
    named = select(literal(1)).select_from(offered).where(same).correlate(SlotRow).exists()
    return or_(named, func.cardinality(col(SlotRow.services)) == 0)


async def alternatives(
    reading: Reading, missed: SlotRow, service: str, viewer: Viewer, now: datetime
) -> list[FreeSlot]:
    """The nearest free times for the same service: of the same branch first, then by distance from the missed one."""
    elsewhere = col(SlotRow.branch_id) != missed.branch_id
    distance = func.abs(func.extract("epoch", col(SlotRow.starts_at) - missed.starts_at))
    statement = _free(now).order_by(elsewhere, distance, col(SlotRow.id)).limit(MOST_ALTERNATIVES)
    if service:
        statement = statement.where(_for_service(service))
    return [slot_value(slot, branch, viewer) for slot, branch in (await reading.execute(statement))]


def slot_value(slot: SlotRow, branch: Branch, viewer: Viewer) -> FreeSlot:
    return FreeSlot(
        slot_id=slot.id,
        branch_id=branch.id,
        branch_name=branch.name,
        zone=branch.zone,
        practitioner=slot.practitioner,
        services=slot.services,
        starts_at=slot.starts_at,
        ends_at=slot.ends_at,
        starts_local=local_text(slot.starts_at, branch.zone),
        ends_local=local_text(slot.ends_at, branch.zone),
        elsewhere=local_span(slot.starts_at, slot.ends_at, viewer),
        booking=BookingPolicy(branch.booking),
    )
