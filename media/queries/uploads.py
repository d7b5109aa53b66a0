"""What is known of files on their way: one upload, and how much a clinic keeps."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, cast, func, select
from sqlmodel import col

from core.database import Reading
from core.events import Actor, ActorKind
from media.kinds import MediaType, PictureKind, PictureState, Reason
from media.storage import upload_key
from media.tables import Picture, Upload
from media.upload import UploadState, Used


@dataclass(frozen=True, slots=True)
class HeldUpload:
    """An upload as its sender announced it, and how far it is."""

    clinic_id: UUID
    upload_id: UUID
    patient_id: UUID
    sender: Actor
    kind: PictureKind
    media_type: MediaType
    size_bytes: int
    sha256: str
    part_bytes: int
    storage_id: str | None
    taken_on: date | None
    state: UploadState
    picture_id: UUID | None
    expires_at: datetime

    @property
    def key(self) -> str:
        return upload_key(self.clinic_id, self.upload_id)


def held_upload(row: Upload) -> HeldUpload:
    return HeldUpload(
        row.clinic_id, row.id, row.patient_id, Actor(ActorKind(row.sender_kind), row.sender_id), PictureKind(row.kind),
        MediaType(row.media_type), row.size_bytes, row.sha256, row.part_bytes, row.storage_id, row.taken_on,
        UploadState(row.state), row.picture_id, row.expires_at,
    )  # fmt: skip


async def upload_row(reading: Reading, upload_id: UUID, *, for_update: bool = False) -> Upload | None:
    """The row itself, for the commands of this package."""
    statement = select(Upload).where(col(Upload.id) == upload_id)
    if for_update:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await reading.execute(statement)).scalar_one_or_none()


async def upload_of(reading: Reading, upload_id: UUID, sender: Actor) -> HeldUpload | None:
    """An upload of this sender; None for one of somebody else, or none at all."""
    row = await upload_row(reading, upload_id)
    held = held_upload(row) if row is not None else None
    return held if held is not None and held.sender == sender else None


async def state_of(reading: Reading, picture_id: UUID) -> tuple[PictureState, Reason | None] | None:
    """How far a picture is that came by an upload."""
    statement = select(col(Picture.state), col(Picture.reason)).where(col(Picture.id) == picture_id)
    found = (await reading.execute(statement)).one_or_none()
    return (PictureState(found.state), Reason(found.reason) if found.reason else None) if found else None


async def used(reading: Reading, clinic_id: UUID, patient_id: UUID) -> Used:
    """Bytes kept and announced, of the patient and of the whole clinic. A file that two pictures show counts twice."""
    is_open = col(Upload.state) == UploadState.OPEN.value
    kept = [
        _sum(Picture, col(Picture.clinic_id) == clinic_id),
        _sum(Upload, col(Upload.clinic_id) == clinic_id, is_open),
    ]
    of_patient = [
        _sum(Picture, col(Picture.clinic_id) == clinic_id, col(Picture.patient_id) == patient_id),
        _sum(Upload, col(Upload.clinic_id) == clinic_id, col(Upload.patient_id) == patient_id, is_open),
    ]
    row = (await reading.execute(select(*of_patient, *kept))).one()
    return Used(row[0] + row[1], row[2] + row[3])


def _sum(table: type[Picture] | type[Upload], *which: ColumnElement[bool]) -> Any:
    total = cast(func.coalesce(func.sum(col(table.size_bytes)), 0), BigInteger)
    return select(total).where(*which).scalar_subquery()
