"""Papers of the clinic's own system: take in what they are, and keep the file of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from cabinet.document_facts import DocumentFact
from cabinet.tables.documents import Document
from clinic.commands import Taken, changed, hold_named_patients
from clinic.queries import Named
from core.database import Writing
from core.dates import latest_today
from core.errors import Conflict, Fault, NotFound
from core.events import Actor, Happening, record
from core.upsert import Incoming, Upserted, held_rows, upsert


class FileDiffers(Conflict):
    """This paper has another file already, which the patient may have read. Put the new one under a name of its own."""

    slug = "document-file-differs"


class FileKept(StrEnum):
    CREATED = "created"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Paper:
    """The file that is kept under `key`."""

    key: str
    sha256: str
    size: int


async def take_documents(
    writing: Writing,
    clinic_id: UUID,
    source: str,
    facts: Sequence[tuple[int, DocumentFact]],
    actor: Actor,
    now: datetime,
) -> Taken:
    """Upsert papers of a batch. A patient cannot be exchanged for another: that is a fault."""
    patients = await hold_named_patients(writing, source, {fact.patient for _, fact in facts})
    faults = {index: fault for index, fact in facts if (fault := _fault(fact, patients, now)) is not None}
    rows = [_row(index, fact, patients[fact.patient].id) for index, fact in facts if index not in faults]
    names = [row.external_id for row in rows]
    held = await held_rows(writing, Document, clinic_id, source, names, ("patient_id", "sent_at"))
    moved = {
        row.index
        for row in rows
        if row.external_id in held and held[row.external_id].remembered["patient_id"] != row.columns["patient_id"]
    }
    faults |= {index: Fault("/patient", "of-another-patient") for index in moved}
    done = await upsert(
        writing, Document, clinic_id, source, [row for row in rows if row.index not in moved], held, now
    )
    shown = [each for each in changed(done) if each.before and each.before["sent_at"] is not None]
    await record(writing, clinic_id, actor, [_changed(each) for each in shown], now)
    return done, faults


def issued_key(clinic_id: UUID, patient_id: UUID, document_id: UUID, sha256: str) -> str:
    """Where its file is kept: named by what it is, so that sending it again costs nothing."""
    return f"{clinic_id}/{patient_id}/documents/{document_id}/{sha256}.pdf"


async def keep_document_file(
    writing: Writing, clinic_id: UUID, document_id: UUID, paper: Paper, actor: Actor, now: datetime
) -> FileKept:
    """Note the stored file: from now on the patient sees the paper. Raises `NotFound`, `FileDiffers`."""
    same = (col(Document.clinic_id) == clinic_id, col(Document.id) == document_id)
    row = (await writing.execute(select(Document).where(*same).with_for_update(key_share=True))).scalar_one_or_none()
    if row is None:
        raise NotFound
    if row.file_sha256 is not None:
        if row.file_sha256 != paper.sha256:
            raise FileDiffers
        return FileKept.UNCHANGED
    row.file_key, row.file_sha256, row.file_size, row.sent_at = paper.key, paper.sha256, paper.size, now
    sent = Happening("document.sent", row.id, patient_id=row.patient_id, facts={"kind": row.kind, "template_id": None})
    await record(writing, clinic_id, actor, [sent], now)
    return FileKept.CREATED


def _fault(fact: DocumentFact, patients: dict[str, Named], now: datetime) -> Fault | None:
    if fact.patient not in patients:
        return Fault("/patient", "unknown-reference")
    late = fact.issued_on is not None and fact.issued_on > latest_today(now)
    return Fault("/issued_on", "in-the-future") if late else None


def _row(index: int, fact: DocumentFact, patient_id: UUID) -> Incoming:
    columns = {
        "patient_id": patient_id,
        "kind": fact.kind.value,
        "title": fact.title,
        "issued_on": fact.issued_on,
        "private": fact.private,
    }
    return Incoming(index, fact.external_id, fact.version, columns)


def _changed(done: Upserted) -> Happening:
    columns = done.incoming.columns
    return Happening("document.changed", done.id, patient_id=columns["patient_id"], facts={"kind": columns["kind"]})
