"""Rows of phones: installed apps where somebody is signed in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, Index, LargeBinary, UniqueConstraint, text
from sqlmodel import Field

from core.database import TenantRow


class DeviceRow(TenantRow, table=True):
    """An installed app where somebody is signed in. A token belongs to the last sign-in that brought it.

    A row's token never changes but to nothing: what a provider says of a token is said of its row alone.
    """

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("clinic_id", "app_build", "token_hash", name="device_token"),
        Index("device_account", "clinic_id", "account_id", postgresql_where=text("dead_at is null")),
        # The sweep that forgets crosses clinics.
        Index("device_unseen", "last_seen_at", postgresql_where=text("token <> ''")),
    )

    account_id: UUID = Field(foreign_key="account.id")
    session_id: UUID
    platform: str
    app_build: str
    way: str = Field(default="fcm", sa_column_kwargs={"server_default": "fcm"})
    permission: str = Field(default="unknown", sa_column_kwargs={"server_default": "unknown"})
    token: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    locale: str
    zone: str
    app_version: str = ""
    registered_at: datetime
    last_seen_at: datetime
    dead_at: datetime | None = None
