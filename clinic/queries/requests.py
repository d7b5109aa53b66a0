"""What patients asked of the clinic, as they and the desk see it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, func, select
from sqlmodel import col

from clinic.household import AccessScope
from clinic.queries.fragments import patient_name
from clinic.request import RequestKind, RequestStatus, kinds_within
from clinic.tables import PatientRequest
from core.database import Reading
from core.moments import Moment
from core.values import Value


class RequestView(Value):
    """One request: what was asked of which thing, and the clinic's answer with its note."""

    request_id: UUID
    patient_id: UUID
    kind: RequestKind
    subject_id: UUID | None = Field(description="What it is about, where there is such a thing: a visit, a document.")
    status: RequestStatus
    details: dict[str, Any] = Field(
        description="What was asked in particular; its members depend on `kind`.",
        examples=[{"reason": "I am away that week"}],
    )
    made_at: Moment
    answered_at: Moment | None
    note: str = Field(description="What the clinic answered in words; empty if nothing.")


class InboxRequest(Value):
    """A request as the desk sees it, with whose it is."""

    patient_name: str
    request: RequestView


async def requests_of(
    reading: Reading, patient_id: UUID, scopes: Collection[AccessScope],
    *, after: tuple[datetime, UUID] | None, limit: int,
) -> list[RequestView]:  # fmt: skip
    """A patient's requests within `scopes`, latest first, past the key `after` (made_at, id)."""
    statement = (
        select(PatientRequest)
        .where(col(PatientRequest.patient_id) == patient_id, _within(scopes))
        .order_by(col(PatientRequest.made_at).desc(), col(PatientRequest.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_key() < func.row(*after))
    return [request_value(row) for row in (await reading.execute(statement)).scalars()]


async def requests_named(
    reading: Reading, patient_id: UUID, scopes: Collection[AccessScope], names: Collection[UUID]
) -> list[RequestView]:
    """Those of these requests that are the patient's, within `scopes`."""
    mine = (col(PatientRequest.patient_id) == patient_id, col(PatientRequest.id).in_(names), _within(scopes))
    return [request_value(row) for row in (await reading.execute(select(PatientRequest).where(*mine))).scalars()]


async def request_inbox(
    reading: Reading, status: RequestStatus, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[InboxRequest]:
    """The requests of the clinic in one state, oldest first: who waits longest stands on top."""
    name = patient_name(col(PatientRequest.clinic_id), col(PatientRequest.patient_id))
    statement = (
        select(PatientRequest, name)
        .where(col(PatientRequest.status) == status.value)
        .order_by(col(PatientRequest.made_at), col(PatientRequest.id))
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_key() > func.row(*after))
    rows = await reading.execute(statement)
    return [InboxRequest(patient_name=named, request=request_value(row)) for row, named in rows]


def _within(scopes: Collection[AccessScope]) -> ColumnElement[bool]:
    return col(PatientRequest.kind).in_([kind.value for kind in kinds_within(scopes)])


def _key() -> Any:
    return func.row(col(PatientRequest.made_at), col(PatientRequest.id))


def request_value(row: PatientRequest) -> RequestView:
    return RequestView(
        request_id=row.id,
        patient_id=row.patient_id,
        kind=RequestKind(row.kind),
        subject_id=row.subject_id,
        status=RequestStatus(row.status),
        details=row.details,
        made_at=row.made_at,
        answered_at=row.answered_at,
        note=row.note,
    )
