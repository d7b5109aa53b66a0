"""The verbs of files that nothing shows any more: which may be erased, and that one was."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.ids import new_id
from media.commands.locks import lock_file
from media.tables import FileLeft, Picture, Upload

PATIENCE = timedelta(minutes=10)
"""Longer than any request or look may take: whoever was reading or writing the file when it was left is done."""


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A key, and what is below it, that a row let go of; `is_free` once nothing of the clinic shows it."""

    clinic_id: UUID
    left_id: UUID
    key: str
    is_free: bool


async def take_left_file(sweeping: Sweeping, now: datetime) -> LeftFile | None:
    """The next file that was left, held against all who would begin to keep the same bytes until the commit.

    Erase it, then `forget_left_file`, in the same transaction. A crash in between leaves the row: it is erased again.
    """
    waiting = (
        select(FileLeft)
        .where(col(FileLeft.since) <= now - PATIENCE)
        .order_by(col(FileLeft.since))
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    row = (await sweeping.execute(waiting)).scalar_one_or_none()
    if row is None:
        return None
    folder, _, name = row.key.removeprefix(f"{row.clinic_id}/").partition("/")
    is_free = not await _is_left_again(sweeping, row)
    if is_free and folder == "files":
        await lock_file(sweeping, row.clinic_id, name)
        is_free = not await _is_shown(sweeping, row.clinic_id, name)
    return LeftFile(row.clinic_id, row.id, row.key, is_free)


async def _is_left_again(sweeping: Sweeping, row: FileLeft) -> bool:
    """Whether a newer mark of the same key has its patience yet to come: it is that one's to erase."""
    same = (col(FileLeft.clinic_id) == row.clinic_id, col(FileLeft.key) == row.key)
    newer = select(col(FileLeft.id)).where(*same, col(FileLeft.since) > row.since).limit(1)
    return (await sweeping.execute(newer)).first() is not None


async def _is_shown(sweeping: Sweeping, clinic_id: UUID, sha256: str) -> bool:
    """After the lock, as a statement of its own: what was committed by who held it before is seen."""
    of_pictures = select(col(Picture.id)).where(col(Picture.clinic_id) == clinic_id, col(Picture.sha256) == sha256)
    of_uploads = select(col(Upload.id)).where(col(Upload.clinic_id) == clinic_id, col(Upload.sha256) == sha256)
    return (await sweeping.execute(of_pictures.union_all(of_uploads).limit(1))).first() is not None


async def leave_files(writing: Writing, keys: Sequence[tuple[UUID, str]]) -> None:
    """Leave keys of clinics to the sweep. Left before and not swept yet: the newest mark's patience counts."""
    if not keys:
        return
    rows = [{"clinic_id": clinic_id, "id": new_id(), "key": key, "since": func.now()} for clinic_id, key in set(keys)]
    await writing.execute(insert(FileLeft).values(rows))


async def put_off_left_file(sweeping: Sweeping, left: LeftFile, now: datetime) -> None:
    """It could not be erased: its patience begins anew, and those behind it get their turn."""
    mine = (col(FileLeft.clinic_id) == left.clinic_id, col(FileLeft.id) == left.left_id)
    await sweeping.execute(update(FileLeft).where(*mine).values(since=now))


async def forget_left_file(sweeping: Sweeping, left: LeftFile) -> None:
    mine = (col(FileLeft.clinic_id) == left.clinic_id, col(FileLeft.id) == left.left_id)
    await sweeping.execute(delete(FileLeft).where(*mine))
