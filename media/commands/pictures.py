"""The verbs of a picture: note it, claim it for the worker, let it go."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Row, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningUpdate
from sqlmodel import col

from clinic.queries import people_sql
from core.database import MOMENT_PARAMETER, Sweeping, Writing
from core.events import Actor, Happening, record
from core.ids import new_id
from media.commands.files import leave_files
from media.commands.showing import leave_other_kinds
from media.kinds import MediaType, PictureDiffers, PictureKind, PictureState, Reason, Variant
from media.storage import file_folder, file_key, upload_key
from media.tables import DicomwebSource, Picture, PictureElsewhere, Upload
from media.upload import Announced, ExternalName, told_hash

LEASE = timedelta(minutes=10)
"""As long as all that was claimed together may take, and as the scanner may take over the largest file."""
_ASKED_AT = bindparam("asked_at", type_=MOMENT_PARAMETER)


class Kept(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    """The same bytes, told of differently: another kind, date or release."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class ClaimedPicture:
    """One picture that is ours to look into until the lease ends; `attempts` counts this one.

    `given_name`, `family_name`, `birth_date` are its patient's; `person_confirmed`: whose picture it is was decided.
    """

    clinic_id: UUID
    picture_id: UUID
    patient_id: UUID
    sha256: str
    size_bytes: int
    media_type: MediaType
    upload_id: UUID | None
    attempts: int
    person_confirmed: bool
    given_name: str
    family_name: str
    birth_date: date | None

    @property
    def lies_at(self) -> str:
        """Where its bytes are: with its upload until they were looked into."""
        return self.key(Variant.ORIGINAL) if self.upload_id is None else upload_key(self.clinic_id, self.upload_id)

    def key(self, variant: Variant) -> str:
        return file_key(self.clinic_id, self.sha256, variant)


async def named_picture(writing: Writing, clinic_id: UUID, name: ExternalName) -> Picture | None:
    """The picture of this name, locked."""
    same = (
        col(Picture.clinic_id) == clinic_id,
        col(Picture.source) == name.source,
        col(Picture.external_id) == name.external_id,
    )
    return (await writing.execute(select(Picture).where(*same).with_for_update())).scalar_one_or_none()


async def add_picture(
    writing: Writing, clinic_id: UUID, upload: Upload, sender: Actor, now: datetime, *, at_home: bool
) -> tuple[Kept, Picture]:
    """The picture of a complete upload; `at_home`: its bytes lie already where a picture's do.

    The insert itself is the lock: of two uploads of one name the second waits, and then finds the first one's row.
    """
    fresh = insert(Picture).values(_columns(clinic_id, upload, now, at_home=at_home))
    fresh = fresh.on_conflict_do_nothing(index_elements=["clinic_id", "source", "external_id"])
    made = (await writing.execute(fresh.returning(Picture))).scalar_one_or_none()
    if made is not None:
        happening = Happening("picture.uploaded", made.id, patient_id=upload.patient_id, facts={"kind": upload.kind})
        await record(writing, clinic_id, sender, [happening], now)
        return Kept.CREATED, made
    assert upload.source is not None and upload.external_id is not None  # nothing else can be in conflict  # noqa: PT018
    held = await named_picture(writing, clinic_id, ExternalName(upload.source, upload.external_id))
    if held is not None and held.patient_id == upload.patient_id and may_come_again(held):
        return await _come_again(writing, held, upload, sender, now, at_home=at_home), held
    if held is None or (held.patient_id, held.sha256) != (upload.patient_id, upload.sha256):
        raise PictureDiffers
    return Kept.UNCHANGED, held


def may_come_again(held: Picture) -> bool:
    """Whether its bytes were lost or hurt, so that its sender may send it under the same name once more."""
    return held.state == PictureState.QUARANTINED.value and held.reason in (Reason.LOST, Reason.FILE_DIFFERS)


async def _come_again(
    writing: Writing, held: Picture, upload: Upload, sender: Actor, now: datetime, *, at_home: bool
) -> Kept:
    """What lay under the old name of the file goes with the next sweep, where nothing else shows it."""
    await leave_files(writing, [(held.clinic_id, file_folder(held.clinic_id, held.sha256))])
    # What an archive lost is kept here from now on.
    await writing.execute(delete(PictureElsewhere).where(col(PictureElsewhere.id) == held.id))
    came = _columns(held.clinic_id, upload, now, at_home=at_home)
    for column in ("media_type", "size_bytes", "sha256", "state", "upload_id", "uploaded_at", "attempts"):
        setattr(held, column, came[column])
    held.reason = held.lease_until = None
    _say_again(held, upload, came["told_hash"], now)
    happening = Happening("picture.sent_again", held.id, patient_id=held.patient_id)
    await record(writing, held.clinic_id, sender, [happening], now)
    await leave_other_kinds(writing, held, sender, now)
    return Kept.UPDATED


def _columns(clinic_id: UUID, upload: Upload, now: datetime, *, at_home: bool) -> dict[str, Any]:
    told = ("patient_id", "source", "external_id", "kind", "media_type", "size_bytes", "sha256", "teeth", "taken_on")
    return {
        **{name: getattr(upload, name) for name in told},
        "clinic_id": clinic_id,
        "id": new_id(),
        "state": PictureState.UPLOADED.value,
        "upload_id": None if at_home else upload.id,
        "private": upload.private,
        "spoken_by": upload.sender_id if upload.kind == PictureKind.VOICE.value else None,
        "told_hash": told_hash(
            upload.kind, upload.taken_on, upload.teeth, released=upload.released, private=upload.private
        ),
        "uploaded_at": now,
        "released_at": now if upload.released else None,
        "attempts": 0,
    }


async def tell_again(writing: Writing, held: Picture, told: Announced, sender: Actor, now: datetime) -> Kept:
    """The same bytes of the same name. Told of differently than the last time, the sender's word replaces what was
    done here since; told of as before, it undoes nothing. A mark of privacy is never taken off here."""
    if not _say_again(held, told, told.told_hash, now):
        return Kept.UNCHANGED
    happening = Happening("picture.changed", held.id, patient_id=held.patient_id)
    await record(writing, held.clinic_id, sender, [happening], now)
    await leave_other_kinds(writing, held, sender, now)
    return Kept.UPDATED


def _say_again(held: Picture, told: Announced | Upload, said: str, now: datetime) -> bool:
    """Whether the sender says something else (`said`, its hash) than the last time: then its word is written down."""
    if said == held.told_hash:
        return False
    held.told_hash, held.kind, held.taken_on, held.teeth = said, str(told.kind), told.taken_on, list(told.teeth)
    held.released_at = (held.released_at or now) if told.released else None
    if told.private:  # for itself: no series that hid it shows it again
        held.private, held.hidden_by = True, None
    return True


async def excuse(sweeping: Sweeping, claimed: Sequence[ClaimedPicture]) -> None:
    """A try that failed for what is no picture's fault does not count."""
    ids = [each.picture_id for each in claimed]
    still = (col(Picture.id) == func.any(ids), col(Picture.state) == PictureState.UPLOADED.value)
    less = update(Picture).where(*still, col(Picture.attempts) > 0).values(attempts=Picture.attempts - 1)
    await sweeping.execute(less.execution_options(synchronize_session=False))


async def claim_pictures(
    sweeping: Sweeping, now: datetime, limit: int, *, elsewhere: bool = False
) -> list[ClaimedPicture]:
    """Take up to `limit` pictures that wait, oldest first, of all clinics; other workers skip them for `LEASE`.

    `elsewhere`: of those that other servers keep, where the server does not rest; else of all others.
    """
    asked = {"asked_at": now, "leased_until": now + LEASE, "most": limit}
    rows = await sweeping.execute(_claiming(elsewhere=elsewhere), asked)
    return [_claimed(row) for row in rows if row.person_id is not None]


@cache
def _claiming(*, elsewhere: bool) -> ReturningUpdate[Any]:
    """SQL: of `:asked_at`, `:leased_until` and `:most`. Made once: making it costs more than asking it.

    Of the table and not the class: what is claimed is read and never changed as an object.
    """
    person, picture = people_sql(), Picture.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    waiting = (
        select(col(Picture.clinic_id), col(Picture.id), *(person.c[name].label(named) for name, named in _PERSON))
        .outerjoin_from(
            Picture, person, (person.c.clinic_id == Picture.clinic_id) & (person.c.id == Picture.patient_id)
        )
        .where(
            col(Picture.state) == PictureState.UPLOADED.value,
            col(Picture.lease_until).is_(None) | (col(Picture.lease_until) <= _ASKED_AT),
            _kept_elsewhere(_ASKED_AT) if elsewhere else ~_kept_elsewhere(None),
        )
        .order_by(col(Picture.uploaded_at))
        .limit(bindparam("most", type_=Integer))
        .with_for_update(skip_locked=True, of=Picture)
        .cte("waiting")
    )
    return (
        update(picture)
        .where(picture.c.clinic_id == waiting.c.clinic_id, picture.c.id == waiting.c.id)
        .values(lease_until=bindparam("leased_until", type_=MOMENT_PARAMETER), attempts=picture.c.attempts + 1)
        .returning(*(picture.c[name] for name in _CLAIMED), *(waiting.c[named] for _, named in _PERSON))
    )


_PERSON = (("id", "person_id"), *((name, name) for name in ("given_name", "family_name", "birth_date")))
_CLAIMED = (
    "clinic_id", "id", "patient_id", "sha256", "size_bytes", "media_type", "upload_id", "attempts",
    "person_confirmed_at",
)  # fmt: skip


def _kept_elsewhere(asked_at: ColumnElement[datetime] | None) -> ColumnElement[bool]:
    """SQL: whether another server keeps a picture; `asked_at`: and may be asked for it then."""
    there = exists().where(col(PictureElsewhere.clinic_id) == Picture.clinic_id, col(PictureElsewhere.id) == Picture.id)
    if asked_at is None:
        return there
    rests_until = col(DicomwebSource.rests_until)
    return there.where(
        col(DicomwebSource.clinic_id) == PictureElsewhere.clinic_id,
        col(DicomwebSource.id) == PictureElsewhere.source_id,
        rests_until.is_(None) | (rests_until <= asked_at),
    )


def _claimed(row: Row[Any]) -> ClaimedPicture:
    return ClaimedPicture(
        row.clinic_id, row.id, row.patient_id, row.sha256, row.size_bytes, MediaType(row.media_type), row.upload_id,
        row.attempts, row.person_confirmed_at is not None, row.given_name, row.family_name, row.birth_date,
    )  # fmt: skip


async def discard_picture(writing: Writing, held: Picture, actor: Actor, now: datetime) -> None:
    """Take a picture away for good; its file goes with the next sweep where nothing else shows it."""
    happening = Happening("picture.discarded", held.id, patient_id=held.patient_id)
    await record(writing, held.clinic_id, actor, [happening], now)
    await writing.execute(delete(Picture).where(col(Picture.id) == held.id))
