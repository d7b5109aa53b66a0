"""Looks into pictures that another server keeps: fetches each once from its archive, then does as with any other.

What is made of it (previews, the patient's copy) is stored here; the file itself is not. An archive that fails is left
alone for a while, longer each time, and its pictures wait without counting a try: one that is down for a day keeps
neither the pictures of other archives waiting nor, because this is a loop of its own, those that were uploaded.
What else cannot be reached (storage, scanner, database) or started is raised when all have ended, and is tried again
without an end: such a try does not count against the picture.

Crash safety: before `note_fetched` commits, nothing happened but a claim that ends with its lease; after it, the sweep
of files knows whose the stored bytes are, and the next worker stores the same ones again.
"""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path

from enamel.worker.media import Looking, looked_at, settle
from media.archives import Archives, Elsewhere
from media.commands import ClaimedPicture, claim_pictures, excuse
from media.commands.elsewhere import note_fetched, wait_for_archive
from media.commands.sources import rest_source, source_answers
from media.dicomweb import ArchiveUnreachable, InstanceGone, SourceEnded, file_of
from media.kinds import Reason, gives_up
from media.queries import kept_elsewhere


async def look_elsewhere(looking: Looking, archives: Archives, now: datetime) -> int:
    """Settle up to as many pictures as the darkroom has processes; how many were claimed (0: nothing may be asked)."""
    async with looking.database.sweeping() as sweeping:
        claimed = await claim_pictures(sweeping, now, looking.darkroom.processes, elsewhere=True)
        places = await kept_elsewhere(sweeping, [each.picture_id for each in claimed]) if claimed else {}
    ends = await asyncio.gather(
        *(_settle(looking, archives, each, places[each.picture_id].elsewhere, now) for each in claimed),
        return_exceptions=True,
    )
    failed = [each for each, end in zip(claimed, ends, strict=True) if end is not None]
    if failed:
        async with looking.database.sweeping() as sweeping:
            await excuse(sweeping, failed)
    for end in ends:
        if end is not None:
            raise end
    return len(claimed)


async def _settle(
    looking: Looking, archives: Archives, claimed: ClaimedPicture, place: Elsewhere, now: datetime
) -> None:
    with tempfile.TemporaryDirectory(prefix="elsewhere-", dir=looking.storage.workplace()) as folder:
        path = Path(folder) / "picture"
        try:
            sha256 = await archives.fetch(place, path)
        except ArchiveUnreachable as error:
            async with looking.database.sweeping() as sweeping:
                await wait_for_archive(sweeping, claimed)
                await rest_source(sweeping, place.source, error.trouble, now)
            return
        except (InstanceGone, SourceEnded) as error:
            is_over = isinstance(error, SourceEnded) or gives_up(claimed.attempts)
            await settle(looking, {claimed: Reason.LOST if is_over else None}, now)
            return
        async with looking.database.sweeping() as sweeping:
            await source_answers(sweeping, place.source)
            file = file_of(sha256, place.instance.frame)
            known = await note_fetched(sweeping, claimed, file, path.stat().st_size)
        if known is not None:
            await settle(looking, {known: await looked_at(looking, known, path, place.instance.frame)}, now)
