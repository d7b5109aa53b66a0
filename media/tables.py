"""Rows of media: one picture, whose bytes lie in the storage under a key made from this row."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import TRIGGERS


class Picture(TenantRow, table=True):
    """An X-ray or photo of a patient. The bytes never change; what is known of them does.

    `lease_until` and `attempts` are the worker's: who looks into it until when, and how often it was tried.
    """

    __tablename__ = "picture"
    __table_args__ = (
        of_patient("picture"),
        UniqueConstraint("clinic_id", "source", "external_id", name="picture_external"),
        Index("picture_of_patient", "clinic_id", "patient_id", "id"),
        # The worker's sweep crosses clinics and wants the few that wait, not the many that are done.
        Index("picture_waiting", "uploaded_at", postgresql_where=text("state = 'uploaded'")),
        {"info": {TRIGGERS: Told("picture", is_open="not private", quiet=("lease_until", "attempts"))}},
    )

    patient_id: UUID
    source: str | None = None
    external_id: str | None = None
    kind: str
    state: str
    reason: str | None = None
    media_type: str
    size_bytes: int
    size_1024: int | None = None
    size_256: int | None = None
    sha256: str
    width: int | None = None
    height: int | None = None
    taken_on: date | None = None
    uploaded_at: datetime
    ready_at: datetime | None = None
    released_at: datetime | None = None
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    lease_until: datetime | None = None
    attempts: int = 0
