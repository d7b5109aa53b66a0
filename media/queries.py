"""What is known of pictures: a patient's list, and the one to serve."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Int32, Int64, Value
from media.kinds import MediaType, PictureKind, PictureState, Reason, Variant
from media.tables import Picture as PictureRow

MOST_IN_DOCUMENT = 100


class Picture(Value):
    """A picture as its patient sees it; the size is the one it is looked at, in pixels."""

    picture_id: UUID
    kind: PictureKind
    state: PictureState
    taken_on: date | None
    width: Int32 | None
    height: Int32 | None


class PictureFile(Value):
    """A picture as staff sees it: also what is not released yet, and why one was rejected."""

    picture_id: UUID
    kind: PictureKind
    state: PictureState
    reason: Reason | None
    media_type: MediaType
    size_bytes: Int64
    width: Int32 | None
    height: Int32 | None
    taken_on: date | None
    uploaded_at: Moment
    released_at: Moment | None


@dataclass(frozen=True, slots=True)
class Served:
    """Where the bytes of one variant lie, and what to say of them."""

    patient_id: UUID
    sha256: str
    media_type: MediaType
    size_bytes: int


def _shown() -> tuple[ColumnElement[bool], ...]:
    """Only what was looked into and released by the clinic is a patient's to see."""
    return (col(PictureRow.state) == PictureState.READY.value, col(PictureRow.released_at).is_not(None))


async def pictures(reading: Reading, patient_id: UUID, *, before: UUID | None, limit: int) -> list[Picture]:
    """What the patient may see, latest upload first, past the picture `before`."""
    rows = await _rows(reading, patient_id, before, limit, *_shown())
    return [_picture(row) for row in rows]


async def pictures_named(reading: Reading, patient_id: UUID, names: Collection[UUID]) -> list[Picture]:
    """Those of these pictures that the patient may see."""
    return [
        _picture(row)
        for row in await _rows(reading, patient_id, None, len(names), *_shown(), col(PictureRow.id).in_(names))
    ]


async def picture_files(reading: Reading, patient_id: UUID, *, before: UUID | None, limit: int) -> list[PictureFile]:
    """Everything that is kept of the patient, latest upload first, past the picture `before`."""
    return [picture_file(row) for row in await _rows(reading, patient_id, before, limit)]


async def _rows(
    reading: Reading, patient_id: UUID, before: UUID | None, limit: int, *which: ColumnElement[bool]
) -> list[PictureRow]:
    statement = (
        select(PictureRow)
        .where(col(PictureRow.patient_id) == patient_id, *which)
        .order_by(col(PictureRow.id).desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(col(PictureRow.id) < before)
    return list((await reading.execute(statement)).scalars())


def _picture(row: PictureRow) -> Picture:
    return Picture(
        picture_id=row.id,
        kind=PictureKind(row.kind),
        state=PictureState(row.state),
        taken_on=row.taken_on,
        width=row.width,
        height=row.height,
    )


def picture_file(row: PictureRow) -> PictureFile:
    return PictureFile(
        picture_id=row.id,
        kind=PictureKind(row.kind),
        state=PictureState(row.state),
        reason=Reason(row.reason) if row.reason else None,
        media_type=MediaType(row.media_type),
        size_bytes=row.size_bytes,
        width=row.width,
        height=row.height,
        taken_on=row.taken_on,
        uploaded_at=row.uploaded_at,
        released_at=row.released_at,
    )


async def may_be_shown(reading: Reading, patient_id: UUID, picture_id: UUID) -> bool:
    """Whether this patient may see this picture."""
    mine = (col(PictureRow.id) == picture_id, col(PictureRow.patient_id) == patient_id)
    statement = select(col(PictureRow.id)).where(*mine, *_shown())
    return (await reading.execute(statement)).scalar_one_or_none() is not None


async def picture_to_serve(reading: Reading, picture_id: UUID, variant: Variant) -> Served | None:
    """The file behind a signed link; the link proves the right, so only what became of the picture is asked."""
    mine = (col(PictureRow.id) == picture_id, col(PictureRow.state) == PictureState.READY.value)
    row = (await reading.execute(select(PictureRow).where(*mine))).scalar_one_or_none()
    if row is None:
        return None
    original = variant is Variant.ORIGINAL
    sizes = {Variant.ORIGINAL: row.size_bytes, Variant.PREVIEW_1024: row.size_1024, Variant.PREVIEW_256: row.size_256}
    media_type = MediaType(row.media_type) if original else MediaType.WEBP
    return Served(row.patient_id, row.sha256, media_type, sizes[variant] or 0)


# --- Fragments: SQL for the statements of packages above, always correlated with a clinic column. ---


def pictures_json(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the latest 100 pictures a patient may see as a JSON array of `Picture`, latest first; never null."""
    latest = (
        select(col(PictureRow.id), _object().label("document"))
        .where(col(PictureRow.clinic_id) == clinic_id, col(PictureRow.patient_id) == patient_id, *_shown())
        .order_by(col(PictureRow.id).desc())
        .limit(MOST_IN_DOCUMENT)
        .correlate_except(PictureRow)
        .subquery("latest_picture")
    )
    every = func.json_agg(aggregate_order_by(latest.c.document, latest.c.id.desc()))
    return select(func.coalesce(every, literal_column("'[]'::json"))).select_from(latest).scalar_subquery()


def _object() -> Any:
    return func.json_build_object(
        *("picture_id", PictureRow.id, "kind", PictureRow.kind, "state", PictureRow.state),
        *("taken_on", PictureRow.taken_on, "width", PictureRow.width, "height", PictureRow.height),
    )
