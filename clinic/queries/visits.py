"""Appointments, as patients and staff see them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import Select, and_, func, select
from sqlmodel import col

from clinic.appointment import AppointmentStatus, cancel_until
from clinic.hours import day_span, local_text
from clinic.queries.fragments import patient_name
from clinic.tables import Appointment, Branch, VisitLabel
from clinic.visit_label import label
from core.database import Reading
from core.moments import Moment
from core.upsert import OWN_SOURCE
from core.values import Value


@dataclass(frozen=True, slots=True)
class Viewer:
    """For whom a visit is written: the language of its words, and the zone of their own clock if they told it."""

    language: str = "en"
    zone: str | None = None


class Visit(Value):
    """An appointment in short; times are UTC, `zone` is the branch's."""

    appointment_id: UUID
    patient_id: UUID
    branch_id: UUID
    branch_name: str
    zone: str
    starts_at: Moment
    ends_at: Moment
    status: AppointmentStatus
    service: str
    practitioner: str


LocalMoment = Field(description="With the offset of that day.", examples=["2026-11-22T10:30:00+01:00"])


class LocalSpan(Value):
    """The same visit on the clock of another zone: `zone` of the request."""

    zone: str
    starts_local: str = LocalMoment
    ends_local: str = LocalMoment


class VisitView(Visit):
    """An appointment in full: in words, on the branch's clock and the viewer's, and until when it may be called off."""

    status_label: str = Field(description="The clinic's word for `status`, in the language asked for.")
    starts_local: str = LocalMoment
    ends_local: str = LocalMoment
    elsewhere: LocalSpan | None = Field(description="On the clock of the zone that was asked for.")
    cancel_until: Moment = Field(description="After that the branch wants a call.")
    confirmed_by_patient_at: Moment | None
    booked_here: bool = Field(description="False: the clinic's own system keeps it, and changes are asked for.")


class DayVisit(Value):
    """A visit of a branch's day, with whose it is."""

    patient_name: str
    visit: VisitView


class When(StrEnum):
    ALL = "all"
    UPCOMING = "upcoming"
    PAST = "past"


async def visits(
    reading: Reading, patient_id: UUID, when: When, viewer: Viewer, now: datetime,
    *, after: tuple[datetime, UUID] | None, limit: int,
) -> list[VisitView]:  # fmt: skip
    """A patient's appointments by start, past the key `after`: oldest first, those of the past latest first.

    A visit is upcoming until it ends.
    """
    statement = _views(viewer).where(col(Appointment.patient_id) == patient_id).limit(limit)
    key, keys = func.row(col(Appointment.starts_at), col(Appointment.id)), [Appointment.starts_at, Appointment.id]
    if when is When.UPCOMING:
        statement = statement.where(col(Appointment.ends_at) > now)
    if when is When.PAST:
        statement = statement.where(col(Appointment.ends_at) <= now).order_by(*(col(each).desc() for each in keys))
    else:
        statement = statement.order_by(*(col(each) for each in keys))
    if after is not None:
        statement = statement.where(key < func.row(*after) if when is When.PAST else key > func.row(*after))
    return [_view(visit, branch, word, viewer) for visit, branch, word in (await reading.execute(statement))]


async def visits_named(reading: Reading, patient_id: UUID, names: Collection[UUID], viewer: Viewer) -> list[VisitView]:
    """Those of these visits that are the patient's."""
    mine = (col(Appointment.patient_id) == patient_id, col(Appointment.id).in_(names))
    rows = await reading.execute(_views(viewer).where(*mine))
    return [_view(visit, branch, word, viewer) for visit, branch, word in rows]


async def visit_view(
    reading: Reading, appointment_id: UUID, viewer: Viewer, patient_id: UUID | None = None
) -> VisitView | None:
    """One visit; of this patient, where one is named."""
    statement = _views(viewer).where(col(Appointment.id) == appointment_id)
    if patient_id is not None:
        statement = statement.where(col(Appointment.patient_id) == patient_id)
    row = (await reading.execute(statement)).one_or_none()
    return _view(row[0], row[1], row[2], viewer) if row else None


async def branch_day(
    reading: Reading, branch_id: UUID, day: date, viewer: Viewer, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[DayVisit] | None:
    """The visits that begin on a calendar day of the branch, by start; None for no branch of the clinic."""
    zone = (await reading.execute(select(col(Branch.zone)).where(col(Branch.id) == branch_id))).scalar_one_or_none()
    if zone is None:
        return None
    start, end = day_span(day, zone)
    key = func.row(col(Appointment.starts_at), col(Appointment.id))
    statement = (
        _views(viewer)
        .add_columns(patient_name(col(Appointment.clinic_id), col(Appointment.patient_id)))
        .where(col(Appointment.branch_id) == branch_id)
        .where(col(Appointment.starts_at) >= start, col(Appointment.starts_at) < end)
        .order_by(col(Appointment.starts_at), col(Appointment.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(key > func.row(*after))
    rows = await reading.execute(statement)
    return [DayVisit(patient_name=name, visit=_view(visit, branch, word, viewer)) for visit, branch, word, name in rows]


def _views(viewer: Viewer) -> Select[Appointment, Branch, str]:
    same_branch = and_(col(Branch.clinic_id) == Appointment.clinic_id, col(Branch.id) == Appointment.branch_id)
    word = and_(
        col(VisitLabel.clinic_id) == Appointment.clinic_id,
        col(VisitLabel.status) == Appointment.status,
        col(VisitLabel.language) == viewer.language,
    )
    columns = select(Appointment, Branch, col(VisitLabel.label))
    return columns.join(Branch, same_branch).outerjoin(VisitLabel, word)


def visit_value(appointment: Appointment, branch: Branch) -> Visit:
    return Visit(**_plain(appointment, branch))


def _plain(appointment: Appointment, branch: Branch) -> dict[str, Any]:
    return {
        "appointment_id": appointment.id,
        "patient_id": appointment.patient_id,
        "branch_id": branch.id,
        "branch_name": branch.name,
        "zone": branch.zone,
        "starts_at": appointment.starts_at,
        "ends_at": appointment.ends_at,
        "status": AppointmentStatus(appointment.status),
        "service": appointment.service,
        "practitioner": appointment.practitioner,
    }


def local_span(starts_at: datetime, ends_at: datetime, viewer: Viewer) -> LocalSpan | None:
    """The span on the viewer's own clock, where they told their zone."""
    zone = viewer.zone
    if zone is None:
        return None
    return LocalSpan(zone=zone, starts_local=local_text(starts_at, zone), ends_local=local_text(ends_at, zone))


def _view(appointment: Appointment, branch: Branch, word: str | None, viewer: Viewer) -> VisitView:
    begins, ends, status = appointment.starts_at, appointment.ends_at, AppointmentStatus(appointment.status)
    return VisitView(
        **_plain(appointment, branch),
        status_label=label(status, viewer.language, word),
        starts_local=local_text(begins, branch.zone),
        ends_local=local_text(ends, branch.zone),
        elsewhere=local_span(begins, ends, viewer),
        cancel_until=cancel_until(status, begins, timedelta(hours=branch.cancel_notice_hours)),
        confirmed_by_patient_at=appointment.confirmed_by_patient_at,
        booked_here=appointment.source == OWN_SOURCE,
    )
