"""Makes the copies people asked for, carries erasures out, and lets archives go when the law no longer wants them.

A copy. What a crash leaves, wherever it comes: before the claim commits, nothing; after it, a lease that ends, and
another worker makes the same file anew under the same key; after the file is stored and before the row says so, the
same. A copy is ready only when its file is whole. After `MOST_TRIES` it is said to have failed.

An erasure. It goes by three marks, each committed before the next step begins:
- `confirmed`: the archive of what the law wants kept is stored first. Then, in one transaction, the record is locked,
  compared with what was archived (if anything changed, nothing is done and the round begins anew), its rows meet
  their fate, and its name is put on the erasure list. A crash before that commit leaves an archive that the next
  round replaces; after it nothing of the person can be found any more. While money is on its way into the clinic's
  books it waits, up to `MONEY_WAIT`: erased, the payment would be told to nobody.
- `emptied`: the tombstone is stored outside the database and the patient's files are erased from the storage. Both
  can be done again and again.
- `done`.
A database that is put back from a backup lacks the mark and holds the person again: the tombstones, which lie in the
storage, are compared every hour and at each start, and what is found is erased once more. The archive that a
tombstone tells of is never written again: what a backup brings back is older than it.
"""

import base64
import json
from datetime import date, datetime
from enum import Enum, auto
from functools import partial
from uuid import UUID

from cabinet.queries.payments import with_money_under_way
from clinic.commands import erasing
from clinic.commands.erasing import ClaimedErasure
from clinic.commands.privacy import (
    ClaimedCopy,
    claim_copies,
    copy_wanted,
    expired_copies,
    fail_copies,
    forget_copies,
    gives_up,
    hold_marks,
    settle_copy,
)
from clinic.commands.tombstones import Tombstone, replay, tombstone_of
from clinic.privacy import MONEY_WAIT, TOMBSTONES, ErasureState, archive_key, copy_key, tombstone_key
from core.database import Database, Sweeping
from core.holding import of_archive, of_copy
from core.holding_sql import erase_held, last_treated, lock_held, see_restricted
from core.moments import rfc3339
from enamel.worker.archive import HOLDINGS, Collected, collected, scratch, write_archive
from enamel.worker.process import log_failure
from identity.commands import forget_accounts
from media.storage import Storage
from push.commands import forget_devices
from push.queries import consent_proofs

MOST_AT_ONCE = 4
MOST_SWEPT = 100
REPLAY_PAUSE_SECONDS = 3600.0
_ZIP = "application/zip"
_KEPT = of_archive(HOLDINGS)


async def make_copies(database: Database, storage: Storage, now: datetime) -> int:
    """One round; how many copies were made or taken away. Any number of workers may run it at once."""
    async with database.sweeping() as sweeping:
        await fail_copies(sweeping, now)
        claimed = await claim_copies(sweeping, now, MOST_AT_ONCE)
    for each in claimed:
        await _make_copy(database, storage, each, now)
    return len(claimed) + await _take_away(database, storage, now)


async def _make_copy(database: Database, storage: Storage, claimed: ClaimedCopy, now: datetime) -> None:
    try:
        size = await _stored_copy(database, storage, claimed, now)
    except Exception as error:  # noqa: BLE001  one copy's failure must not stop the others, nor come back for ever
        log_failure("copies", error)
        if not gives_up(claimed.attempts):
            return
        size = None
    async with database.sweeping() as sweeping:
        settled = await settle_copy(sweeping, claimed, size, now)
        wanted = settled or await copy_wanted(sweeping, claimed)
    if not wanted:
        # Erased meanwhile (the folder may have been emptied before this file came there), or something was hidden.
        await storage.erase_under(copy_key(claimed.clinic_id, claimed.patient_id, claimed.export_id))


async def _stored_copy(database: Database, storage: Storage, claimed: ClaimedCopy, now: datetime) -> int:
    holdings = of_copy(HOLDINGS, claimed.scopes, whole=claimed.whole)
    patient = (claimed.clinic_id, claimed.patient_id)
    scopes = None if claimed.whole else claimed.scopes
    async with database.sweeping() as sweeping:
        await hold_marks(sweeping, claimed.clinic_id)
        whole = await collected(sweeping, holdings, *patient, only_shown=True, scopes=scopes)
        proofs = await consent_proofs(sweeping, claimed.patient_id)
    shown = [each.model_dump(mode="json") for each in proofs]
    with scratch(storage) as path:
        size = await write_archive(
            path, Collected(whole.tables, whole.files, {"consent_proofs.json": shown}), storage, now
        )
        await storage.put_file(copy_key(*patient, claimed.export_id), path, _ZIP)
    return size


async def _take_away(database: Database, storage: Storage, now: datetime) -> int:
    async with database.sweeping() as sweeping:
        over = await expired_copies(sweeping, now, MOST_SWEPT)
    for each in over:
        await storage.erase_under(copy_key(each.clinic_id, each.patient_id, each.export_id))
    async with database.sweeping() as sweeping:
        await forget_copies(sweeping, [each.export_id for each in over])
    return len(over)


async def carry_out_erasures(database: Database, storage: Storage, now: datetime) -> int:
    """One round; how many erasures were looked at and archives destroyed."""
    async with database.sweeping() as sweeping:
        claimed = await erasing.claim_erasures(sweeping, now, MOST_AT_ONCE)
    for each in claimed:
        try:
            await _carry_out(database, storage, each, now)
        except Exception as error:  # noqa: BLE001  the lease ends and it is tried again; the others go on
            log_failure("erasures", error)
    return len(claimed) + await destroy_archives(database, storage, now)


async def _carry_out(database: Database, storage: Storage, claimed: ClaimedErasure, now: datetime) -> None:
    if claimed.state is ErasureState.CONFIRMED:
        verdict = await _empty(database, storage, claimed, now)
        if verdict is _Round.AGAIN:
            async with database.sweeping() as sweeping:
                await erasing.let_go(sweeping, claimed)
        if verdict is not _Round.EMPTIED:
            return
    await _forget_files(database, storage, claimed, now)


class _Round(Enum):
    """What a round made of a confirmed erasure."""

    EMPTIED = auto()
    AGAIN = auto()
    """The record changed meanwhile, or a hold was set."""
    WAITS = auto()
    """Money is on its way into the books. The lease stays: it is looked at again when that ends."""


async def _empty(database: Database, storage: Storage, claimed: ClaimedErasure, now: datetime) -> _Round:
    """Archive, then erase the rows."""
    read = partial(_kept_rows, clinic_id=claimed.clinic_id, patient_id=claimed.patient_id)
    async with database.sweeping() as sweeping:
        before = await read(sweeping)
        # After the rows: what is paid since shows in them, and the round begins anew.
        if await _waits_for_money(sweeping, claimed, now):
            return _Round.WAITS
    # An archive that is there was made of the whole record; what a backup brought back holds less.
    new = before.tables["patient"] and not claimed.archived
    size = await _store_archive(storage, claimed, before, now) if new else 0
    async with database.sweeping() as sweeping:
        if not await erasing.hold_still(sweeping, claimed):
            return _Round.AGAIN
        await lock_held(sweeping, HOLDINGS, claimed.clinic_id, claimed.patient_id)
        if (await read(sweeping)).digest != before.digest:
            return _Round.AGAIN
        await _erase_rows(sweeping, claimed, size, now)
    return _Round.EMPTIED


async def _waits_for_money(sweeping: Sweeping, claimed: ClaimedErasure, now: datetime) -> bool:
    """The clinic's system learns of money only while there is somebody to book it for."""
    if now >= claimed.confirmed_at + MONEY_WAIT:
        return False
    return bool(await with_money_under_way(sweeping, claimed.clinic_id, [claimed.patient_id]))


async def _kept_rows(sweeping: Sweeping, *, clinic_id: UUID, patient_id: UUID) -> Collected:
    return await collected(sweeping, _KEPT, clinic_id, patient_id, only_shown=False, scopes=None)


async def _store_archive(storage: Storage, claimed: ClaimedErasure, whole: Collected, now: datetime) -> int:
    with scratch(storage) as path:
        size = await write_archive(path, whole, storage, now)
        await storage.put_file(archive_key(claimed.clinic_id, claimed.erasure_id), path, _ZIP)
    return size


async def _erase_rows(sweeping: Sweeping, claimed: ClaimedErasure, size: int, now: datetime) -> None:
    kept = None
    if size:
        patient = (claimed.clinic_id, claimed.patient_id)
        treated_on = await last_treated(sweeping, HOLDINGS, *patient) or now.date()
        kept = (await erasing.retained_until(sweeping, *patient, treated_on), size)
    await erasing.remember_erased(sweeping, claimed)
    lonely = await erasing.lonely_accounts(sweeping, claimed)
    await see_restricted(sweeping)
    await erase_held(sweeping, HOLDINGS, claimed.clinic_id, claimed.patient_id)
    await forget_devices(sweeping, lonely, now)
    await forget_accounts(sweeping, lonely)
    await erasing.mark_emptied(sweeping, claimed, kept, now)


async def _forget_files(database: Database, storage: Storage, claimed: ClaimedErasure, now: datetime) -> None:
    async with database.sweeping() as sweeping:
        tombstone = await tombstone_of(sweeping, claimed)
    key = tombstone_key(claimed.clinic_id, claimed.erasure_id)
    await storage.put(key, _written(tombstone), "application/json")
    await storage.erase_under(f"{claimed.clinic_id}/{claimed.patient_id}")
    async with database.sweeping() as sweeping:
        await erasing.mark_done(sweeping, claimed, now)


async def destroy_archives(database: Database, storage: Storage, now: datetime) -> int:
    """Let go what the law wants kept no longer: the file first, then what says it is there."""
    async with database.sweeping() as sweeping:
        over = await erasing.archives_past_retention(sweeping, now.date(), MOST_SWEPT)
    for each in over:
        await storage.erase_under(archive_key(each.clinic_id, each.erasure_id))
        async with database.sweeping() as sweeping:
            await erasing.forget_archive(sweeping, each, now)
    return len(over)


async def replay_erasures(database: Database, storage: Storage, now: datetime) -> int:
    """Compare the tombstones with the database; how many erasures it did not know any more.

    Files that were on their way while the erasure ran (an upload, a preview, a sealed paper) go too.
    """
    again = 0
    for key in await storage.keys_under(TOMBSTONES):
        tombstone = _read(await storage.get(key))
        async with database.sweeping() as sweeping:
            again += await replay(sweeping, tombstone, now)
        await storage.erase_under(f"{tombstone.clinic_id}/{tombstone.patient_id}")
    return again


def _written(tombstone: Tombstone) -> bytes:
    names = [[base64.b64encode(part).decode() for part in pair] for pair in tombstone.names]
    return json.dumps(
        {
            "clinic_id": str(tombstone.clinic_id),
            "erasure_id": str(tombstone.erasure_id),
            "patient_id": str(tombstone.patient_id),
            "confirmed_at": rfc3339(tombstone.confirmed_at),
            "names": names,
            "keep_until": tombstone.kept[0].isoformat() if tombstone.kept else None,
            "archive_bytes": tombstone.kept[1] if tombstone.kept else None,
        }
    ).encode()


def _read(raw: bytes) -> Tombstone:
    told = json.loads(raw)
    names = tuple((base64.b64decode(salt), base64.b64decode(digest)) for salt, digest in told["names"])
    kept = (date.fromisoformat(told["keep_until"]), told["archive_bytes"]) if told["keep_until"] else None
    return Tombstone(
        UUID(told["clinic_id"]), UUID(told["erasure_id"]), UUID(told["patient_id"]),
        datetime.fromisoformat(told["confirmed_at"]), names, kept,
    )  # fmt: skip
