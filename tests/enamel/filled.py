"""One row in every table that holds something of a patient, made from the metadata: a new table is filled too."""

from datetime import UTC, datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Table, select
from sqlmodel import SQLModel

from core.database import Sweeping
from core.holding import Holding
from core.ids import new_id
from enamel.worker.archive import HOLDINGS
from push.consent_texts import present_version
from tests.world import World

Row = dict[str, Any]

AT = datetime(2020, 5, 17, 10, tzinfo=UTC)
TABLES = {table.name: table for table in SQLModel.metadata.sorted_tables}
HELD = {holding.table: holding for holding in HOLDINGS}
# What cannot stand twice, or is the matter of the test itself.
LEFT_OUT = ("patient", "erasure")
# Where another value would mean something to a worker or could not be read.
MEANT: dict[str, Row] = {
    "contact_ring": {"sent_at": [AT]},
    "team": {"staff_ids": []},
    "document": {"file_key": "lost.pdf"},
    "picture": {"media_type": "image/jpeg", "state": "ready", "waveform": [0]},
    "privacy_export": {"state": "expired"},
    "consent": {"purpose": "marketing", "channel": "sms", "text_version": present_version(), "language": "it"},
}
# Words that stay although they could be free text: a code, a hash, or the clinic's own words about no person.
WORDS_OF_NOBODY = {
    "actor_kind", "answer", "answered_as", "asks", "by_kind", "cause", "channel", "choice_group", "code",
    "content_hash", "content_sha256", "currency", "exclusive_group", "exit_reason", "external_id", "facts",
    "file_sha256", "giver", "group_name", "how", "journey_key", "kind", "language", "log", "material", "media_type",
    "method", "methods", "offer_sha256", "outcome", "pdf_sha256", "purpose", "reason", "relation",
    "seal_fingerprint", "sha256", "source", "stages_hash", "state", "status", "step", "storage_key", "surfaces",
    "text_sha256", "text_version", "tooth", "verdict",
}  # fmt: skip


async def fill(world: World, patient_id: UUID, word: str, *, private: bool = False) -> dict[str, Row]:
    """One row of this patient in every table, `word` in every text; the rows by table."""
    made: dict[str, Row] = {}
    async with world.database.sweeping() as sweeping:
        for table in SQLModel.metadata.sorted_tables:
            if table.name in HELD and table.name not in LEFT_OUT:
                await _made(sweeping, table, made, _Writer(world, patient_id, word, private))
    return made


class _Writer:
    """What a column of a row of one patient holds."""

    def __init__(self, world: World, patient_id: UUID, word: str, private: bool) -> None:
        self.world, self.patient_id, self.word, self.private = world, patient_id, word, private

    def value(self, column: Column[Any], holding: Holding | None) -> Any:
        if column.name == "clinic_id":
            return self.world.here.clinic_id
        if column.name == "patient_id" or (holding and not holding.parent and column.name == holding.person):
            return self.patient_id
        if column.name == "account_id":
            return self.world.here.account_id
        return self._of_type(column, self.word if holding and column.name not in WORDS_OF_NOBODY else "code")

    def _of_type(self, column: Column[Any], word: str) -> Any:
        """By the type's name in PostgreSQL's SQL; None of one that PostgreSQL fills itself."""
        values: Row = {
            "ARRAY": [1] if "depends_on" in column.name or "weekdays" in column.name else [word],
            "BIGINT": 1, "BLOB": new_id().bytes, "BOOLEAN": self.private and column.name == "private",
            "CHAR(32)": new_id(), "DATE": AT.date(), "DATETIME": AT, "INTEGER": 1, "JSON": [{"said": word}],
            "JSONB": [{"said": word}], "SMALLINT": 1, "TIME": time(10), "TSVECTOR": word, "VARCHAR": word,
        }  # fmt: skip
        return values.get(str(column.type))


async def _made(sweeping: Sweeping, table: Table, made: dict[str, Row], writer: _Writer) -> Row:
    """The row of this table, with what it points to; what there is already of nobody's tables is taken."""
    holding = HELD.get(table.name)
    if table.name in made:
        return made[table.name]
    if table.name in LEFT_OUT or holding is None:
        found = await _found(sweeping, table, writer)
        if found is not None:
            return found
    row = {column.name: writer.value(column, holding) for column in table.columns if _told(column)}
    for key in table.foreign_key_constraints:
        if key.referred_table is table:
            row |= dict.fromkeys((element.parent.name for element in key.elements if element.parent.nullable), None)
            continue
        parent = await _made(sweeping, key.referred_table, made, writer)
        row |= {element.parent.name: parent[element.column.name] for element in key.elements}
    if holding is not None:
        if holding.parent:
            row[holding.person] = made[holding.parent]["id"]
        row |= {column: made[name]["id"] for column, name in holding.hidden_by if name in made}
    row |= MEANT.get(table.name, {})
    await sweeping.execute(table.insert(), row)
    made[table.name] = row
    return row


def _told(column: Column[Any]) -> bool:
    """Not what PostgreSQL gives by itself, nor the mark of an erasure, nor what hides a row."""
    return column.name not in ("xid", "erased_at", "hidden_by", "lease_until") and not column.computed


async def _found(sweeping: Sweeping, table: Table, writer: _Writer) -> Row | None:
    statement = select(table)
    if "clinic_id" in table.columns:
        statement = statement.where(table.c.clinic_id == writer.world.here.clinic_id)
    if table.name in LEFT_OUT:
        statement = statement.where(table.c.id == writer.patient_id)
    if table.name == "account":
        statement = statement.where(table.c.id == writer.world.here.account_id)
    row = (await sweeping.execute(statement.limit(1))).mappings().one_or_none()
    return None if row is None else dict(row)
