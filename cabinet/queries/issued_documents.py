"""Papers of the clinic's own system, by the names it gives them."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from cabinet.tables.documents import Document
from core.database import Reading


@dataclass(frozen=True, slots=True)
class Announced:
    """A paper that was told of, whose it is, and the hash of the file it has already."""

    document_id: UUID
    patient_id: UUID
    file_sha256: str | None


async def announced_document(reading: Reading, source: str, external_id: str) -> Announced | None:
    """The paper that this system calls so."""
    same = (col(Document.source) == source, col(Document.external_id) == external_id)
    told = select(col(Document.id), col(Document.patient_id), col(Document.file_sha256)).where(*same)
    row = (await reading.execute(told)).one_or_none()
    return Announced(*row) if row else None
