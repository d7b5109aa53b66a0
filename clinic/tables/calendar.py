"""Rows of calendar subscriptions: the hash of a secret address, whose visits it shows, and to whom."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, text
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow

_STANDING = text("revoked_at is null")


class CalendarFeed(TenantRow, table=True):
    """Shows the visits of one record to one account for as long as that account may open it."""

    __tablename__ = "calendar_feed"
    __table_args__ = (
        of_patient("calendar_feed"),
        Index("calendar_feed_token", "clinic_id", "token_hash", unique=True),
        Index("calendar_feed_one", "clinic_id", "account_id", "patient_id", unique=True, postgresql_where=_STANDING),
    )

    account_id: UUID = Field(foreign_key="account.id")
    patient_id: UUID
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    made_at: datetime
    revoked_at: datetime | None = None
