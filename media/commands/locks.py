"""Who waits for whom over files: locks of names, until the commit."""

import hashlib
from uuid import UUID

from sqlalchemy import func, select

from core.database import Writing


async def lock_file(writing: Writing, clinic_id: UUID, sha256: str) -> None:
    """Nobody else begins to keep, or erases, this file of this clinic."""
    await _lock(writing, f"file {clinic_id} {sha256}")


async def lock_quota(writing: Writing, clinic_id: UUID) -> None:
    """Nobody else adds up what this clinic keeps."""
    await _lock(writing, f"media quota {clinic_id}")


async def _lock(writing: Writing, name: str) -> None:
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
    await writing.execute(select(func.pg_advisory_xact_lock(number)))
