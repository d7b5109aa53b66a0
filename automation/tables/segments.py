"""Rows of segments: what each is, who is in it or kept out, who came and went, and how far it was looked at."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.database import TenantRow
from core.events import Xid8
from core.schema import APPEND_ONLY


def _of_segment(table: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["clinic_id", "segment_id"], ["segment.clinic_id", "segment.id"], name=f"{table}_segment"
    )


class Segment(TenantRow, table=True):
    """A tag, a group kept by `criteria`, or a list. `clinical`: that somebody is in it tells of their health."""

    __tablename__ = "segment"
    __table_args__ = (
        Index("segment_key", "clinic_id", "key", unique=True, postgresql_where=text("archived_at is null")),
        Index("segment_name", "clinic_id", "name", "id"),
    )

    key: str
    name: str
    kind: str
    criteria: dict[str, Any] | None = Field(default=None, sa_column=Column(JSONB(none_as_null=True)))
    clinical: bool
    colour: str | None = None
    version: int = 1
    made_at: datetime
    changed_at: datetime
    archived_at: datetime | None = None


class SegmentMark(SQLModel, table=True):
    """How far a segment of criteria was looked at: the worker's alone, so that no change of staff waits for it.

    Known until the moment `refreshed_at`, for every transaction before `horizon`, by the criteria of `version`.
    """

    __tablename__ = "segment_mark"
    __table_args__ = (_of_segment("segment_mark"),)

    clinic_id: UUID = Field(primary_key=True)
    segment_id: UUID = Field(primary_key=True)
    version: int = 0
    horizon: int = Field(sa_column=Column(Xid8, nullable=False, server_default=text("'0'")))
    refreshed_at: datetime | None = None
    audited_at: datetime | None = None


class SegmentMember(SQLModel, table=True):
    """Somebody in a segment, or, where `source` is `ban`, kept out of one."""

    __tablename__ = "segment_member"
    __table_args__ = (
        of_patient("segment_member"),
        _of_segment("segment_member"),
        Index("segment_member_of_patient", "clinic_id", "patient_id"),
    )

    clinic_id: UUID = Field(primary_key=True)
    segment_id: UUID = Field(primary_key=True)
    patient_id: UUID = Field(primary_key=True)
    source: str
    since: datetime


class SegmentChange(TenantRow, table=True):
    """Somebody joined or left, and why. Whoever reads on bounds by `xid`, as with events."""

    __tablename__ = "segment_change"
    __table_args__ = (
        of_patient("segment_change"),
        _of_segment("segment_change"),
        Index("segment_change_xid", "xid"),
        Index("segment_change_of_segment", "clinic_id", "segment_id", "at"),
        Index("segment_change_of_patient", "clinic_id", "patient_id", "at"),
        {"info": {APPEND_ONLY: True}},
    )

    segment_id: UUID
    patient_id: UUID
    joined: bool
    cause: str
    at: datetime
    xid: int = Field(default=None, sa_column=Column(Xid8, nullable=False, server_default=text("pg_current_xact_id()")))
