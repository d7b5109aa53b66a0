"""Rows of examinations of the gums."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.upsert import SyncedRow, synced_key


class PerioExamRow(SyncedRow, table=True):
    """One examination; `teeth` holds what was measured, as `cabinet.perio.Probed` has it, and nothing derived."""

    __tablename__ = "perio_exam"
    __table_args__ = (
        synced_key("perio_exam"),
        of_patient("perio_exam"),
        Index("perio_exam_of_patient", "clinic_id", "patient_id", "examined_on"),
    )

    patient_id: UUID
    examined_on: date
    teeth: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    entered_in_error: bool = False
