"""Writes what is held of a person into one ZIP: a JSON file a table, and the files as they lie in the storage."""

import asyncio
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from automation.holdings import HOLDINGS as OF_AUTOMATION
from cabinet.holdings import HOLDINGS as OF_CABINET
from chat.holdings import HOLDINGS as OF_CHAT
from clinic.holdings import HOLDINGS as OF_CLINIC
from core.database import Reading
from core.holding import HOLDINGS as OF_CORE
from core.holding import Holding, Kept
from core.holding_sql import Rows, rows_held
from core.moments import rfc3339
from media.holdings import HOLDINGS as OF_MEDIA
from media.storage import Missing, Span, Storage
from push.holdings import HOLDINGS as OF_PUSH

HOLDINGS: tuple[Holding, ...] = (
    *OF_CORE, *OF_CLINIC, *OF_MEDIA, *OF_PUSH, *OF_CABINET, *OF_CHAT, *OF_AUTOMATION,
)  # fmt: skip
"""Everything that is held of anybody: a test compares it with the tables there are."""

PIECE = 4 * 1024 * 1024
"""Bytes of a file in memory at once."""

_README = {
    "about": "A copy of everything this clinic holds of you in Enamel. Each .json file is one kind of fact.",
    "moments": "UTC, as RFC 3339",
    "money": "whole minor units (cents) of the currency beside it",
    "teeth": "ISO 3950 (FDI) codes",
}


@dataclass(frozen=True, slots=True)
class Collected:
    """The rows by table, and the files they name."""

    tables: dict[str, Rows]
    files: tuple[Kept, ...] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the archive, by name."""

    @property
    def digest(self) -> bytes:
        """Equal for equal rows: whether anything changed since."""
        return sha256(_as_json(self.tables)).digest()


async def collected(
    reading: Reading, holdings: Sequence[Holding], clinic_id: UUID, patient_id: UUID,
    *, only_shown: bool, scopes: frozenset[str] | None,
) -> Collected:  # fmt: skip
    """Read every table once; see `rows_held`."""
    tables: dict[str, Rows] = {}
    files: list[Kept] = []
    for holding in holdings:  # one statement a table, whatever the number of rows
        rows = await rows_held(reading, holding, clinic_id, patient_id, only_shown=only_shown, scopes=scopes)
        if scopes is not None and holding.scope_of_row and not rows:
            continue  # perhaps nothing of it is theirs to see, and then not that it is kept either
        tables[holding.table] = rows
        if holding.files is not None:
            kept = [each for row in rows for each in holding.files(clinic_id, row)]
            files += [each for each in kept if each.shown or not only_shown]
    return Collected(tables, tuple(files))


@contextmanager
def scratch(storage: Storage) -> Iterator[Path]:
    """A private place for one archive while it is being written; gone with the block."""
    with tempfile.TemporaryDirectory(prefix="archive-", dir=storage.workplace()) as folder:
        yield Path(folder) / "archive.zip"


async def write_archive(path: Path, whole: Collected, storage: Storage, now: datetime) -> int:
    """Fill `path`; its size in bytes. A file that the storage lost is named in `missing.json` and not skipped."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "readme.json", {**_README, "made_at": rfc3339(now)})
        for table, rows in whole.tables.items():
            _write(archive, f"{table}.json", rows)
        for name, content in whole.more.items():
            _write(archive, name, content)
        missing = [file.name for file in whole.files if not await _copy(archive, file, storage)]
        if missing:
            _write(archive, "missing.json", missing)
    return await asyncio.to_thread(lambda: path.stat().st_size)


def _write(archive: zipfile.ZipFile, name: str, content: object) -> None:
    archive.writestr(name, _as_json(content))


async def _copy(archive: zipfile.ZipFile, file: Kept, storage: Storage) -> bool:
    """Piece by piece. Pictures are compressed already: they are stored as they are."""
    try:
        piece = await storage.get(file.key, Span(0, PIECE - 1))
    except Missing:
        return False
    entry = zipfile.ZipInfo(file.name)
    with archive.open(entry, "w", force_zip64=True) as member:
        start = 0
        while piece:
            member.write(piece)
            start += len(piece)
            piece = await storage.get(file.key, Span(start, start + PIECE - 1)) if len(piece) == PIECE else b""
    return True


def _as_json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, default=str).encode()
