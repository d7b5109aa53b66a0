"""Hands out the PDF of a document, to patients and staff alike, and says whether a sealed one still holds."""

import asyncio
import hashlib
from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import Field

from api.downloads import FileLost, kept_bytes
from api.ports import Ports
from cabinet.document_paper import document_paper
from cabinet.paper import Paper, printed
from cabinet.queries.documents import DocumentDetail, DocumentFile, SignatureView, document_file
from cabinet.queries.letters import addressee_of, content_of, letterhead_of
from cabinet.seal import seal_check
from core.database import Reading
from core.errors import Conflict
from core.values import Value
from media.storage import Storage

_BYTES: dict[str, Any] = {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
PDF: dict[int | str, dict[str, Any]] = {200: {"description": "The paper.", **_BYTES}}


class NotSigned(Conflict):
    """There is no signature to verify."""

    slug = "document-not-signed"


class Verification(Value):
    """What was found when the kept file was compared with what was noted at the signing. `holds`: all of it agrees."""

    document_id: UUID
    holds: bool
    file_found: bool
    hash_agrees: bool = Field(description="The file has the SHA-256 that was noted.")
    seal_intact: bool = Field(description="No byte under the seal was changed, and nothing was added after it.")
    seal_is_ours: bool = Field(description="The certificate is the one that was noted at the signing.")
    signature: SignatureView


async def paper_to_send(reading: Reading, document: DocumentDetail, patient_id: UUID) -> DocumentFile | Paper:
    """Where the kept file is, or the paper to print where there is none yet. Raises `NotFound`."""
    file = await document_file(reading, document.document_id)
    if file is not None:
        return file
    patient = await addressee_of(reading, patient_id)
    return document_paper(content_of(document, patient), letterhead_of(patient))


async def sent_paper(ports: Ports, found: DocumentFile | Paper) -> Response:
    """The PDF as an attachment. Ask when no transaction is open: it reads files or prints. Raises `FileLost`."""
    if isinstance(found, Paper):
        content = await asyncio.to_thread(printed, found)
    else:
        content = await kept_bytes(ports.storage, found.key)
    headers = {"content-disposition": 'attachment; filename="document.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


async def verified(ports: Ports, document: DocumentDetail, file: DocumentFile | None) -> Verification:
    """Compares the kept file with what was noted. Raises `NotSigned`."""
    if document.signature is None or file is None:
        raise NotSigned
    content = await _stored(ports.storage, file.key)
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content or b"").hexdigest())
    seal = await asyncio.to_thread(seal_check, content or b"")
    found = {
        "file_found": content is not None,
        "hash_agrees": sha256 == document.signature.pdf_sha256,
        "seal_intact": seal.intact and seal.whole,
        "seal_is_ours": seal.fingerprint == document.signature.seal_fingerprint,
    }
    return Verification(
        document_id=document.document_id, holds=all(found.values()), signature=document.signature, **found
    )


async def _stored(storage: Storage, key: str) -> bytes | None:
    try:
        return await kept_bytes(storage, key)
    except FileLost:
        return None
