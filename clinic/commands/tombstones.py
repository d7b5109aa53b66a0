"""What is kept of an erasure outside the database, and erasing again what a restored database has forgotten."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands.erasing import ClaimedErasure, list_names, shut_record
from clinic.privacy import ErasureState
from clinic.tables import Clinic, Erased, Erasure
from core.database import Sweeping
from core.events import SYSTEM, Happening, record


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One erasure as it is kept outside the database."""

    clinic_id: UUID
    erasure_id: UUID
    patient_id: UUID
    confirmed_at: datetime
    names: tuple[tuple[bytes, bytes], ...]
    """Salt and digest of each name that must not come back."""
    kept: tuple[date, int] | None = None
    """Until when there is an archive, and its size in bytes."""


async def tombstone_of(sweeping: Sweeping, claimed: ClaimedErasure) -> Tombstone:
    """What is kept of an erasure outside the database."""
    same = (col(Erasure.clinic_id) == claimed.clinic_id, col(Erasure.id) == claimed.erasure_id)
    row = (await sweeping.execute(select(Erasure).where(*same))).scalar_one()
    kept = (row.keep_until, row.archive_bytes) if row.keep_until and row.archive_bytes is not None else None
    listed = select(col(Erased.salt), col(Erased.digest)).where(
        col(Erased.clinic_id) == claimed.clinic_id, col(Erased.erasure_id) == claimed.erasure_id
    )
    names = tuple((salt, digest) for salt, digest in await sweeping.execute(listed))
    return Tombstone(claimed.clinic_id, claimed.erasure_id, claimed.patient_id, row.confirmed_at, names, kept)


async def replay(sweeping: Sweeping, tombstone: Tombstone, now: datetime) -> bool:
    """Erase again what a database that was put back from a copy holds once more; False where it is known."""
    clinic = select(col(Clinic.clinic_id)).where(col(Clinic.clinic_id) == tombstone.clinic_id)
    if (await sweeping.execute(clinic)).scalar_one_or_none() is None:
        return False
    row = {
        "clinic_id": tombstone.clinic_id, "id": tombstone.erasure_id, "patient_id": tombstone.patient_id,
        "state": ErasureState.CONFIRMED.value, "confirmed_at": tombstone.confirmed_at, "attempts": 0,
        "keep_until": tombstone.kept[0] if tombstone.kept else None,
        "archive_bytes": tombstone.kept[1] if tombstone.kept else None,
    }  # fmt: skip
    fresh = insert(Erasure).values(row).on_conflict_do_nothing().returning(col(Erasure.id))
    if (await sweeping.execute(fresh)).scalar_one_or_none() is None:
        return False
    await shut_record(sweeping, tombstone.clinic_id, tombstone.patient_id, now)
    await list_names(sweeping, tombstone.clinic_id, tombstone.erasure_id, tombstone.names)
    again = Happening("erasure.replayed", tombstone.erasure_id, patient_id=tombstone.patient_id)
    await record(sweeping, tombstone.clinic_id, SYSTEM, [again], now)
    return True
