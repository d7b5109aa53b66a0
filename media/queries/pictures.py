"""What is known of pictures: what a patient may see of them, and what staff sees."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Double, Int32, Int64, Value
from media.kinds import MediaType, PictureKind, PictureState, Reason
from media.tables import Picture as PictureRow
from media.tables import PictureDicom
from media.voice import HEARD_AS

MOST_TEETH = 52
LONGEST_COMMENT = 2000
_CLOCK = "%Y-%m-%dT%H:%M:%S"


class Acquired(Value):
    """How a picture was taken, as its DICOM file says; `acquired_at` is the device's own clock, without a zone."""

    modality: str = Field(max_length=16, examples=["IO"])
    acquired_at: str | None = Field(max_length=19, examples=["2026-03-02T10:14:05"])
    body_part: str | None = Field(max_length=200)
    laterality: str | None = Field(max_length=200)
    view: str | None = Field(max_length=200)
    exposure_kv: Double | None = Field(description="Peak voltage in kilovolts.", examples=[65.0])
    exposure_uas: Double | None = Field(description="Exposure in microampere-seconds.", examples=[1200.0])


class PictureCopy(Value):
    """The whole picture as the patient may download it, without what its file said of people, places and devices."""

    media_type: MediaType
    size_bytes: Int64


class Picture(Value):
    """A picture as its patient sees it; the size is the one it is looked at, in pixels."""

    picture_id: UUID
    kind: PictureKind
    state: PictureState
    taken_on: date | None
    teeth: list[str] = Field(max_length=MOST_TEETH, description="Which teeth it shows, FDI.", examples=[["36"]])
    width: Int32 | None
    height: Int32 | None
    frames: Int32 | None
    row_spacing_mm: Double | None = Field(description="From one row of pixels to the next; null: nothing is to scale.")
    column_spacing_mm: Double | None
    blurhash: str | None = Field(max_length=100, description="What to show until the preview has come (blurha.sh).")
    comment: str | None = Field(max_length=LONGEST_COMMENT, description="What the clinic wrote beside it.")
    has_drawing: bool = Field(
        description="Whether there is a `drawn_1024`: the preview with what the clinic drew on it."
    )
    acquired: Acquired | None = Field(description="Of DICOM files alone.")
    download: PictureCopy


class PictureFile(Value):
    """A picture as staff sees it: also what is not released yet, and why one is held in quarantine."""

    picture_id: UUID
    patient_id: UUID
    upload_id: UUID | None = Field(description="While its bytes still lie with its upload.")
    source: str | None = Field(max_length=200, description="The system that sent it, and how it is named there.")
    external_id: str | None = Field(max_length=200)
    kind: PictureKind
    state: PictureState
    reason: Reason | None
    person_confirmed: bool = Field(
        description="Its file names somebody else, and staff said that it is this patient's."
    )
    media_type: MediaType
    size_bytes: Int64
    width: Int32 | None
    height: Int32 | None
    frames: Int32 | None
    row_spacing_mm: Double | None
    column_spacing_mm: Double | None
    blurhash: str | None = Field(max_length=100)
    teeth: list[str] = Field(max_length=MOST_TEETH, examples=[["36"]])
    taken_on: date | None
    uploaded_at: Moment
    ready_at: Moment | None
    released_at: Moment | None
    comment: str | None = Field(max_length=LONGEST_COMMENT)
    private: bool
    drawn_version: Int32 | None = Field(
        description="Which version of the drawing `drawn_1024` shows; null: there is none."
    )
    download: PictureCopy


class DicomView(Value):
    """What a DICOM file says of itself (PS3.3); names of people and places are not kept."""

    modality: str = Field(max_length=200)
    sop_class: str = Field(max_length=200)
    transfer_syntax: str = Field(max_length=200)
    study_uid: str | None = Field(max_length=200)
    series_uid: str | None = Field(max_length=200)
    instance_uid: str | None = Field(max_length=200)
    series_number: Int32 | None
    instance_number: Int32 | None
    acquired_at: str | None = Field(max_length=19, description="The device's own clock, without a zone.")
    manufacturer: str | None = Field(max_length=200)
    model: str | None = Field(max_length=200)
    body_part: str | None = Field(max_length=200)
    laterality: str | None = Field(max_length=200)
    view: str | None = Field(max_length=200)
    photometric: str = Field(max_length=200)
    bits_stored: Int32
    exposure_kv: Double | None
    exposure_uas: Double | None
    burned_in: bool = Field(description="Words, perhaps a name, are written into its pixels and stand in every copy.")


class KeptPicture(PictureFile):
    """All that is known of a picture; `dicom` null: it is none, or was not looked into yet."""

    dicom: DicomView | None


@dataclass(frozen=True, slots=True)
class Which:
    """Which pictures of a list; None: all."""

    kind: PictureKind | None = None
    tooth: str | None = None
    state: PictureState | None = None

    @property
    def name(self) -> str:
        """Different for lists that are different."""
        return f"{self.kind} {self.tooth} {self.state}"


EVERY = Which()


async def pictures(
    reading: Reading, patient_id: UUID, *, before: UUID | None, limit: int, which: Which = EVERY
) -> list[Picture]:
    """What the patient may see, latest upload first, past the picture `before`."""
    statement = _listed(before, limit, which).where(col(PictureRow.patient_id) == patient_id, *is_shown())
    return [_picture(*row) for row in await reading.execute(statement)]


async def pictures_named(reading: Reading, patient_id: UUID, names: Collection[UUID]) -> list[Picture]:
    """Those of these pictures that the patient may see."""
    mine = (col(PictureRow.patient_id) == patient_id, col(PictureRow.id).in_(names))
    return [_picture(*row) for row in await reading.execute(_listed(None, len(names), EVERY).where(*mine, *is_shown()))]


async def picture_files(
    reading: Reading, patient_id: UUID, *, before: UUID | None, limit: int, which: Which = EVERY
) -> list[KeptPicture]:
    """What is kept of the patient, latest upload first, past the picture `before`."""
    statement = _listed(before, limit, which).where(col(PictureRow.patient_id) == patient_id)
    return [_kept(*row) for row in await reading.execute(statement)]


async def held_pictures(reading: Reading, *, before: UUID | None, limit: int) -> list[KeptPicture]:
    """What stands in quarantine, of every patient of the clinic, latest upload first."""
    statement = _listed(before, limit, Which(state=PictureState.QUARANTINED))
    return [_kept(*row) for row in await reading.execute(statement)]


async def kept_picture(reading: Reading, picture_id: UUID) -> KeptPicture | None:
    """One, of any patient of the clinic."""
    row = (await reading.execute(_listed(None, 1, EVERY).where(col(PictureRow.id) == picture_id))).one_or_none()
    return None if row is None else _kept(*row)


def _listed(before: UUID | None, limit: int, which: Which) -> Select[PictureRow, PictureDicom | None]:
    statement: Any = (
        select(PictureRow, PictureDicom).outerjoin(PictureDicom, same_picture()).order_by(col(PictureRow.id).desc())
    )
    if before is not None:
        statement = statement.where(col(PictureRow.id) < before)
    if which.kind is not None:
        statement = statement.where(col(PictureRow.kind) == which.kind.value)
    if which.tooth is not None:
        statement = statement.where(_teeth().contains([which.tooth]))
    if which.state is not None:
        statement = statement.where(col(PictureRow.state) == which.state.value)
    found: Select[PictureRow, PictureDicom | None] = statement.limit(limit).execution_options(populate_existing=True)
    return found


def _teeth() -> Any:
    return col(PictureRow.teeth)


def same_picture() -> ColumnElement[bool]:
    """SQL: the DICOM facts of the picture."""
    of_clinic = col(PictureDicom.clinic_id) == col(PictureRow.clinic_id)
    return and_(of_clinic, col(PictureDicom.id) == col(PictureRow.id))


def is_shown() -> tuple[ColumnElement[bool], ...]:
    """SQL: only what was looked into and released is a patient's to see; a voice message is no picture."""
    return (
        col(PictureRow.state) == PictureState.READY.value,
        col(PictureRow.released_at).is_not(None),
        col(PictureRow.kind) != PictureKind.VOICE.value,
    )


def _picture(row: PictureRow, dicom: PictureDicom | None) -> Picture:
    return Picture(
        picture_id=row.id,
        kind=PictureKind(row.kind),
        state=PictureState(row.state),
        taken_on=row.taken_on,
        teeth=row.teeth,
        width=row.width,
        height=row.height,
        frames=row.frames,
        row_spacing_mm=row.row_spacing_mm,
        column_spacing_mm=row.column_spacing_mm,
        blurhash=row.blurhash,
        comment=row.comment,
        has_drawing=row.drawn is not None,
        acquired=dicom and _acquired(dicom),
        download=_copy(row),
    )


def _acquired(dicom: PictureDicom) -> Acquired:
    return Acquired(
        modality=dicom.modality,
        acquired_at=_clock(dicom),
        body_part=dicom.body_part,
        laterality=dicom.laterality,
        view=dicom.view,
        exposure_kv=dicom.exposure_kv,
        exposure_uas=dicom.exposure_uas,
    )


def _clock(dicom: PictureDicom) -> str | None:
    return f"{dicom.acquired_at:{_CLOCK}}" if dicom.acquired_at is not None else None


def _copy(row: PictureRow) -> PictureCopy:
    """Where none was made, the file as it came says nothing but the picture."""
    if row.size_download is None:
        return PictureCopy(media_type=MediaType(row.media_type), size_bytes=row.size_bytes)
    media_type = HEARD_AS if row.kind == PictureKind.VOICE.value else MediaType(row.media_type)
    return PictureCopy(media_type=media_type, size_bytes=row.size_download)


def picture_file(row: PictureRow) -> PictureFile:
    return PictureFile(**_facts(row))


def _kept(row: PictureRow, dicom: PictureDicom | None) -> KeptPicture:
    told = dicom and dicom.model_dump(include=set(DicomView.model_fields) - {"acquired_at"})
    view = DicomView(**told, acquired_at=_clock(dicom)) if dicom and told else None
    return KeptPicture(**_facts(row), dicom=view)


def _facts(row: PictureRow) -> dict[str, Any]:
    same = row.model_dump(include=set(PictureFile.model_fields) & set(PictureRow.model_fields))
    return same | {
        "picture_id": row.id,
        "kind": PictureKind(row.kind),
        "state": PictureState(row.state),
        "reason": Reason(row.reason) if row.reason else None,
        "media_type": MediaType(row.media_type),
        "person_confirmed": row.person_confirmed_at is not None,
        "drawn_version": row.drawn,
        "download": _copy(row),
    }
