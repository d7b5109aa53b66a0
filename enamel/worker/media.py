"""Looks into pictures: claims some, compares, scans and develops each, records what became of them.

Crash safety, line by line of `look_into_pictures`:

- Before the claim commits: nothing happened.
- After the claim, before the end of `_seen`: the picture waits until its lease ends and is then taken by any worker.
  No transaction is open meanwhile, so nothing is locked. What was stored already is stored again under the same keys
  with the same bytes.
- While recording: all rows that were claimed together, with their events, are settled in one transaction, or wait.
- After it, before the uploads' bytes are erased: they go with the uploads' rows, which the sweep takes a day later.
- Two workers on one picture (a lease that ended too early): both store the same bytes, one settles the row, the
  other finds it settled and records nothing. Should each wait for a row of the other, PostgreSQL refuses one of them,
  which then records row by row.

Bytes that are missing were lost since. They, and what kills its process, are tried again until `gives_up`; what cannot
be reached (storage, scanner, database) or started is raised when all have ended, keeps its lease, and is tried again
without an end: such a try does not count against the picture.
"""

import asyncio
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from core.database import Database
from media.commands import ClaimedPicture, Stored, claim_pictures, excuse, quarantine, record_previews
from media.darkroom import Darkroom, Unfinished
from media.kinds import Developed, MediaType, Reason, Rejected, Variant, gives_up
from media.person import names_another
from media.scanner import Clean, Infected, Scanner
from media.storage import Given, Missing, Storage
from media.voice import HEARD_AS, VOICE_TYPES, Heard

AHEAD = 8
"""Pictures claimed for each process: while one is looked into, the others are fetched and stored."""

TURNS = 2
"""Loops that look into pictures side by side: while one stores, settles and claims, the other's keep the darkroom busy.
What both claimed is looked into within a lease, even where each picture takes as long as it may."""

End = Stored | Reason | None
"""Of a look into one picture: stored, held back, or to be tried again."""


@dataclass(frozen=True, slots=True)
class Looking:
    """What a look into a picture needs. The darkroom's processes are as many as are looked into at once."""

    database: Database
    storage: Storage
    darkroom: Darkroom
    scanner: Scanner


async def look_into_pictures(looking: Looking, now: datetime) -> int:
    """Settle some pictures for each process of the darkroom; how many were claimed (0: nothing waits)."""
    async with looking.database.sweeping() as sweeping:
        claimed = await claim_pictures(sweeping, now, AHEAD * looking.darkroom.processes)
    if not claimed:
        return 0
    with tempfile.TemporaryDirectory(prefix="pictures-", dir=looking.storage.workplace()) as folder:
        # Each to its own end: what one of them lacks must not stop its neighbour.
        seen = await asyncio.gather(
            *(_seen(looking, each, Path(folder) / each.picture_id.hex) for each in claimed), return_exceptions=True
        )
    failed = [each for each, end in zip(claimed, seen, strict=True) if isinstance(end, BaseException)]
    if failed:
        async with looking.database.sweeping() as sweeping:
            await excuse(sweeping, failed)
    ends = {each: end for each, end in zip(claimed, seen, strict=True) if not isinstance(end, BaseException)}
    await settle(looking, ends, now)
    for end in seen:
        if isinstance(end, BaseException):
            raise end
    return len(claimed)


async def settle(looking: Looking, ends: Mapping[ClaimedPicture, End], now: datetime) -> None:
    """Record what became of them, all in one transaction, then erase the uploads' bytes of what is ready, by us.

    Where PostgreSQL refuses that, each is recorded alone, so that one cannot stop its neighbours; then it is raised.
    """
    ready, refused = await _recorded(looking, ends, now)
    for each in ready:
        if each.upload_id is not None:
            await looking.storage.erase_under(each.lies_at)
    if refused is not None:
        raise refused


async def _recorded(
    looking: Looking, ends: Mapping[ClaimedPicture, End], now: datetime
) -> tuple[list[ClaimedPicture], DBAPIError | None]:
    """Those that are ready now, by us, and what PostgreSQL said where it refused one."""
    try:
        return await _settled(looking, ends, now), None
    except DBAPIError as error:
        if len(ends) == 1:
            return [], error
    ready, refused = list[ClaimedPicture](), None
    for claimed, end in ends.items():
        try:
            ready += await _settled(looking, {claimed: end}, now)
        except DBAPIError as error:
            refused = error
    return ready, refused


async def _settled(looking: Looking, ends: Mapping[ClaimedPicture, End], now: datetime) -> list[ClaimedPicture]:
    stored = {each: end for each, end in ends.items() if isinstance(end, Stored)}
    held = {each: end for each, end in ends.items() if isinstance(end, Reason)}
    if not (stored or held):
        return []
    async with looking.database.sweeping() as sweeping:
        await quarantine(sweeping, held, now)
        ready = await record_previews(sweeping, stored, now)
    return [each for each in stored if each.picture_id in ready]


async def _seen(looking: Looking, claimed: ClaimedPicture, path: Path) -> End:
    """Its bytes, at `path` for as long as it takes, compared with what was announced; then as `looked_at`."""
    try:
        sha256 = await looking.storage.get_file(claimed.lies_at, path)
    except Missing:
        return Reason.LOST if gives_up(claimed.attempts) else None
    try:
        if (sha256, os.stat(path).st_size) != (claimed.sha256, claimed.size_bytes):
            return Reason.FILE_DIFFERS
        return await looked_at(looking, claimed, path)
    except Missing:  # a worker whose lease overlapped ours was first, and erased the upload's bytes
        return None
    finally:
        os.unlink(path)


async def looked_at(looking: Looking, claimed: ClaimedPicture, path: Path, frame: int | None = None) -> End:
    """What was stored beside the picture, why it is held back, or None where it shall be tried again.

    `path`: its bytes; `frame`: of DICOM, from 1, the one to be shown.
    """
    try:
        found = await looking.scanner.scan(path)
        if not isinstance(found, Clean):
            return Reason.INFECTED if isinstance(found, Infected) else Reason.NOT_SCANNED
        if claimed.media_type in VOICE_TYPES:
            return await _stored_voice(looking, claimed, await looking.darkroom.listen(path, claimed.media_type))
        made = await looking.darkroom.develop(path, claimed.media_type, frame, path.with_suffix(".copy"))
    except Rejected as rejected:
        return rejected.reason
    except Unfinished:
        return Reason.TOO_COSTLY if gives_up(claimed.attempts) else None
    return Reason.ANOTHER_PERSON if _is_another(claimed, made) else await _stored(looking.storage, claimed, made)


def _is_another(claimed: ClaimedPicture, made: Developed) -> bool:
    if made.person is None or claimed.person_confirmed:
        return False
    return names_another(made.person, claimed.given_name, claimed.family_name, claimed.birth_date)


async def _stored_voice(looking: Looking, claimed: ClaimedPicture, made: Heard) -> Stored:
    if claimed.upload_id is not None:
        await looking.storage.copy(claimed.lies_at, claimed.key(Variant.ORIGINAL))
    await looking.storage.put(claimed.key(Variant.DOWNLOAD), made.copy, HEARD_AS)
    return Stored.of_voice(made)


async def _stored(storage: Storage, claimed: ClaimedPicture, made: Developed) -> Stored:
    if claimed.upload_id is not None:
        await storage.copy(claimed.lies_at, claimed.key(Variant.ORIGINAL))
    stored = Stored.of(made)  # first: what is kept is given away
    given = [
        Given(claimed.key(Variant.PREVIEW_1024), made.preview_1024, MediaType.WEBP),
        Given(claimed.key(Variant.PREVIEW_256), made.preview_256, MediaType.WEBP),
    ]
    if made.download is not None:
        given.append(Given(claimed.key(Variant.DOWNLOAD), made.download, claimed.media_type))
    await storage.put_all(given)
    return stored
