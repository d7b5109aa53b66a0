"""`/v1/staff/documents`, `/v1/staff/patients/{patient_id}/documents`: send documents, and see what became of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.papers import PDF, Verification, paper_to_send, sent_paper, verified
from api.ports import Ports, PortsHere
from api.strict import StrictRoute
from api.transaction import StaffWrites, scope_of, staff_writes, standing_staff
from cabinet.commands.documents import withdraw_document
from cabinet.commands.sending import Sending, send_document
from cabinet.document import DocumentState
from cabinet.form import Key
from cabinet.queries.documents import (
    DocumentDetail,
    DocumentView,
    document,
    document_file,
    document_owner,
    documents,
)
from cabinet.queries.letters import About
from clinic.facts import Language
from clinic.queries import patient_card
from core.clock import now
from core.errors import NotFound
from core.moments import Moment
from core.values import Value
from identity.permissions import Permission
from identity.tokens import Claims

router = APIRouter(prefix="/v1/staff", tags=["documents"], route_class=StrictRoute)

Reads = Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)]
Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_DOCUMENTS)]
Note = Annotated[str, StringConstraints(max_length=1000, pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$")]


class PatientDocumentPage(Value):
    items: list[DocumentView] = Field(max_length=200)
    next_cursor: str | None


class DocumentOrder(Value):
    """Which template goes to the patient, and what it is about."""

    template: Key = Field(description="Its `code`.", examples=["consent_treatment"])
    appointment_id: UUID | None = Field(default=None, description="Fills `{{visit.…}}`.")
    plan_id: UUID | None = Field(default=None, description="Fills `{{plan.…}}`.")
    language: Language | None = Field(default=None, description="The patient's own if absent.")
    expires_at: Moment | None = Field(default=None, description="After it, nothing can be done with it any more.")
    private: bool = Field(default=False, description="Hidden from guardians.")


class TakingBack(Value):
    note: Note = Field(default="", description="The patient reads it.")


@router.get("/patients/{patient_id}/documents", summary="A patient's documents", operation_id="listDocumentsOfPatient")
async def list_documents(
    ports: PortsHere, call: Reads, patient_id: UUID,
    state: Annotated[DocumentState | None, Query(description="Only documents in this state.")] = None,
    limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None,
) -> PatientDocumentPage:  # fmt: skip
    """What was sent to a patient and what became of it, latest first. That it was read, and by whom, is recorded."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    listed = List(ports.keys.secrets.cursor_key, f"documents of a patient {state}", patient_id)
    items, following = await page_of(
        listed, cursor, limit,
        lambda place, most: documents(
            call.writing, patient_id, call.now, state=state, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.sent_at.isoformat(), str(each.document_id)],
    )  # fmt: skip
    await call.note_read("document", patient_id)
    return PatientDocumentPage(items=items, next_cursor=following)


@router.post(
    "/patients/{patient_id}/documents", status_code=201, summary="Send a document", operation_id="sendDocument"
)
async def send(call: Writes, patient_id: UUID, body: DocumentOrder) -> DocumentView:
    """Fill a template in and put it before the patient. Its text stays as it is now, whatever the template becomes.

    About a private visit or plan it is private too. What is to be signed has no gap: `/plan_id` or `/appointment_id`
    is `missing` where the text names it, `/fields/{name}` is `empty` where the record holds nothing.
    """
    about = About(body.appointment_id, body.plan_id)
    sending = Sending(body.template, about, body.language, body.expires_at, body.private)
    return await send_document(call.writing, call.clinic_id, patient_id, sending, call.actor, call.now)


@router.get("/documents/{document_id}", summary="A document", operation_id="getDocument")
async def get_document(call: Reads, document_id: UUID) -> DocumentDetail:
    """One document with its answers and its signature. That it was read, and by whom, is recorded."""
    owner = await document_owner(call.writing, document_id)
    found = await document(call.writing, document_id, owner, call.now) if owner else None
    if owner is None or found is None:
        raise NotFound
    await call.note_read("document", owner)
    return found


@router.post("/documents/{document_id}/withdrawal", summary="Take a document back", operation_id="withdrawDocument")
async def withdraw(call: Writes, document_id: UUID, body: TakingBack) -> DocumentView:
    """Take back what the patient has not answered. What was signed stays signed."""
    return await withdraw_document(call.writing, call.clinic_id, document_id, body.note, call.actor, call.now)


@asynccontextmanager
async def _noted(
    ports: Ports, claims: Claims, document_id: UUID
) -> AsyncIterator[tuple[StaffWrites, DocumentDetail, UUID]]:
    """A transaction for a read of one document, which is recorded; files are fetched after it has ended."""
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.READ_CLINICAL)
        call = StaffWrites(writing, claims.clinic_id, staff, now())
        owner = await document_owner(writing, document_id)
        found = await document(writing, document_id, owner, call.now) if owner else None
        if owner is None or found is None:
            raise NotFound
        await call.note_read("document", owner)
        yield call, found, owner


@router.get(
    "/documents/{document_id}/file", summary="Fetch a document", operation_id="fetchDocument",
    response_class=Response, responses=PDF,
)  # fmt: skip
async def fetch(ports: PortsHere, claims: StaffClaims, document_id: UUID) -> Response:
    """The PDF: sealed once it is signed. That it was read, and by whom, is recorded."""
    async with _noted(ports, claims, document_id) as (call, found, owner):
        paper = await paper_to_send(call.writing, found, owner)
    return await sent_paper(ports, paper)


@router.get("/documents/{document_id}/verification", summary="Verify a document", operation_id="verifyDocument")
async def verify(ports: PortsHere, claims: StaffClaims, document_id: UUID) -> Verification:
    """Whether the signed file is still the one that was sealed at the signing."""
    async with _noted(ports, claims, document_id) as (call, found, _):
        file = await document_file(call.writing, document_id)
    return await verified(ports, found, file)
