"""The verbs of media: keep an upload, claim it for the worker, record what became of it."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands import hold_patient
from core.database import Sweeping, Writing
from core.dates import latest_today
from core.errors import Fault, Invalid
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id
from media.kinds import Developed, MediaType, PictureDiffers, PictureKind, PictureState, Reason, Variant
from media.queries import PictureFile, picture_file
from media.storage import picture_key
from media.tables import Picture

LEASE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture whose bytes are stored already: what they are, and what the sender says of them."""

    kind: PictureKind
    media_type: MediaType
    sha256: str
    size_bytes: int
    taken_on: date | None = None
    released: bool = False


@dataclass(frozen=True, slots=True)
class ExternalName:
    """How a clinic's own system names a picture."""

    source: str
    external_id: str


class Kept(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    """The same bytes, told of differently: another kind, date or release."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class ClaimedUpload:
    """One picture that is ours to look into until the lease ends; `attempts` counts this one."""

    clinic_id: UUID
    picture_id: UUID
    patient_id: UUID
    sha256: str
    attempts: int

    def key(self, variant: Variant) -> str:
        return picture_key(self.clinic_id, self.patient_id, self.sha256, variant)


async def keep_upload(
    writing: Writing, clinic_id: UUID, patient_id: UUID, upload: Upload, name: ExternalName | None,
    actor: Actor, now: datetime,
) -> tuple[Kept, PictureFile]:  # fmt: skip
    """Note a picture whose bytes are stored. Sending one of a name again is recognised.

    Raises `NotFound` (the patient was erased since the bytes came), `Invalid` for a date to come, `PictureDiffers`
    where the name stands for other bytes or another patient.
    The insert itself is the lock: of two parallel senders of one name the second waits, and then finds the first
    one's row.
    """
    if upload.taken_on is not None and upload.taken_on > latest_today(now):
        raise Invalid(Fault("/taken_on", "in-the-future"))
    await hold_patient(writing, patient_id)
    fresh = insert(Picture).values(_columns(clinic_id, patient_id, upload, name, now))
    fresh = fresh.on_conflict_do_nothing(index_elements=["clinic_id", "source", "external_id"])
    made = (await writing.execute(fresh.returning(Picture))).scalar_one_or_none()
    if made is not None:
        facts = {"kind": upload.kind.value}
        happening = Happening("picture.uploaded", made.id, patient_id=patient_id, facts=facts)
        await record(writing, clinic_id, actor, [happening], now)
        return Kept.CREATED, picture_file(made)
    assert name is not None  # without a name there is nothing to conflict with
    held = await _held(writing, clinic_id, name)
    if (held.patient_id, held.sha256) != (patient_id, upload.sha256):
        raise PictureDiffers
    return await _told_again(writing, held, upload, actor, now), picture_file(held)


def _columns(
    clinic_id: UUID, patient_id: UUID, upload: Upload, name: ExternalName | None, now: datetime
) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "id": new_id(),
        "patient_id": patient_id,
        "source": name.source if name else None,
        "external_id": name.external_id if name else None,
        "kind": upload.kind.value,
        "state": PictureState.UPLOADED.value,
        "media_type": upload.media_type.value,
        "size_bytes": upload.size_bytes,
        "sha256": upload.sha256,
        "taken_on": upload.taken_on,
        "uploaded_at": now,
        "released_at": now if upload.released else None,
        "attempts": 0,
    }


async def _held(writing: Writing, clinic_id: UUID, name: ExternalName) -> Picture:
    same = (
        col(Picture.clinic_id) == clinic_id,
        col(Picture.source) == name.source,
        col(Picture.external_id) == name.external_id,
    )
    return (await writing.execute(select(Picture).where(*same).with_for_update())).scalar_one()


async def _told_again(writing: Writing, held: Picture, upload: Upload, actor: Actor, now: datetime) -> Kept:
    released_at = (held.released_at or now) if upload.released else None
    told = (upload.kind.value, upload.taken_on, released_at)
    if told == (held.kind, held.taken_on, held.released_at):
        return Kept.UNCHANGED
    held.kind, held.taken_on, held.released_at = told
    happening = Happening("picture.changed", held.id, patient_id=held.patient_id)
    await record(writing, held.clinic_id, actor, [happening], now)
    return Kept.UPDATED


async def claim_uploads(sweeping: Sweeping, now: datetime, limit: int) -> list[ClaimedUpload]:
    """Take up to `limit` pictures that wait, oldest first, of all clinics; other workers skip them for `LEASE`."""
    waiting = (
        select(col(Picture.clinic_id), col(Picture.id))
        .where(
            col(Picture.state) == PictureState.UPLOADED.value,
            col(Picture.lease_until).is_(None) | (col(Picture.lease_until) <= now),
        )
        .order_by(col(Picture.uploaded_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    taken = (
        update(Picture)
        .where(col(Picture.clinic_id) == waiting.c.clinic_id, col(Picture.id) == waiting.c.id)
        .values(lease_until=now + LEASE, attempts=Picture.attempts + 1)
        .returning(
            col(Picture.clinic_id),
            col(Picture.id),
            col(Picture.patient_id),
            col(Picture.sha256),
            col(Picture.attempts),
        )
        .execution_options(synchronize_session=False)
    )
    return [ClaimedUpload(*row) for row in await sweeping.execute(taken)]


async def record_previews(sweeping: Sweeping, claimed: ClaimedUpload, made: Developed, now: datetime) -> bool:
    """Make a picture ready, its previews being stored; False where another worker was first."""
    sizes = {"size_1024": len(made.preview_1024), "size_256": len(made.preview_256)}
    state = {"state": PictureState.READY.value, "width": made.width, "height": made.height, "ready_at": now}
    return await _settle(sweeping, claimed, {**state, **sizes}, "picture.ready", {}, now)


async def reject(sweeping: Sweeping, claimed: ClaimedUpload, reason: Reason, now: datetime) -> bool:
    """Turn a picture down for good; False where another worker was first."""
    state = {"state": PictureState.REJECTED.value, "reason": reason.value}
    return await _settle(sweeping, claimed, state, "picture.rejected", {"reason": reason.value}, now)


async def _settle(
    sweeping: Sweeping, claimed: ClaimedUpload, state: dict[str, Any], kind: str, facts: dict[str, str], now: datetime
) -> bool:
    """Only a picture that still waits can be settled: of two workers whose leases overlapped, one says so."""
    settled = (
        update(Picture)
        .where(
            col(Picture.clinic_id) == claimed.clinic_id,
            col(Picture.id) == claimed.picture_id,
            col(Picture.state) == PictureState.UPLOADED.value,
        )
        .values(**state, lease_until=None)
        .returning(col(Picture.id))
        .execution_options(synchronize_session=False)
    )
    if (await sweeping.execute(settled)).scalar_one_or_none() is None:
        return False
    happening = Happening(kind, claimed.picture_id, patient_id=claimed.patient_id, facts=facts)
    await record(sweeping, claimed.clinic_id, SYSTEM, [happening], now)
    return True
