"""`/v1/partner/sync/documents`, `/v1/partner/documents/{…}/file`: the clinic's own system puts papers for a patient."""

import asyncio
import hashlib
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Form, Path, Request
from pydantic import Field

from api.caller import PartnerClaims
from api.partner.sync import LARGEST_BATCH, Rows, SyncResult, rows_of, take
from api.ports import PortsHere
from api.strict import SentFile, StrictRoute
from api.transaction import PartnerCall, scope_of, standing_partner
from cabinet.commands.issued_documents import (
    FileDiffers,
    FileKept,
    Paper,
    issued_key,
    keep_document_file,
    take_documents,
)
from cabinet.document_facts import DocumentFact
from cabinet.pdf_check import LARGEST_PDF
from cabinet.pdf_gate import admit_pdf
from cabinet.queries.issued_documents import announced_document
from clinic.facts import ExternalId
from core.clock import now
from core.errors import Fault, Invalid, NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import PartnerScope

router = APIRouter(prefix="/v1/partner", tags=["documents"], route_class=StrictRoute)

LARGEST_UPLOAD = LARGEST_PDF + 1024 * 1024
"""The file and what multipart puts around it, in bytes."""


class DocumentBatch(Value):
    items: Annotated[Rows, rows_of(DocumentFact)]


class PdfForm(Value):
    """One PDF as `multipart/form-data`."""

    file: SentFile = Field(
        description="A PDF of at most 10 MiB, not encrypted, without scripts, actions, attachments or media."
    )


class FileReceipt(Value):
    document_id: UUID
    outcome: FileKept


async def _form(request: Request, form: Annotated[PdfForm, Form(media_type="multipart/form-data")]) -> PdfForm:
    if len((await request.form()).multi_items()) != 1:
        raise Invalid(Fault("/file", "given-twice"))
    return form


@router.post("/sync/documents", summary="Push papers", operation_id="syncDocuments", max_body_size=LARGEST_BATCH)
async def sync_documents(call: PartnerCall, batch: DocumentBatch) -> SyncResult:
    """Tell of prescriptions, instructions and certificates; each is shown once its file is there."""
    return await take(call, batch.items, DocumentFact, take_documents)


@router.put(
    "/documents/{document_external_id}/file", summary="Put a paper's file", operation_id="putDocumentFile",
    max_body_size=LARGEST_UPLOAD,
)  # fmt: skip
async def put(
    ports: PortsHere,
    claims: PartnerClaims,
    document_external_id: Annotated[ExternalId, Path(description="Your id of the paper, as in `syncDocuments`.")],
    form: Annotated[PdfForm, Depends(_form)],
) -> FileReceipt:
    """Keep the PDF of a paper that was told of. Sending it again changes nothing; another file is refused.

    The file is looked into and stored first, and noted then: a crash leaves a file that no row names.
    """
    scope = scope_of(claims)
    async with ports.database.reading(scope) as reading:
        app = await standing_partner(reading, claims, PartnerScope.WRITE)
        told = await announced_document(reading, app.system, document_external_id)
    if told is None:
        raise NotFound
    content = await form.file.read()
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    if told.file_sha256 not in (None, sha256):
        raise FileDiffers  # before it is kept: nobody would ever refer to it
    await admit_pdf(content)
    key = issued_key(claims.clinic_id, told.patient_id, told.document_id, sha256)
    await ports.storage.put(key, content, "application/pdf")
    async with ports.database.writing(scope) as writing:
        app = await standing_partner(writing, claims, PartnerScope.WRITE)
        actor, paper = Actor(ActorKind.PARTNER, app.app_id), Paper(key, sha256, len(content))
        outcome = await keep_document_file(writing, claims.clinic_id, told.document_id, paper, actor, now())
    return FileReceipt(document_id=told.document_id, outcome=outcome)
