"""The verbs of a picture that another server keeps: note it, note what was fetched, wait until its archive answers."""

import hashlib
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands import hold_patient
from clinic.commands.hiding import check_old_enough
from core.database import Sweeping, Writing
from core.dates import latest_today
from core.errors import Fault, Invalid
from core.events import Actor, Happening, record
from core.ids import new_id
from media.commands.files import leave_files
from media.commands.locks import lock_file, lock_quota
from media.commands.pictures import ClaimedPicture, Kept, named_picture, tell_again
from media.dicomweb import Instance
from media.kinds import MediaType, PictureDiffers, PictureKind, PictureState
from media.queries.elsewhere import instance_of
from media.queries.pictures import PictureFile, picture_file
from media.queries.uploads import used_by_clinic, used_by_patient
from media.storage import file_folder
from media.tables import DicomwebSource, Picture, PictureElsewhere
from media.upload import Announced, ExternalName, Quota, Used, check_quota
from media.voice import check_voice


@dataclass(frozen=True, slots=True)
class ToldElsewhere:
    """What the sender says of a picture that stays where it is; `source` is the archive's name."""

    source: str
    instance: Instance
    kind: PictureKind
    taken_on: date | None = None
    released: bool = False
    private: bool = False
    teeth: tuple[str, ...] = ()


async def tell_elsewhere(
    writing: Writing, clinic_id: UUID, patient_id: UUID, told: ToldElsewhere, name: ExternalName, sender: Actor,
    quota: Quota, now: datetime,
) -> tuple[Kept, PictureFile]:  # fmt: skip
    """Note a picture that an archive of the clinic keeps; the worker fetches it once and looks into it.

    The same name again corrects what is said of it. Raises `NotFound`, `Invalid`, `TooYoungForPrivate`,
    `PictureDiffers` (the name stands for another picture), the quota's refusals where there is no room for anything.
    """
    if told.taken_on is not None and told.taken_on > latest_today(now):
        raise Invalid(Fault("/taken_on", "in-the-future"))
    await hold_patient(writing, patient_id)
    if told.private:
        await check_old_enough(writing, patient_id, now)
    await lock_quota(writing, clinic_id)  # also: two of one name come one after the other
    check_voice(told.kind, MediaType.DICOM, 1, is_named=True)
    source_id = await _source(writing, clinic_id, told.source)
    announced = _announced(told, source_id)
    held = await named_picture(writing, clinic_id, name)
    if held is None:
        of_both = Used(await used_by_patient(writing, clinic_id, patient_id), await used_by_clinic(writing, clinic_id))
        check_quota(of_both, 1, quota)
        return await _add(writing, clinic_id, patient_id, source_id, told.instance, announced, name, sender, now)
    there = select(PictureElsewhere).where(col(PictureElsewhere.id) == held.id)
    row = (await writing.execute(there)).scalar_one_or_none()
    same = row is not None and (row.source_id, instance_of(row)) == (source_id, told.instance)
    if held.patient_id != patient_id or not same:
        raise PictureDiffers
    return await tell_again(writing, held, announced, sender, now), picture_file(held)


async def _source(writing: Writing, clinic_id: UUID, name: str) -> UUID:
    named = (
        col(DicomwebSource.clinic_id) == clinic_id, col(DicomwebSource.name) == name,
        col(DicomwebSource.ended_at).is_(None),
    )  # fmt: skip
    found = (await writing.execute(select(col(DicomwebSource.id)).where(*named))).scalar_one_or_none()
    if found is None:
        raise Invalid(Fault("/source", "unknown"))
    return found


def _announced(told: ToldElsewhere, source_id: UUID) -> Announced:
    """Its SHA-256 is not known yet: one that no file has, of what names it, stands for it until it is fetched."""
    name = f"elsewhere {source_id} {told.instance}"
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Announced(told.kind, MediaType.DICOM, 1, sha256, told.taken_on, told.released, told.private, told.teeth)


async def _add(
    writing: Writing, clinic_id: UUID, patient_id: UUID, source_id: UUID, instance: Instance, announced: Announced,
    name: ExternalName, sender: Actor, now: datetime,
) -> tuple[Kept, PictureFile]:  # fmt: skip
    picture_id = new_id()
    fresh = insert(Picture).values(
        clinic_id=clinic_id,
        id=picture_id,
        patient_id=patient_id,
        source=name.source,
        external_id=name.external_id,
        kind=announced.kind.value,
        media_type=announced.media_type.value,
        size_bytes=0,
        sha256=announced.sha256,
        teeth=list(announced.teeth),
        taken_on=announced.taken_on,
        state=PictureState.UPLOADED.value,
        private=announced.private,
        uploaded_at=now,
        released_at=now if announced.released else None,
        told_hash=announced.told_hash,
        attempts=0,
    )
    fresh = fresh.on_conflict_do_nothing(index_elements=["clinic_id", "source", "external_id"])
    made = (await writing.execute(fresh.returning(Picture))).scalar_one_or_none()
    if made is None:  # an upload of the same name was completed this very moment
        raise PictureDiffers
    there = insert(PictureElsewhere).values(clinic_id=clinic_id, id=picture_id, source_id=source_id, **asdict(instance))
    await writing.execute(there)
    told = Happening("picture.uploaded", picture_id, patient_id=patient_id, facts={"kind": announced.kind.value})
    await record(writing, clinic_id, sender, [told], now)
    return Kept.CREATED, picture_file(made)


async def note_fetched(
    sweeping: Sweeping, claimed: ClaimedPicture, sha256: str, size_bytes: int
) -> ClaimedPicture | None:
    """Note which file was fetched, before anything that is made of it is stored; None: it is not ours any more.

    From here on the sweep of files sees that this file is shown; what was made of an older one is left to it.
    """
    await lock_file(sweeping, claimed.clinic_id, sha256)
    mine = (
        col(Picture.clinic_id) == claimed.clinic_id, col(Picture.id) == claimed.picture_id,
        col(Picture.patient_id) == claimed.patient_id, col(Picture.state) == PictureState.UPLOADED.value,
    )  # fmt: skip
    known = update(Picture).where(*mine).values(sha256=sha256, size_bytes=size_bytes).returning(col(Picture.id))
    if (await sweeping.execute(known.execution_options(synchronize_session=False))).scalar_one_or_none() is None:
        return None
    there = (col(PictureElsewhere.clinic_id) == claimed.clinic_id, col(PictureElsewhere.id) == claimed.picture_id)
    await sweeping.execute(update(PictureElsewhere).where(*there).values(size_bytes=size_bytes))
    if claimed.sha256 != sha256:
        await leave_files(sweeping, [(claimed.clinic_id, file_folder(claimed.clinic_id, claimed.sha256))])
    return replace(claimed, sha256=sha256, size_bytes=size_bytes)


async def wait_for_archive(sweeping: Sweeping, claimed: ClaimedPicture) -> None:
    """It was not the picture's fault: the try does not count, and it is taken again once its archive has rested."""
    mine = (
        col(Picture.clinic_id) == claimed.clinic_id, col(Picture.id) == claimed.picture_id,
        col(Picture.state) == PictureState.UPLOADED.value, col(Picture.attempts) == claimed.attempts,
    )  # fmt: skip
    again = update(Picture).where(*mine).values(lease_until=None, attempts=Picture.attempts - 1)
    await sweeping.execute(again.execution_options(synchronize_session=False))
