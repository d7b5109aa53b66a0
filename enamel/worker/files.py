"""Sweeps the storage: uploads that never came whole, and files that nothing shows any more. Adds up what is kept.

A file is erased inside the transaction that proves that nothing shows it and that nobody begins to keep it (a lock of
its clinic and SHA-256, taken by `start_upload` too). A crash after the erasing and before the commit leaves the row:
it is erased once more, which changes nothing. What a storage holds of an upload whose row is gone (a crash between its
beginning and the note of it) is given up when it is older than any upload may be. What cannot be erased, or takes
longer than a transaction may, is put off, so that what stands behind it is erased.
"""

from datetime import datetime, timedelta

from core.database import Database
from media.commands import forget_left_file, forget_uploads, put_off_left_file, take_left_file
from media.commands.kept import add_up_kept
from media.storage import Storage
from media.upload import UPLOAD_LIFE

PAUSE_SECONDS = 60.0
STRAY_PAUSE_SECONDS = 3600.0
_MOST_AT_ONCE = 100


async def sweep_files(database: Database, storage: Storage, now: datetime) -> int:
    """One round; how many uploads and files were taken away."""
    async with database.sweeping() as sweeping:
        over = await forget_uploads(sweeping, now, _MOST_AT_ONCE)
    for each in over:
        if each.storage_id is not None:
            await storage.give_up(each.key, each.storage_id)
    erased = 0
    while erased < _MOST_AT_ONCE and await _erase_one(database, storage, now):
        erased += 1
    return len(over) + erased


async def _erase_one(database: Database, storage: Storage, now: datetime) -> bool:
    left = None
    try:
        async with database.sweeping() as sweeping:
            left = await take_left_file(sweeping, now)
            if left is None:
                return False
            if left.is_free:
                await storage.erase_under(left.key)
            await forget_left_file(sweeping, left)
    except Exception:
        if left is not None:
            async with database.sweeping() as sweeping:
                await put_off_left_file(sweeping, left, now)
        raise
    return True


async def add_up(database: Database) -> int:
    """Always 0: one round is enough. Killed anywhere, the sums are as before."""
    async with database.sweeping() as sweeping:
        await add_up_kept(sweeping)
    return 0


async def give_up_strays(storage: Storage, now: datetime) -> int:
    """Give up what was begun longer ago than any upload lives; how many. The storage is asked to do so too."""
    await storage.prepare(now)
    over = [each for each in await storage.unfinished() if each.begun_at < now - UPLOAD_LIFE - timedelta(hours=1)]
    for each in over:
        await storage.give_up(each.key, each.storage_id)
    return len(over)
