"""Rows of what is to be told, and of each try to deliver it."""

from datetime import datetime, time
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, SmallInteger, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT
from sqlmodel import Field

from clinic.keys import of_patient
from core.database import TenantRow


class NoticeRow(TenantRow, table=True):
    """A line of the patient's inbox, and the head of the outbox.

    `next_at`: when a worker must look at it: to begin it, or to try the next way; null once no way is left, and when
    it is cancelled or over. `tried`: the ways it went or could not go. `rings`: the places it has taken under the
    caps, by ring, each an instant.
    """

    __tablename__ = "notice"
    __table_args__ = (
        of_patient("notice"),
        UniqueConstraint("clinic_id", "dedupe_key", name="notice_dedupe"),
        Index("notice_of_patient", "clinic_id", "patient_id", "not_before"),
        Index("notice_of_cause", "clinic_id", "cause_id"),
        # The sweep crosses clinics: it asks for what is due, wherever it is.
        # Of what is still to be said of visits: the sweep asks what has become of each.
        Index(
            "notice_of_visits", "expires_at",
            postgresql_where=text("state = 'due' and kind in ('confirming', 'freed_time', 'reminding', 'visit')"),
        ),
        Index("notice_due", "lane", "next_at", postgresql_where=text("next_at is not null")),
    )  # fmt: skip

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
    # Words other than those of the kind; the visit it is about, and when that began as the notice was made.
    wording: str | None = None
    visit_id: UUID | None = None
    visit_at: datetime | None = None
    lane: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False, server_default=text("1")))
    tried: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'"))
    )
    rings: dict[str, str] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    state: str
    reason: str = ""
    next_at: datetime | None = None
    created_at: datetime
    opened_at: datetime | None = None


class DeliveryRow(TenantRow, table=True):
    """One notice to one device or address; without either, the record of why it went nowhere on this way.

    `line_id`: by which of the clinic's lines it went last. `maybe_arrived`: some try got as far as the provider.
    `next_at` of a due row is its next try, of a leased one the end of its lease.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "notice_id"], ["notice.clinic_id", "notice.id"], name="delivery_notice"),
        ForeignKeyConstraint(["clinic_id", "device_id"], ["device.clinic_id", "device.id"], name="delivery_device"),
        UniqueConstraint(
            "clinic_id",
            "notice_id",
            "channel",
            "device_id",
            "address",
            name="delivery_once",
            postgresql_nulls_not_distinct=True,
        ),
        Index("delivery_due", "lane", "next_at", postgresql_where=text("state in ('due', 'leased')")),
    )

    notice_id: UUID
    device_id: UUID | None = None
    channel: str = Field(default="push", sa_column_kwargs={"server_default": text("'push'")})
    way: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    line_id: UUID | None = None
    address: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    lane: int = Field(default=1, sa_column=Column(SmallInteger, nullable=False, server_default=text("1")))
    maybe_arrived: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    state: str
    attempt: int = 0
    next_at: datetime
    provider_id: str | None = None
    reason: str = ""
    created_at: datetime
    accepted_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
