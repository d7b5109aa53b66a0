"""`/v1/me/documents`: what the clinic sent to read, to acknowledge, to fill in and to sign."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import Field, StringConstraints

from api.caller import PatientClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.papers import PDF, Verification, paper_to_send, sent_paper, verified
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.transaction import (
    PatientReads,
    PatientWrites,
    record_asked,
    record_reads,
    record_to_open,
    record_writes,
    scope_of,
)
from cabinet.commands.documents import (
    acknowledge_document,
    ask_for_certificate,
    decline_document,
    open_document,
    revoke_document,
    save_answers,
    submit_answers,
)
from cabinet.document import DocumentState, DocumentWithdrawn
from cabinet.form import MOST_QUESTIONS, GivenAnswer
from cabinet.queries.documents import DocumentDetail, DocumentView, document, document_file, documents
from clinic.household import AccessScope
from clinic.queries.requests import RequestView
from core.clock import now
from core.errors import NotFound
from core.values import ShortText, Value

routes = RecordRoutes("documents")

Views = Annotated[PatientReads, record_reads(AccessScope.VIEW_DOCUMENTS)]
Opens = Annotated[PatientWrites, record_writes(AccessScope.VIEW_DOCUMENTS)]
Signs = Annotated[PatientWrites, record_writes(AccessScope.SIGN)]
Sha256 = Annotated[
    str,
    StringConstraints(pattern="^[0-9a-f]{64}$"),
    Field(examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"]),
]
Note = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]
SignerName = Annotated[
    ShortText | None,
    Field(description="Of a guardian who is no patient of this clinic: the paper names them.", examples=[None]),
]
StateAsked = Annotated[DocumentState | None, Query(description="Only documents in this state.")]


class DocumentPage(Value):
    items: list[DocumentView] = Field(max_length=200)
    next_cursor: str | None


class Answers(Value):
    """Answers by the keys of their questions; each with the member that the question's kind asks for."""

    answers: list[GivenAnswer] = Field(max_length=MOST_QUESTIONS, examples=[[{"question": "allergies", "yes": True}]])


class Submission(Answers):
    signer_name: SignerName = None


class Acknowledgement(Value):
    content_sha256: Sha256 = Field(description="`content_sha256` of the document as it was shown.")
    signer_name: SignerName = None


class Refusal(Value):
    note: Note = Field(default="", description="Why, if you like; the clinic reads it.")


class Revocation(Value):
    note: Note = Field(default="", description="Why, if you like; the clinic reads it.")


class CertificateWish(Value):
    """Of which year."""

    year: int = Field(strict=True, ge=2000, le=2100, json_schema_extra={"format": "int32"}, examples=[2026])


@routes.get("/documents", summary="My documents", operation_id="listMyDocuments")
async def list_documents(
    ports: PortsHere, call: Views, state: StateAsked = None, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> DocumentPage:
    """Everything the clinic sent, latest first."""
    listed = List(ports.keys.secrets.cursor_key, f"documents {state}", call.patient_id)
    items, following = await page_of(
        listed, cursor, limit,
        lambda place, most: documents(
            call.reading, call.patient_id, call.now, state=state, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.sent_at.isoformat(), str(each.document_id)],
    )  # fmt: skip
    return DocumentPage(items=items, next_cursor=following)


@routes.get("/documents/{document_id}", summary="My document", operation_id="getMyDocument")
async def get_document(call: Views, document_id: UUID) -> DocumentDetail:
    """One document, whole, as it stands. It does not count as seen: `openMyDocument` does that."""
    found = await document(call.reading, document_id, call.patient_id, call.now)
    if found is None:
        raise NotFound
    return found


@routes.post("/documents/{document_id}/opening", summary="Open my document", operation_id="openMyDocument")
async def open_(call: Opens, document_id: UUID) -> DocumentDetail:
    """Show it to the reader: from now on it counts as seen, and can be filled in, acknowledged or signed."""
    return await open_document(call.writing, call.clinic_id, call.patient_id, document_id, call.actor, call.now)


@routes.put("/documents/{document_id}/answers", summary="Save my answers", operation_id="saveMyAnswers")
async def save(call: Signs, document_id: UUID, body: Answers) -> DocumentDetail:
    """Keep a draft; nothing has to be complete yet, but what is there must fit its question."""
    return await save_answers(call.writing, call.clinic_id, call.patient_id, document_id, body.answers, call.now)


@routes.post("/documents/{document_id}/submission", summary="Submit my answers", operation_id="submitMyAnswers")
async def submit(call: Signs, document_id: UUID, body: Submission) -> DocumentDetail:
    """Hand all answers in. Those to questions that are not asked after the others are left out.

    Faults: `/answers/{place}` of what was sent, `/questions/{place}` of what is asked, required and not answered.
    Where a signature is asked for, sign then: the `content_sha256` of this answer covers the answers too.
    """
    return await submit_answers(
        call.writing, call.clinic_id, call.patient_id, document_id, body.answers, call.actor, call.now, body.signer_name
    )


@routes.post(
    "/documents/{document_id}/acknowledgement", summary="Acknowledge my document", operation_id="acknowledgeMyDocument",
    responses={412: {"description": "What was shown is not what the document says."}},
)  # fmt: skip
async def acknowledge(call: Signs, document_id: UUID, body: Acknowledgement) -> DocumentDetail:
    """Say that you have read it."""
    return await acknowledge_document(
        call.writing, call.clinic_id, call.patient_id, document_id, body.content_sha256, call.actor, call.now,
        body.signer_name,
    )  # fmt: skip


@routes.post("/documents/{document_id}/refusal", summary="Decline my document", operation_id="declineMyDocument")
async def decline(call: Signs, document_id: UUID, body: Refusal) -> DocumentDetail:
    """Say no to it. The clinic is told; it can send another."""
    return await decline_document(
        call.writing, call.clinic_id, call.patient_id, document_id, body.note, call.actor, call.now
    )


@routes.post("/documents/{document_id}/revocation", summary="Revoke my consent", operation_id="revokeMyDocument")
async def revoke(call: Signs, document_id: UUID, body: Revocation) -> DocumentDetail:
    """Take a signed consent back, for what was not done yet. Its signature and its file are kept."""
    return await revoke_document(
        call.writing, call.clinic_id, call.patient_id, document_id, body.note, call.actor, call.now
    )


@routes.get(
    "/documents/{document_id}/file", summary="Fetch my document", operation_id="fetchMyDocument",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def fetch(ports: PortsHere, claims: PatientClaims, request: Request, document_id: UUID) -> Response:
    """The PDF: sealed once it is signed, and the text as it stands before. What the clinic took back is not sent."""
    async with ports.database.reading(scope_of(claims)) as reading:
        patient_id = await record_to_open(reading, claims, record_asked(request), now(), AccessScope.VIEW_DOCUMENTS)
        found = await document(reading, document_id, patient_id, now())
        if found is None:
            raise NotFound
        if found.state is DocumentState.WITHDRAWN:
            raise DocumentWithdrawn
        paper = await paper_to_send(reading, found, patient_id)
    return await sent_paper(ports, paper)


@routes.get("/documents/{document_id}/verification", summary="Verify my document", operation_id="verifyMyDocument")
async def verify(ports: PortsHere, claims: PatientClaims, request: Request, document_id: UUID) -> Verification:
    """Whether the signed file is still the one that was sealed at the signing."""
    async with ports.database.reading(scope_of(claims)) as reading:
        patient_id = await record_to_open(reading, claims, record_asked(request), now(), AccessScope.VIEW_DOCUMENTS)
        found = await document(reading, document_id, patient_id, now())
        if found is None:
            raise NotFound
        file = await document_file(reading, document_id)
    return await verified(ports, found, file)


@routes.post(
    "/tax-certificates", status_code=202, summary="Ask for my tax certificate", operation_id="askMyTaxCertificate"
)
async def certificate(call: Signs, body: CertificateWish) -> RequestView:
    """Ask the clinic to certify what was paid in a year; it arrives among the documents."""
    return await ask_for_certificate(call.writing, call.clinic_id, call.patient_id, body.year, call.actor, call.now)
