"""Rows of the ways out of a clinic: with what each is reached, how fast it may go, and whether it works."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from core.database import TenantRow


class LineRow(TenantRow, table=True):
    """One way out: for phones an app build's credentials (`name` is the build), else an account somewhere.

    `sealed` opens only as of this clinic, line and way. `facts`: what of the secrets may be told (a public key).
    The circuit and the bucket stand here so that all workers see the same.
    """

    __tablename__ = "line"
    __table_args__ = (
        Index("line_name", "clinic_id", "way", "name", unique=True, postgresql_where=text("ended_at is null")),
        # The worker names lines of many clinics at once.
        Index("line_id", "id"),
    )

    name: str
    way: str
    provider: str
    settings: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    sealed: str
    fingerprint: str
    rate_per_minute: int
    enabled: bool = True
    version: int = 1
    made_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None

    checked_at: datetime | None = None
    check_result: str = ""
    check_code: str = ""

    # The circuit: refusals of our credentials in a row, how often it opened in a row, and until when it is open.
    faults: int = 0
    opens: int = 0
    open_until: datetime | None = None
    open_reason: str = ""
    probe_until: datetime | None = None
    closed_at: datetime | None = None
    paused_until: datetime | None = None

    # The bucket (`push.bucket`), as it was at `filled_at`.
    tokens: float = 0
    filled_at: datetime
    bulk_until: datetime | None = None


class LineMinuteRow(TenantRow, table=True):
    """What became of one line's sends in one minute."""

    __tablename__ = "line_minute"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "line_id"], ["line.clinic_id", "line.id"], name="line_minute_line"),
        UniqueConstraint("clinic_id", "line_id", "at", name="line_minute_once"),
        Index("line_minute_at", "at"),
    )

    line_id: UUID
    at: datetime
    accepted: int = 0
    dead: int = 0
    bad_message: int = 0
    config: int = 0
    throttled: int = 0
    not_sent: int = 0
    ambiguous: int = 0


class LineHostRow(TenantRow, table=True):
    """A push service of browsers that asked one line to wait. Others of the same build need not."""

    __tablename__ = "line_host"
    __table_args__ = (
        ForeignKeyConstraint(["clinic_id", "line_id"], ["line.clinic_id", "line.id"], name="line_host_line"),
        UniqueConstraint("clinic_id", "line_id", "host", name="line_host_once"),
        Index("line_host_until", "paused_until"),
    )

    line_id: UUID
    host: str
    paused_until: datetime


class ClinicPaceRow(TenantRow, table=True):
    """How fast a clinic may send over all its lines."""

    __tablename__ = "clinic_pace"
    __table_args__ = (UniqueConstraint("clinic_id", name="clinic_pace_once"),)

    rate_per_minute: int
    tokens: float
    filled_at: datetime
