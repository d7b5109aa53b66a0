"""Rows of visits: appointments, ours and those of the clinic's system, and what each state is called."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import TRIGGERS
from core.upsert import SyncedRow, synced_key


class Appointment(SyncedRow, table=True):
    __tablename__ = "appointment"
    __table_args__ = (
        synced_key("appointment"),
        of_patient("appointment"),
        ForeignKeyConstraint(["clinic_id", "branch_id"], ["branch.clinic_id", "branch.id"], name="appointment_branch"),
        Index("appointment_of_patient", "clinic_id", "patient_id", "starts_at"),
        Index("appointment_of_branch", "clinic_id", "branch_id", "starts_at"),
        {"info": {TRIGGERS: Told("visit", is_open="not private")}},
    )

    patient_id: UUID
    branch_id: UUID
    starts_at: datetime
    ends_at: datetime
    status: str
    service: str
    practitioner: str = ""
    # The slot of `slot` it was booked into by the patient, which is free again when the visit is called off.
    slot_id: UUID | None = None
    confirmed_by_patient_at: datetime | None = None
    # RFC 5545 SEQUENCE: rises with every change that a calendar should show.
    ical_sequence: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})


class VisitLabel(TenantRow, table=True):
    """The clinic's own word for a state of a visit in one language; ours stands where there is none."""

    __tablename__ = "visit_label"
    __table_args__ = (Index("visit_label_word", "clinic_id", "status", "language", unique=True),)

    status: str
    language: str
    label: str
