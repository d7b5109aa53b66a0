"""Rows of what patients agreed to."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index

from clinic.keys import of_patient
from core.database import TenantRow
from core.schema import APPEND_ONLY


class ConsentRow(TenantRow, table=True):
    """What a patient said to one purpose on one channel; the last word counts.

    The proof stands beside it: who gave it (`self`, `guardian`, `carer`), the version of the words shown and their
    hash, in which language, in which session and how.
    """

    __tablename__ = "consent"
    __table_args__ = (
        of_patient("consent"),
        Index("consent_of_patient", "clinic_id", "patient_id", "purpose", "channel", "at"),
        {"info": {APPEND_ONLY: True}},
    )

    patient_id: UUID
    purpose: str
    channel: str
    granted: bool
    actor_kind: str
    actor_id: UUID | None = None
    at: datetime
    giver: str | None = None
    text_version: str | None = None
    text_sha256: str | None = None
    language: str | None = None
    session_id: UUID | None = None
    how: str | None = None
