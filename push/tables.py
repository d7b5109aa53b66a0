"""Rows of push: phones, what is to be told, each try to deliver it, and what patients agreed to."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, LargeBinary, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow
from core.schema import APPEND_ONLY


class DeviceRow(TenantRow, table=True):
    """An installed app where somebody is signed in. A token belongs to the last sign-in that brought it."""

    __tablename__ = "device"
    __table_args__ = (
        UniqueConstraint("clinic_id", "app_build", "token_hash", name="device_token"),
        Index("device_account", "clinic_id", "account_id", postgresql_where=text("dead_at is null")),
    )

    account_id: UUID = Field(foreign_key="account.id")
    session_id: UUID
    platform: str
    app_build: str
    token: str
    token_hash: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    locale: str
    zone: str
    app_version: str = ""
    registered_at: datetime
    last_seen_at: datetime
    dead_at: datetime | None = None


class NoticeRow(TenantRow, table=True):
    """A line of the patient's inbox, and the head of the outbox.

    `next_at`: when a worker must look at it; null once it is spread over devices, cancelled or over.
    """

    __tablename__ = "notice"
    __table_args__ = (
        of_patient("notice"),
        UniqueConstraint("clinic_id", "dedupe_key", name="notice_dedupe"),
        Index("notice_of_patient", "clinic_id", "patient_id", "not_before"),
        Index("notice_of_cause", "clinic_id", "cause_id"),
        # The sweep crosses clinics: it asks for what is due, wherever it is.
        Index("notice_due", "next_at", postgresql_where=text("next_at is not null")),
    )

    patient_id: UUID
    kind: str
    purpose: str
    dedupe_key: str
    link: str | None = None
    not_before: datetime
    expires_at: datetime
    hours_zone: str | None = None
    hours_opens: time | None = None
    hours_closes: time | None = None
    hours_weekdays: list[int] | None = Field(default=None, sa_column=Column(ARRAY(SmallInteger)))
    cause_id: UUID | None = None
    # Only to change the number on the icon and to take banners away; in no inbox. `account_id`: on its phones alone,
    # `spared_session_id`: not on that one.
    silent: bool = False
    account_id: UUID | None = None
    spared_session_id: UUID | None = None
    # The last message of a chat it is about, and what stands on the icon of each account's app.
    seq: int | None = None
    badges: dict[str, int] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    state: str
    reason: str = ""
    next_at: datetime | None = None
    created_at: datetime
    opened_at: datetime | None = None


class DeliveryRow(TenantRow, table=True):
    """One notice to one device; without a device, the record of why it went nowhere.

    `next_at` of a due row is its next try, of a leased one the end of its lease.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "notice_id"], ["notice.clinic_id", "notice.id"], name="delivery_notice"),
        ForeignKeyConstraint(["clinic_id", "device_id"], ["device.clinic_id", "device.id"], name="delivery_device"),
        UniqueConstraint(
            "clinic_id", "notice_id", "device_id", name="delivery_once", postgresql_nulls_not_distinct=True
        ),
        Index("delivery_due", "next_at", postgresql_where=text("state in ('due', 'leased')")),
    )

    notice_id: UUID
    device_id: UUID | None = None
    state: str
    attempt: int = 0
    next_at: datetime
    provider_id: str | None = None
    reason: str = ""
    created_at: datetime
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None


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
