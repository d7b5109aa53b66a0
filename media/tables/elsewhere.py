"""Rows of pictures that another server keeps: which servers a clinic has, and what lies there."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, text
from sqlmodel import Field

from core.database import TenantRow
from core.schema import TRIGGERS
from media.tables.kept import Weighed


class DicomwebSource(TenantRow, table=True):
    """A clinic's picture archive that answers WADO-RS. `secret` is sealed with the house's key.

    After a call that failed nothing is asked there until `rests_until`; `trouble` says why, `failures` how often.
    """

    __tablename__ = "dicomweb_source"
    __table_args__ = (
        # A name may be used again once its archive has ended.
        Index("dicomweb_source_name", "clinic_id", "name", unique=True, postgresql_where=text("ended_at is null")),
    )

    name: str
    address: str
    sign_in: str
    user_name: str | None = None
    secret: str | None = None
    made_at: datetime
    ended_at: datetime | None = None
    failures: int = 0
    trouble: str | None = None
    rests_until: datetime | None = None


class PictureElsewhere(TenantRow, table=True):
    """That a picture is kept by another server, and how it is named there; `id` is the picture's.

    The picture's SHA-256 and size are those of the file that was looked into; before that they say nothing.
    `size_bytes` is that size once more: what of the picture is not kept here.
    """

    __tablename__ = "picture_elsewhere"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "id"], ["picture.clinic_id", "picture.id"], name="elsewhere_picture", ondelete="CASCADE"
        ),
        ForeignKeyConstraint(
            ["clinic_id", "source_id"], ["dicomweb_source.clinic_id", "dicomweb_source.id"], name="elsewhere_source"
        ),
        Index("picture_elsewhere_source", "clinic_id", "source_id"),
        {"info": {TRIGGERS: Weighed(elsewhere=True)}},
    )

    source_id: UUID
    study_uid: str
    series_uid: str
    instance_uid: str
    frame: int | None = None
    size_bytes: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": text("0")})
