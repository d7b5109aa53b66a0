"""Rows of the tooth chart: findings (the truth, append-only), procedures, and the chart folded from the findings."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Column, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import ARRAY, JSON, TEXT
from sqlmodel import Field

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import APPEND_ONLY, TRIGGERS
from core.upsert import SyncedRow, synced_key


class FindingRow(TenantRow, table=True):
    """One version of one finding. All versions of one external id share `series_id`."""

    __tablename__ = "finding"
    __table_args__ = (
        UniqueConstraint("clinic_id", "source", "external_id", "source_version", name="finding_external"),
        of_patient("finding"),
        Index("finding_of_patient", "clinic_id", "patient_id", "observed_on"),
        Index("finding_series", "clinic_id", "series_id", "source_version"),
        {"info": {APPEND_ONLY: True}},
    )

    patient_id: UUID
    series_id: UUID
    source: str
    external_id: str
    source_version: int = Field(sa_type=BigInteger)
    content_hash: str
    tooth: str
    surfaces: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    code: str
    status: str
    material: str | None = None
    group_name: str | None = None
    grade: int | None = None
    canals: int | None = None
    observed_on: date
    recorded_at: datetime


class ProcedureRow(SyncedRow, table=True):
    __tablename__ = "procedure"
    __table_args__ = (
        synced_key("procedure"),
        of_patient("procedure"),
        # Whole: a question about everybody's last one reads it and no row.
        Index(
            "procedure_last", "clinic_id", "kind", "patient_id", "performed_on", postgresql_include=["entered_in_error"]
        ),
        Index("procedure_of_patient", "clinic_id", "patient_id", "performed_on"),
    )

    patient_id: UUID
    kind: str
    performed_on: date
    tooth: str | None = None
    name: str = ""
    entered_in_error: bool = False


class ChartRow(TenantRow, table=True):
    """A patient's chart, folded with every change so that reading is one key lookup; `id` is the patient's.

    It stands here once in each language: its texts are part of it, and only the column asked for is read. It is `json`
    and not `jsonb`, as it is only ever handed on: PostgreSQL copies the one and prints the other anew.

    Good for reading until `holds_until`, while the patient's birth date is the one it was folded with and
    `shape` is the present one.
    """

    __tablename__ = "chart"
    __table_args__ = (of_patient("chart"), {"info": {TRIGGERS: Told("chart", subject="patient_id")}})

    patient_id: UUID
    teeth: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """In English."""
    teeth_ru: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    teeth_it: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    teeth_zh: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    birth_date: date
    holds_until: date | None = None
    shape: int
    version: int
    changed_at: datetime
