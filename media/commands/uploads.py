"""The verbs of an upload: announce a file, note that it is all here, forget one that never came."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, select
from sqlmodel import col

from clinic.commands import hold_patient
from clinic.commands.hiding import check_old_enough
from core.database import Sweeping, Writing
from core.dates import latest_today
from core.errors import Fault, Invalid, NotFound
from core.events import Actor
from core.ids import new_id
from media.commands.locks import lock_file, lock_quota
from media.commands.pictures import Kept, add_picture, may_come_again, named_picture, tell_again
from media.kinds import PictureDiffers, PictureState
from media.queries.pictures import PictureFile, picture_file
from media.queries.uploads import HeldUpload, held_upload, upload_row, used_by_clinic, used_by_patient
from media.tables import Picture, Upload
from media.upload import (
    PART_BYTES,
    UPLOAD_LIFE,
    Announced,
    ExternalName,
    Quota,
    UploadState,
    Used,
    check_quota,
)
from media.voice import check_voice


@dataclass(frozen=True, slots=True)
class Started:
    """An upload to go on with, or (`picture`) what the same name brought before, told of anew where it differs."""

    upload: HeldUpload | None
    picture: PictureFile | None = None
    kept: Kept | None = None


async def start_upload(
    writing: Writing, clinic_id: UUID, patient_id: UUID, announced: Announced, name: ExternalName | None,
    sender: Actor, quota: Quota, now: datetime,
) -> Started:  # fmt: skip
    """Note a file before its first byte: an intent that the sweep of files waits for.

    Announcing the same again (same sender, patient, name, bytes and facts) gives the same upload, also where it is
    complete by now: who lost its id or an answer goes on where they were. Raises `NotFound`, `Invalid` for a date to
    come, `TooYoungForPrivate`, `PictureDiffers`, the quota's refusals, and what `check_voice` raises.
    """
    check_voice(announced.kind, announced.media_type, announced.size_bytes, is_named=name is not None)
    if announced.taken_on is not None and announced.taken_on > latest_today(now):
        raise Invalid(Fault("/taken_on", "in-the-future"))
    await hold_patient(writing, patient_id)
    if announced.private:
        await check_old_enough(writing, patient_id, now)
    await lock_file(writing, clinic_id, announced.sha256)  # no sweep erases it meanwhile
    held = None if name is None else await named_picture(writing, clinic_id, name)
    if held is not None and not (held.patient_id == patient_id and may_come_again(held)):
        if (held.patient_id, held.sha256) != (patient_id, announced.sha256):
            raise PictureDiffers
        kept = await tell_again(writing, held, announced, sender, now)
        return Started(None, picture_file(held), kept)
    if (begun := await _begun(writing, patient_id, announced, name, sender, now)) is not None:
        return Started(held_upload(begun))
    await _check_room(writing, clinic_id, patient_id, announced.size_bytes, quota)
    return Started(held_upload(await _add(writing, clinic_id, patient_id, announced, name, sender, now)))


async def _check_room(writing: Writing, clinic_id: UUID, patient_id: UUID, size_bytes: int, quota: Quota) -> None:
    """The last lock before the row itself: two starts of a clinic add up one after the other, and hardly wait.

    A patient's files are added up before it: nobody else announces any while the record is held.
    """
    of_patient = await used_by_patient(writing, clinic_id, patient_id)
    await lock_quota(writing, clinic_id)
    check_quota(Used(of_patient, await used_by_clinic(writing, clinic_id)), size_bytes, quota)


async def _begun(
    writing: Writing, patient_id: UUID, announced: Announced, name: ExternalName | None, sender: Actor, now: datetime
) -> Upload | None:
    """The upload of the very same announcement; a complete one only while its picture stands, and is not held back."""
    told = _told(announced)
    is_open = (col(Upload.state) == UploadState.OPEN.value) & (col(Upload.expires_at) > now)
    stands = (
        select(col(Picture.id))
        .where(
            col(Picture.clinic_id) == Upload.clinic_id,
            col(Picture.id) == Upload.picture_id,
            col(Picture.patient_id) == Upload.patient_id,
            col(Picture.state) != PictureState.QUARANTINED.value,
        )
        .exists()
    )
    same = select(Upload).where(
        col(Upload.patient_id) == patient_id,
        *(col(getattr(Upload, column)).is_not_distinct_from(value) for column, value in told.items()),
        col(Upload.source).is_not_distinct_from(name.source if name else None),
        col(Upload.external_id).is_not_distinct_from(name.external_id if name else None),
        col(Upload.sender_kind) == sender.kind.value,
        col(Upload.sender_id).is_not_distinct_from(sender.id),
        is_open | stands,
    )
    return (await writing.execute(same.order_by(col(Upload.id)).limit(1))).scalar_one_or_none()


def _told(announced: Announced) -> dict[str, Any]:
    return {
        "kind": announced.kind.value,
        "media_type": announced.media_type.value,
        "size_bytes": announced.size_bytes,
        "sha256": announced.sha256,
        "taken_on": announced.taken_on,
        "released": announced.released,
        "private": announced.private,
        "teeth": list(announced.teeth),
    }


async def _add(
    writing: Writing, clinic_id: UUID, patient_id: UUID, announced: Announced, name: ExternalName | None,
    sender: Actor, now: datetime,
) -> Upload:  # fmt: skip
    row = Upload(
        clinic_id=clinic_id,
        id=new_id(),
        patient_id=patient_id,
        sender_kind=sender.kind.value,
        sender_id=sender.id,
        source=name.source if name else None,
        external_id=name.external_id if name else None,
        **_told(announced),
        part_bytes=PART_BYTES,
        state=UploadState.OPEN.value,
        started_at=now,
        expires_at=now + UPLOAD_LIFE,
    )
    writing.add(row)
    await writing.flush()
    return row


async def name_storage(writing: Writing, upload_id: UUID, known: str | None, storage_id: str) -> str:
    """Note how the storage calls the upload, unless another request named it since it was `known`: the name that holds.

    Raises `NotFound` where it was forgotten meanwhile.
    """
    row = await upload_row(writing, upload_id, for_update=True)
    if row is None:
        raise NotFound
    if row.storage_id is None or row.storage_id == known:
        row.storage_id = storage_id
    return row.storage_id


async def complete_upload(
    writing: Writing, clinic_id: UUID, upload_id: UUID, sender: Actor, now: datetime, *, at_home: bool = False
) -> tuple[Kept, PictureFile]:
    """Make the picture of an upload whose bytes are all in the storage; saying it again gives the same picture.

    `at_home`: its bytes lie already where a picture's do. Raises `NotFound`, `PictureDiffers` (another upload of
    the same name was faster, with other bytes).
    """
    row = await upload_row(writing, upload_id)
    if row is None:
        raise NotFound
    await hold_patient(writing, row.patient_id)
    row = await upload_row(writing, upload_id, for_update=True)
    if row is None:
        raise NotFound
    if row.picture_id is not None:
        made = (await writing.execute(select(Picture).where(col(Picture.id) == row.picture_id))).scalar_one_or_none()
        if made is None:
            raise NotFound
        return Kept.UNCHANGED, picture_file(made)
    kept, picture = await add_picture(writing, clinic_id, row, sender, now, at_home=at_home)
    row.state, row.picture_id = UploadState.COMPLETE.value, picture.id
    return kept, picture_file(picture)


async def give_up_upload(writing: Writing, upload_id: UUID) -> HeldUpload | None:
    """Forget an upload that was not completed; its bytes go with the next sweep. None: there is none."""
    row = await upload_row(writing, upload_id, for_update=True)
    if row is None or row.state != UploadState.OPEN.value:
        return None
    held = held_upload(row)
    await writing.execute(delete(Upload).where(col(Upload.id) == upload_id))
    return held


async def forget_uploads(sweeping: Sweeping, now: datetime, limit: int) -> Sequence[HeldUpload]:
    """Take away uploads past their time: those that never came whole, and those whose picture was looked into."""
    shown = exists().where(col(Picture.clinic_id) == Upload.clinic_id, col(Picture.upload_id) == Upload.id)
    over = (
        select(col(Upload.clinic_id), col(Upload.id))
        .where(col(Upload.expires_at) <= now, ~shown)
        .order_by(col(Upload.expires_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("over")
    )
    which = (col(Upload.clinic_id) == over.c.clinic_id, col(Upload.id) == over.c.id)
    gone = delete(Upload).where(*which).returning(Upload).execution_options(synchronize_session=False)
    return [held_upload(row) for row in (await sweeping.execute(gone)).scalars()]
