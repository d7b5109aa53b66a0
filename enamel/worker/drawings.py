"""Draws what staff drew: claims versions, makes each copy from the preview, records that it is there.

Crash safety: before the claim commits nothing happened; after it the version waits until its lease ends and is taken
by any worker, which stores the same bytes under the same key. The picture's row names a copy only after it is stored.
A version that is not wanted any more when it is done (taken away, the picture moved or gone) is left to the sweep of
files. No transaction is open while a copy is drawn or stored. What takes its process down is tried again until
`gives_up`; what cannot be reached (storage, database) or started is raised when all have ended, keeps its lease, and
is tried again without an end: such a try does not count against the drawing.
"""

import asyncio
from dataclasses import astuple
from datetime import datetime

from core.database import Database
from media.commands import ClaimedDrawing, claim_drawings, excuse_drawings, record_drawn
from media.darkroom import Darkroom, Unfinished
from media.kinds import MediaType, Rejected, gives_up
from media.storage import Missing, Storage

AT_ONCE = 4


async def draw_pending(database: Database, storage: Storage, darkroom: Darkroom, now: datetime) -> int:
    """Draw up to `AT_ONCE` versions; how many were claimed (0: nothing waits)."""
    async with database.sweeping() as sweeping:
        claimed = await claim_drawings(sweeping, now, AT_ONCE)
    # Each to its own end: what one of them lacks must not stop its neighbour.
    ends = await asyncio.gather(
        *(_settle(database, storage, darkroom, each, now) for each in claimed), return_exceptions=True
    )
    failed = [each for each, end in zip(claimed, ends, strict=True) if end is not None]
    if failed:
        async with database.sweeping() as sweeping:
            await excuse_drawings(sweeping, failed)
    for end in ends:
        if end is not None:
            raise end
    return len(claimed)


async def _settle(
    database: Database, storage: Storage, darkroom: Darkroom, claimed: ClaimedDrawing, now: datetime
) -> None:
    try:
        size = await _drawn(storage, darkroom, claimed)
    except Unfinished:
        if not gives_up(claimed.attempts):
            return
        size = None
    async with database.sweeping() as sweeping:
        await record_drawn(sweeping, claimed, size, now)


async def _drawn(storage: Storage, darkroom: Darkroom, claimed: ClaimedDrawing) -> int | None:
    """The stored copy's size; None where it can never be drawn: the storage lost the preview, or it is none."""
    shapes = [shape.model_dump(mode="json") for shape in claimed.shapes]
    scale = astuple(claimed.scale) if claimed.scale else None
    try:
        preview = await storage.get(claimed.drawn_on)
        content = (await darkroom.do("draw", {"shapes": shapes, "scale": scale}, preview)).files[0]
    except (Missing, Rejected):
        return None
    await storage.put(claimed.key, content, MediaType.WEBP.value)
    return len(content)
