"""Requests of patients: make one, answer it, withdraw it. Each is answered once."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.appointment import AppointmentStatus
from clinic.commands.patients import hold_patient, hold_patients
from clinic.queries.requests import RequestView, request_value
from clinic.request import MOST_OPEN, RequestKind, RequestStatus, RequestVerdict, settled, status_after
from clinic.tables import PatientRequest
from core.database import Writing
from core.errors import Conflict, NotAllowed, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id


class RequestAlreadyOpen(Conflict):
    """The same was asked of the same thing and waits for an answer."""

    slug = "request-already-open"


class TooManyOpenRequests(Conflict):
    slug = "too-many-open-requests"


class RequestNotOpen(Conflict):
    """It has been answered or withdrawn."""

    slug = "request-not-open"


class RequestOfAnother(NotAllowed):
    """Somebody else who opens the same record asked this; only they take it back."""

    slug = "request-of-another"


async def make_request(
    writing: Writing, clinic_id: UUID, patient_id: UUID, kind: RequestKind, subject_id: UUID | None,
    details: dict[str, Any], actor: Actor, now: datetime, private: bool = False,
) -> RequestView:  # fmt: skip
    """Ask the clinic for something. `details` are JSON; the caller has checked and bounded them.

    The partial unique index lets of two equal requests at once one through. `private` hides it from guardians.
    Raises `NotFound` (patient), `RequestAlreadyOpen` (same kind and `subject_id`), `TooManyOpenRequests`.
    """
    await hold_patient(writing, patient_id)
    if await open_requests(writing, clinic_id, patient_id) >= MOST_OPEN:
        raise TooManyOpenRequests
    columns = {
        "clinic_id": clinic_id, "id": new_id(), "patient_id": patient_id, "kind": kind.value,
        "subject_id": subject_id, "status": RequestStatus.OPEN.value, "details": details,
        "made_by_kind": actor.kind.value, "made_by": actor.id, "made_at": now, "note": "", "private": private,
    }  # fmt: skip
    made = insert(PatientRequest).values(columns).on_conflict_do_nothing().returning(PatientRequest)
    row = (await writing.execute(made)).scalar_one_or_none()
    if row is None:
        raise RequestAlreadyOpen
    await _tell(writing, row, "made", actor, now)
    return request_value(row)


async def ask_once(
    writing: Writing, clinic_id: UUID, patient_id: UUID, kind: RequestKind, subject_id: UUID | None,
    details: dict[str, Any], actor: Actor, now: datetime, private: bool = False,
) -> RequestView:  # fmt: skip
    """`make_request`; said again after a lost answer, word for word by the same person, it is the same request."""
    await hold_patients(writing, [patient_id])
    same = (
        col(PatientRequest.clinic_id) == clinic_id,
        col(PatientRequest.patient_id) == patient_id,
        col(PatientRequest.status) == RequestStatus.OPEN.value,
        col(PatientRequest.kind) == kind.value,
        col(PatientRequest.subject_id).is_not_distinct_from(subject_id),
        col(PatientRequest.details) == details,
        col(PatientRequest.made_by) == actor.id,
        col(PatientRequest.private) == private,
    )
    asked = (await writing.execute(select(PatientRequest).where(*same).limit(1))).scalar_one_or_none()
    if asked is not None:
        return request_value(asked)
    return await make_request(writing, clinic_id, patient_id, kind, subject_id, details, actor, now, private)


async def answer_request(
    writing: Writing, clinic_id: UUID, request_id: UUID, verdict: RequestVerdict, note: str,
    actor: Actor, now: datetime,
) -> RequestView:  # fmt: skip
    """Staff's answer, once. Raises `NotFound`, `RequestNotOpen`."""
    change = {"status": status_after(verdict).value, "note": note, "answered_at": now, "answered_by": actor.id}
    return request_value(await _close(writing, clinic_id, request_id, None, change, actor, now))


async def withdraw_request(
    writing: Writing, clinic_id: UUID, patient_id: UUID, request_id: UUID, actor: Actor, now: datetime
) -> RequestView:
    """Who asked takes it back while it is open. Raises `NotFound`, `RequestOfAnother`, `RequestNotOpen`."""
    mine = (col(PatientRequest.clinic_id) == clinic_id, col(PatientRequest.id) == request_id)
    asked = select(col(PatientRequest.made_by)).where(*mine, col(PatientRequest.patient_id) == patient_id)
    found = (await writing.execute(asked)).one_or_none()
    if found is None:
        raise NotFound
    if found.made_by != actor.id:
        raise RequestOfAnother
    change = {"status": RequestStatus.WITHDRAWN.value, "answered_at": now}
    return request_value(await _close(writing, clinic_id, request_id, patient_id, change, actor, now))


async def settle_requests(
    writing: Writing, clinic_id: UUID, visits: Mapping[UUID, AppointmentStatus], moved: Collection[UUID],
    actor: Actor, now: datetime,
) -> None:  # fmt: skip
    """Close the open requests about visits that changed, where the change answers them (`clinic.request.settled`).

    `visits`: the state each is in now; `moved`: those with another time. Three statements, whatever their number.
    """
    about = select(PatientRequest).where(
        col(PatientRequest.clinic_id) == clinic_id,
        col(PatientRequest.subject_id) == func.any(sorted(visits)),
        col(PatientRequest.status) == RequestStatus.OPEN.value,
    )
    happenings = []
    for row in (await writing.execute(about.order_by(col(PatientRequest.id)).with_for_update())).scalars():
        assert row.subject_id is not None
        answer = settled(RequestKind(row.kind), visits[row.subject_id], moved=row.subject_id in moved)
        if answer is not None:
            row.status, row.answered_at, row.answered_by = answer.value, now, actor.id
            happenings.append(_told(row, answer.value))
    await record(writing, clinic_id, actor, happenings, now)


async def _close(
    writing: Writing, clinic_id: UUID, request_id: UUID, patient_id: UUID | None,
    change: dict[str, Any], actor: Actor, now: datetime,
) -> PatientRequest:  # fmt: skip
    """One conditional UPDATE: of an answer and a withdrawal at once the first one stands."""
    same = [col(PatientRequest.clinic_id) == clinic_id, col(PatientRequest.id) == request_id]
    if patient_id is not None:
        same.append(col(PatientRequest.patient_id) == patient_id)
    is_open = col(PatientRequest.status) == RequestStatus.OPEN.value
    closed = update(PatientRequest).where(*same, is_open).values(change).returning(PatientRequest)
    row = (await writing.execute(closed)).scalar_one_or_none()
    if row is None:
        known = (await writing.execute(select(col(PatientRequest.id)).where(*same))).scalar_one_or_none()
        raise RequestNotOpen if known else NotFound
    await _tell(writing, row, row.status, actor, now)
    return row


async def open_requests(writing: Writing, clinic_id: UUID, patient_id: UUID, kind: RequestKind | None = None) -> int:
    """How many of the patient's wait for an answer; of a kind, those about nothing that is here already."""
    statement = select(func.count()).where(
        col(PatientRequest.clinic_id) == clinic_id,
        col(PatientRequest.patient_id) == patient_id,
        col(PatientRequest.status) == RequestStatus.OPEN.value,
    )
    if kind is not None:
        statement = statement.where(col(PatientRequest.kind) == kind.value, col(PatientRequest.subject_id).is_(None))
    return int((await writing.execute(statement)).scalar_one())


async def _tell(writing: Writing, row: PatientRequest, what: str, actor: Actor, now: datetime) -> None:
    await record(writing, row.clinic_id, actor, [_told(row, what)], now)


def _told(row: PatientRequest, what: str) -> Happening:
    facts = {"kind": row.kind, "subject_id": str(row.subject_id) if row.subject_id else None}
    return Happening(f"request.{what}", row.id, patient_id=row.patient_id, facts=facts)
