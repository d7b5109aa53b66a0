"""What is known of files on their way: one upload, and how much a clinic keeps."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, SQLColumnExpression, cast, func, select
from sqlmodel import col

from core.database import Reading
from core.events import Actor, ActorKind
from media.kinds import MediaType, PictureKind, PictureState, Reason
from media.storage import upload_key
from media.tables import KeptBytes, Picture, PictureElsewhere, Upload
from media.upload import UploadState


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


async def uploads_by(reading: Reading, patient_id: UUID, sender: Actor) -> int:
    """How many uploads of this sender into a record are known; each is for `UPLOAD_LIFE`, unless it was given up."""
    mine = (
        col(Upload.patient_id) == patient_id,
        col(Upload.sender_kind) == sender.kind.value,
        col(Upload.sender_id) == sender.id,
    )
    return int((await reading.execute(select(func.count()).select_from(Upload).where(*mine))).scalar_one())


async def state_of(reading: Reading, picture_id: UUID) -> tuple[PictureState, Reason | None] | None:
    """How far a picture is that came by an upload."""
    statement = select(col(Picture.state), col(Picture.reason)).where(col(Picture.id) == picture_id)
    found = (await reading.execute(statement)).one_or_none()
    return (PictureState(found.state), Reason(found.reason) if found.reason else None) if found else None


async def used_by_patient(reading: Reading, clinic_id: UUID, patient_id: UUID) -> int:
    """Bytes kept of a patient, and announced; not what another server keeps.

    A file that two pictures show counts twice.
    """
    there = (col(PictureElsewhere.clinic_id) == Picture.clinic_id) & (col(PictureElsewhere.id) == Picture.id)
    here = col(Picture.size_bytes) - func.coalesce(col(PictureElsewhere.size_bytes), 0)
    kept = (
        select(_sum(here))
        .join(PictureElsewhere, there, isouter=True)
        .where(col(Picture.clinic_id) == clinic_id, col(Picture.patient_id) == patient_id)
    )
    announced = select(_sum(col(Upload.size_bytes))).where(
        col(Upload.clinic_id) == clinic_id,
        col(Upload.patient_id) == patient_id,
        col(Upload.state) == UploadState.OPEN.value,
    )
    both = kept.scalar_subquery() + announced.scalar_subquery()
    return int((await reading.execute(select(both))).scalar_one())


async def used_by_clinic(reading: Reading, clinic_id: UUID) -> int:
    """The same of the whole clinic."""
    kept = select(_sum(col(KeptBytes.bytes))).where(col(KeptBytes.clinic_id) == clinic_id)
    return int((await reading.execute(kept)).scalar_one())


def _sum(what: SQLColumnExpression[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(what), 0), BigInteger)
