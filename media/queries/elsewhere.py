"""What is known of pictures that another server keeps, and of the archives of a clinic."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import and_, func, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.outside import LONGEST_ADDRESS
from core.values import Value
from media.archives import Elsewhere, Source
from media.dicomweb import Instance, SignIn, Trouble
from media.tables import DicomwebSource, Picture, PictureElsewhere


class SourceView(Value):
    """An archive as the clinic's managers see it; its secret is told to nobody."""

    source_id: UUID
    name: str = Field(max_length=200, examples=["radiology"])
    address: str = Field(max_length=LONGEST_ADDRESS, examples=["https://pacs.clinic.example/dicom-web"])
    sign_in: SignIn
    user_name: str | None = Field(max_length=200)
    made_at: Moment
    ended_at: Moment | None
    trouble: Trouble | None = Field(description="Why the last call gave nothing; null: it did.")
    rests_until: Moment | None = Field(description="It is not asked before.")


@dataclass(frozen=True, slots=True)
class KeptElsewhere:
    """Where a picture is kept, and the SHA-256 of the file that was looked into."""

    elsewhere: Elsewhere
    sha256: str


async def sources(reading: Reading, *, after: UUID | None, limit: int) -> list[SourceView]:
    """Archives of the clinic, those that ended too, in the order in which they came."""
    statement = select(DicomwebSource).order_by(col(DicomwebSource.id)).limit(limit)
    if after is not None:
        statement = statement.where(col(DicomwebSource.id) > after)
    return [source_view(row) for row in (await reading.execute(statement)).scalars()]


def source_view(row: DicomwebSource) -> SourceView:
    return SourceView(
        source_id=row.id, name=row.name, address=row.address, sign_in=SignIn(row.sign_in), user_name=row.user_name,
        made_at=row.made_at, ended_at=row.ended_at, trouble=Trouble(row.trouble) if row.trouble else None,
        rests_until=row.rests_until,
    )  # fmt: skip


async def kept_elsewhere(reading: Reading, pictures: Collection[UUID]) -> dict[UUID, KeptElsewhere]:
    """Those of these pictures that another server keeps; with a `Sweeping` of any clinic."""
    of_source = and_(
        col(DicomwebSource.clinic_id) == col(PictureElsewhere.clinic_id),
        col(DicomwebSource.id) == col(PictureElsewhere.source_id),
    )
    of_picture = and_(
        col(Picture.clinic_id) == col(PictureElsewhere.clinic_id), col(Picture.id) == col(PictureElsewhere.id)
    )
    statement: Any = (
        select(PictureElsewhere, DicomwebSource, col(Picture.sha256))
        .join(DicomwebSource, of_source)
        .join(Picture, of_picture)
        .where(col(PictureElsewhere.id) == func.any(sorted(pictures)))
        .execution_options(populate_existing=True)
    )
    rows = await reading.execute(statement)
    return {row.id: KeptElsewhere(_elsewhere(row, source), sha256) for row, source, sha256 in rows}


def _elsewhere(row: PictureElsewhere, source: DicomwebSource) -> Elsewhere:
    from_source = Source(
        source.clinic_id, source.id, source.address, SignIn(source.sign_in), source.user_name or "", source.secret,
        source.ended_at is not None,
    )  # fmt: skip
    return Elsewhere(from_source, instance_of(row))


def instance_of(row: PictureElsewhere) -> Instance:
    return Instance(row.study_uid, row.series_uid, row.instance_uid, row.frame)
