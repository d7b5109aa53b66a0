"""Rows of what patients ask of the clinic, where its own system is the master."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import PRIVATE_WITH, TRIGGERS

_OPEN = text("status = 'open'")
_UNTOLD = text("status in ('accepted', 'declined') and notice_decided_at is null")


class PatientRequest(TenantRow, table=True):
    """A wish of a patient that staff answers; the desk or the clinic's system does it."""

    __tablename__ = "patient_request"
    __table_args__ = (
        of_patient("patient_request"),
        Index("patient_request_of_patient", "clinic_id", "patient_id", "made_at", "id"),
        Index("patient_request_inbox", "clinic_id", "status", "made_at", "id"),
        # Of one thing the same is asked once at a time: two taps at once make one row.
        Index(
            "patient_request_open", "clinic_id", "patient_id", "subject_id", "kind", unique=True, postgresql_where=_OPEN
        ),
        Index("patient_request_untold", "answered_at", postgresql_where=_UNTOLD),
        {
            "info": {
                TRIGGERS: Told("request", is_open="not private", quiet=("notice_decided_at",)),
                PRIVATE_WITH: {"subject_id": ("appointment", "plan", "document")},
            }
        },
    )

    patient_id: UUID
    kind: str
    subject_id: UUID | None = None
    status: str
    details: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    made_by_kind: str
    made_by: UUID | None = None
    made_at: datetime
    answered_at: datetime | None = None
    answered_by: UUID | None = None
    note: str = ""
    # Whether the patient's phones are told of the answer was decided then.
    notice_decided_at: datetime | None = None
    private: bool = False
    # The private thing that hides it, where it was not marked for itself (`core.private`).
    hidden_by: UUID | None = None
