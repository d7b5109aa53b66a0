"""Looks into uploads: claims some, develops each in a process of its own, records what became of them.

Crash safety, line by line of `make_previews`:

- Before the claim commits: nothing happened.
- After the claim, before the end of `_look_into`: the picture waits until its lease ends and is then taken by any
  worker. No transaction is open meanwhile, so nothing is locked. Previews that were stored already are stored
  again under the same keys with the same bytes.
- While recording: the row, with its event, is settled in one transaction, or still waits.
- Two workers on one picture (a lease that ended too early): both store the same bytes, one settles the row, the
  other finds it settled and records nothing.

The original is stored before its row exists (`api.pictures`), so bytes that are missing were lost since. They, and
what kills its process, are tried again until `gives_up`; what cannot be reached (storage, database) is raised when
all have ended, keeps its lease, and is tried again without an end.
"""

import asyncio
from datetime import datetime

from core.database import Database
from media.commands import ClaimedUpload, claim_uploads, record_previews, reject
from media.darkroom import Unfinished, develop
from media.kinds import Developed, MediaType, Reason, Rejected, Variant, gives_up
from media.storage import Missing, Storage

AT_ONCE = 2
"""Pictures of one claim; each is a process that may take a core and a gigabyte."""


async def make_previews(database: Database, storage: Storage, now: datetime) -> int:
    """Settle up to `AT_ONCE` uploads; how many were claimed (0: nothing waits)."""
    async with database.sweeping() as sweeping:
        claimed = await claim_uploads(sweeping, now, AT_ONCE)
    # Each to its own end: what one of them lacks must not stop its neighbour.
    ends = await asyncio.gather(*(_settle(database, storage, each, now) for each in claimed), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end
    return len(claimed)


async def _settle(database: Database, storage: Storage, claimed: ClaimedUpload, now: datetime) -> None:
    seen = await _look_into(storage, claimed)
    if seen is None:
        return
    async with database.sweeping() as sweeping:
        if isinstance(seen, Reason):
            await reject(sweeping, claimed, seen, now)
        else:
            await record_previews(sweeping, claimed, seen, now)


async def _look_into(storage: Storage, claimed: ClaimedUpload) -> Developed | Reason | None:
    """The stored previews, why there are none, or None where it shall be tried again."""
    try:
        made = await develop(await storage.get(claimed.key(Variant.ORIGINAL)))
    except Missing:
        return Reason.LOST if gives_up(claimed.attempts) else None
    except Rejected as rejected:
        return rejected.reason
    except Unfinished:
        return Reason.TOO_COSTLY if gives_up(claimed.attempts) else None
    await storage.put(claimed.key(Variant.PREVIEW_1024), made.preview_1024, MediaType.WEBP)
    await storage.put(claimed.key(Variant.PREVIEW_256), made.preview_256, MediaType.WEBP)
    return made
