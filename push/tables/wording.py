"""Rows of how a clinic words its messages, and of what its patients let a lock screen show."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow
from core.schema import APPEND_ONLY


class MessageTemplateRow(TenantRow, table=True):
    """A text in use, as its present version says it (`push.template.TemplateDraft`)."""

    __tablename__ = "message_template"
    __table_args__ = (
        Index(
            "message_template_place", "clinic_id", "kind", "wording", "channel", "language", "tone", "variant",
            unique=True, postgresql_where=text("archived_at is null"),
        ),
    )  # fmt: skip

    kind: str
    # Empty: of all notices of the kind that have no words of their own.
    wording: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    channel: str
    language: str
    tone: str
    variant: str
    version: int
    draft: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    changed_at: datetime
    archived_at: datetime | None = None


class MessageTemplateVersionRow(TenantRow, table=True):
    """A text as it was from one change to the next: what was sent can be shown, to the letter."""

    __tablename__ = "message_template_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "template_id"], ["message_template.clinic_id", "message_template.id"],
            name="message_template_version_of",
        ),
        UniqueConstraint("clinic_id", "template_id", "version", name="message_template_version_once"),
        {"info": {APPEND_ONLY: True}},
    )  # fmt: skip

    template_id: UUID
    version: int
    draft: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    made_by: UUID | None = None
    made_at: datetime


class ClinicWordingRow(SQLModel, table=True):
    """In which tone the clinic speaks to its patients."""

    __tablename__ = "clinic_wording"

    clinic_id: UUID = Field(primary_key=True, foreign_key="clinic.clinic_id")
    tone: str
    changed_at: datetime


class LockScreenRow(SQLModel, table=True):
    """What a patient lets a lock screen show; without a row it is nothing but that there is news."""

    __tablename__ = "lock_screen"
    __table_args__ = (of_patient("lock_screen"),)

    clinic_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    mode: str
    changed_at: datetime


class SaidRow(TenantRow, table=True):
    """Which of the clinic's own texts a delivery was said in; `id` is the delivery's."""

    __tablename__ = "said"
    __table_args__ = (
        of_patient("said"),
        ForeignKeyConstraint(["clinic_id", "id"], ["delivery.clinic_id", "delivery.id"], name="said_delivery"),
        Index("said_template", "clinic_id", "template_id", "version"),
    )

    patient_id: UUID
    template_id: UUID
    version: int
    variant: str
