"""Rows of what providers reported, of what strangers wrote, and of confirmations that are to be sent."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import col

from clinic.keys import of_patient
from core.database import TenantRow
from push.tables.notices import DeliveryRow

# By what providers call our messages.
Index(
    "delivery_of_provider", col(DeliveryRow.clinic_id), col(DeliveryRow.provider_id),
    postgresql_where=text("provider_id is not null"),
)  # fmt: skip


class ReportRow(TenantRow, table=True):
    """What was told once of one message; the same again is no row. Until its delivery is known it waits for it."""

    __tablename__ = "report"
    __table_args__ = (
        UniqueConstraint("clinic_id", "line_id", "dedupe_key", name="report_once"),
        Index("report_waiting", "taken_at", postgresql_where=text("joined_at is null and provider_id <> ''")),
    )

    line_id: UUID
    dedupe_key: str
    provider_id: str
    reported: str
    code: str
    at: datetime
    taken_at: datetime
    joined_at: datetime | None = None


class StrangerRow(TenantRow, table=True):
    """What came from an address that is nobody's, or several people's; the desk says whose it is."""

    __tablename__ = "stranger_message"
    __table_args__ = (
        UniqueConstraint("clinic_id", "line_id", "external_id", name="stranger_message_once"),
        Index("stranger_message_open", "clinic_id", "id", postgresql_where=text("settled_at is null")),
    )

    line_id: UUID
    way: str
    external_id: str
    address: str
    body: str
    at: datetime
    settled_at: datetime | None = None
    settled_by: UUID | None = None


class ConfirmationRow(TenantRow, table=True):
    """One word of ours to a stop or a start, on the line where it was said; at most one an hour."""

    __tablename__ = "stop_confirmation"
    __table_args__ = (
        UniqueConstraint("clinic_id", "line_id", "address", "wish", name="stop_confirmation_once"),
        Index("stop_confirmation_due", "asked_at", postgresql_where=text("claimed_at is null")),
    )

    line_id: UUID
    way: str
    address: str
    wish: str
    language: str
    asked_at: datetime
    claimed_at: datetime | None = None


class InboxReadRow(TenantRow, table=True):
    """Up to when an account has read everything in the inbox of a patient."""

    __tablename__ = "inbox_read"
    __table_args__ = (
        of_patient("inbox_read"),
        UniqueConstraint("clinic_id", "patient_id", "account_id", name="inbox_read_once"),
    )

    patient_id: UUID
    account_id: UUID
    read_through: datetime
