"""Takes facts of another system in: set-wise, by external id, each version once.

The rules of one row (`verdict`) are pure; `upsert` applies them to any number of rows of one table with
three statements: lock, read, write. A sync of one kind of one clinic waits for the one before it, so two
batches that carry the same new row cannot both make it.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Select, Table, UniqueConstraint, case, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel

from core.database import TenantRow, Writing
from core.ids import new_id

# The source of rows made in Enamel itself; no system outside may call itself so.
OWN_SOURCE = "enamel"

# Columns that came after rows were hashed without them: who does not tell them has changed nothing.
ADDED_LATER = frozenset({"email"})


class SyncedRow(TenantRow):
    """Base of tables whose rows come from a clinic's own system, which names them by `external_id`."""

    source: str
    external_id: str
    source_version: int = Field(sa_type=BigInteger)
    content_hash: str
    changed_at: datetime


def synced_key(table: str) -> UniqueConstraint:
    return UniqueConstraint("clinic_id", "source", "external_id", name=f"{table}_external")


class Outcome(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    STALE = "stale"
    """Refused: the sender's version is older than the one we hold, or the same with other content."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """One good row: its place in the batch, its name and version over there, and its columns here."""

    index: int
    external_id: str
    version: int
    columns: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What we hold of a row: enough to judge a newer one, and the columns the caller asked to remember."""

    id: UUID
    version: int
    content_hash: str
    remembered: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Upserted:
    incoming: Incoming
    outcome: Outcome
    id: UUID
    before: dict[str, Any] | None
    written: bool
    """A newer version of the same content is kept too, or a late older one with other content would win."""
    remark: str | None = None
    """What of the row was not taken in as it was told: a code for the sender."""


def verdict(held: Held | None, version: int, content_hash: str) -> Outcome:
    """What becomes of a row, from what is held of it."""
    if held is None:
        return Outcome.CREATED
    if content_hash == held.content_hash:
        return Outcome.UNCHANGED
    return Outcome.UPDATED if version > held.version else Outcome.STALE


def judged(incoming: Sequence[Incoming], held: dict[str, Held]) -> list[Upserted]:
    """What becomes of each row. `held` was read under the lock of `hold_source`."""
    return [_judged(row, held.get(row.external_id)) for row in incoming]


def _judged(row: Incoming, held: Held | None) -> Upserted:
    outcome = verdict(held, row.version, content_hash(row.columns))
    if held is None:
        return Upserted(row, outcome, new_id(), None, written=True)
    newer = outcome is not Outcome.STALE and row.version > held.version
    return Upserted(row, outcome, held.id, held.remembered, written=newer)


def content_hash(columns: dict[str, Any]) -> str:
    told = {name: value for name, value in columns.items() if value is not None or name not in ADDED_LATER}
    text = json.dumps(told, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


async def hold_source(writing: Writing, what: str, clinic_id: UUID, source: str) -> None:
    """Wait for any other sync of this kind and source, and make it wait until the commit."""
    lock = func.hashtextextended(f"{what} {clinic_id} {source}", 0)
    await writing.execute(select(func.pg_advisory_xact_lock(lock)))


async def held_rows(
    writing: Writing,
    table: type[SyncedRow],
    clinic_id: UUID,
    source: str,
    names: Sequence[str],
    remember: Sequence[str],
) -> dict[str, Held]:
    """What is held of `names`, locked against another sync of the same kind until the commit."""
    rows: Table = _table(table)
    await hold_source(writing, rows.name, clinic_id, source)
    found = (await writing.execute(_held(rows, clinic_id, source, names))).mappings()
    return {
        row["external_id"]: Held(
            row["id"], row["source_version"], row["content_hash"], {name: row[name] for name in remember}
        )
        for row in found
    }


def _held(rows: Table, clinic_id: UUID, source: str, names: Sequence[str]) -> Select[Any]:
    same = (rows.c.clinic_id == clinic_id, rows.c.source == source, rows.c.external_id == func.any(list(names)))
    return select(rows).where(*same)


async def upsert(
    writing: Writing,
    table: type[SyncedRow],
    clinic_id: UUID,
    source: str,
    incoming: Sequence[Incoming],
    held: dict[str, Held],
    now: datetime,
) -> list[Upserted]:
    """Write what is new or newer; say of every row what became of it. `held` comes from `held_rows`."""
    done = judged(incoming, held)
    values = [_values(each, clinic_id, source, now) for each in done if each.written]
    if values:
        values.sort(key=lambda value: value["id"])  # locks are taken in the order everybody takes them in
        await writing.execute(_write(_table(table), list(values[0])), values)
    return done


def _values(each: Upserted, clinic_id: UUID, source: str, now: datetime) -> dict[str, Any]:
    row = each.incoming
    names = {"clinic_id": clinic_id, "id": each.id, "source": source, "external_id": row.external_id}
    state = {"source_version": row.version, "content_hash": content_hash(row.columns), "changed_at": now}
    return {**row.columns, **names, **state}


def _write(rows: Table, columns: list[str]) -> Any:
    """One prepared INSERT … ON CONFLICT DO UPDATE that the driver runs for all rows in one trip."""
    statement = insert(rows)
    fixed = {"clinic_id", "id", "source", "external_id"}
    newer: dict[str, Any] = {name: statement.excluded[name] for name in columns if name not in fixed}
    same = rows.c.content_hash == statement.excluded.content_hash
    if "private" in newer:
        # Marked here, it stays so (`core.private`): a system that does not know of the mark would take it off.
        newer["private"] = or_(rows.c.private, statement.excluded.private)
    newer["changed_at"] = case((same, rows.c.changed_at), else_=statement.excluded.changed_at)
    return statement.on_conflict_do_update(index_elements=["clinic_id", "source", "external_id"], set_=newer)


def _table(model: type[SQLModel]) -> Table:
    return model.__table__  # type: ignore[attr-defined,no-any-return]  # SQLModel does not declare it
