"""Documents of a patient: what was sent, what it says, what became of it, and which wait for somebody."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import ColumnElement, and_, bindparam, case, func, or_, select
from sqlalchemy.orm import defer
from sqlmodel import col

from cabinet.document import Asks, DocumentKind, DocumentState, state_at
from cabinet.form import MOST_QUESTIONS, AskedQuestion, GivenAnswer
from cabinet.merge import Part
from cabinet.signing import SignMethod
from cabinet.tables.documents import Document, DocumentSignature
from cabinet.template import LONGEST_BODY
from core.database import MOMENT_PARAMETER, Reading
from core.moments import Day, Moment
from core.values import Int32, Value

MOST_PARTS = LONGEST_BODY // 2
# A list needs no word of what its documents say.
WITHOUT_TEXT = [defer(getattr(Document, name), raiseload=True) for name in ("parts", "questions", "answers")]
_PARTS = TypeAdapter(list[Part])
_QUESTIONS = TypeAdapter(list[AskedQuestion])
_ANSWERS = TypeAdapter(list[GivenAnswer])


class DocumentView(Value):
    """A document as a list shows it."""

    document_id: UUID
    kind: DocumentKind
    title: str = Field(examples=["Consent to treatment"])
    asks: Asks = Field(description="What you are asked to do with it.")
    state: DocumentState
    sent_at: Moment
    seen_at: Moment | None
    closed_at: Moment | None = Field(
        description="When it was acknowledged, handed in, signed, declined, revoked or taken back."
    )
    expires_at: Moment | None
    issued_on: Day | None = Field(description="The day it was issued, for what the clinic's own system put here.")
    appointment_id: UUID | None
    plan_id: UUID | None
    private: bool = Field(description="Hidden from those who act for the patient.")


class AnsweredView(Value):
    """Who acknowledged, handed in, declined or revoked a document (`state` says which), and as what."""

    name: str = Field(description="Empty where neither a record of their own nor they themselves told one.")
    relation: str = Field(examples=["self"])
    at: Moment


class SignatureView(Value):
    """Who signed a document, and what can be proven of it."""

    signer_name: str
    relation: str = Field(examples=["self"])
    method: SignMethod
    signed_at: Moment
    template_version: Int32 | None
    content_sha256: str
    pdf_sha256: str
    seal_fingerprint: str = Field(description="SHA-256 of the certificate that sealed the file.")


class DocumentDetail(DocumentView):
    """A document as it is read, filled and signed. `content_sha256` is what a signature names."""

    language: str
    template_version: Int32 | None
    submitted: bool = Field(description="Whether `answers` were handed in; otherwise they are a draft, or prefilled.")
    methods: list[SignMethod] = Field(max_length=3)
    parts: list[Part] = Field(max_length=MOST_PARTS)
    questions: list[AskedQuestion] = Field(max_length=MOST_QUESTIONS)
    answers: list[GivenAnswer] = Field(max_length=MOST_QUESTIONS)
    content_sha256: str
    note: str = Field(description="What was said when it was declined, revoked or taken back.")
    answered: AnsweredView | None
    signature: SignatureView | None


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """Where the file of a document is kept: sealed at its signing, or put by the clinic's own system."""

    key: str
    sha256: str


async def documents(
    reading: Reading,
    patient_id: UUID,
    now: datetime,
    *,
    state: DocumentState | None,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> list[DocumentView]:
    """A patient's documents, latest first, past the key `after` (sent_at, id)."""
    statement = (
        select(Document)
        .options(*WITHOUT_TEXT)
        .where(col(Document.patient_id) == patient_id, col(Document.sent_at).is_not(None))
        .order_by(col(Document.sent_at).desc(), col(Document.id).desc())
        .limit(limit)
    )
    if state is not None:
        statement = statement.where(_state(bindparam("now", now, MOMENT_PARAMETER)) == state.value)
    if after is not None:
        statement = statement.where(func.row(col(Document.sent_at), col(Document.id)) < func.row(*after))
    return [document_view(row, now) for row in (await reading.execute(statement)).scalars()]


async def documents_named(
    reading: Reading, patient_id: UUID, names: Collection[UUID], now: datetime
) -> list[DocumentView]:
    """Those of these documents that were sent to the patient."""
    mine = (col(Document.patient_id) == patient_id, col(Document.id).in_(names), col(Document.sent_at).is_not(None))
    rows = (await reading.execute(select(Document).options(*WITHOUT_TEXT).where(*mine))).scalars()
    return [document_view(row, now) for row in rows]


async def document(
    reading: Reading, document_id: UUID, patient_id: UUID | None, now: datetime
) -> DocumentDetail | None:
    """One document that was sent; of this patient, where one is named."""
    statement = (
        select(Document, DocumentSignature)
        .outerjoin(DocumentSignature, _same_document())
        .where(col(Document.id) == document_id, col(Document.sent_at).is_not(None), *_of(patient_id))
    )
    row = (await reading.execute(statement)).one_or_none()
    return document_detail(*row, now) if row else None


def document_view(row: Document, now: datetime) -> DocumentView:
    return DocumentView(**_columns(row, now))


def document_detail(row: Document, signature: DocumentSignature | None, now: datetime) -> DocumentDetail:
    return DocumentDetail(
        **_columns(row, now),
        language=row.language,
        template_version=row.template_version,
        submitted=row.filled_at is not None,
        methods=[SignMethod(method) for method in row.methods],
        parts=parts_of(row),
        questions=questions_of(row),
        answers=answers_of(row),
        content_sha256=row.content_sha256,
        note=row.note,
        answered=_answered(row),
        signature=signature_view(row, signature) if signature else None,
    )


def parts_of(row: Document) -> list[Part]:
    return _PARTS.validate_python(row.parts)


def questions_of(row: Document) -> list[AskedQuestion]:
    return _QUESTIONS.validate_python(row.questions)


def answers_of(row: Document) -> list[GivenAnswer]:
    return _ANSWERS.validate_python(row.answers)


def _answered(row: Document) -> AnsweredView | None:
    if not row.answered_as or row.closed_at is None:
        return None
    return AnsweredView(name=row.answered_name, relation=row.answered_as, at=row.closed_at)


def signature_view(row: Document, signature: DocumentSignature) -> SignatureView:
    return SignatureView(
        signer_name=row.signer_name,
        relation=signature.relation,
        method=SignMethod(signature.method),
        signed_at=signature.signed_at,
        template_version=signature.template_version,
        content_sha256=signature.content_sha256,
        pdf_sha256=signature.pdf_sha256,
        seal_fingerprint=signature.seal_fingerprint,
    )


async def document_owner(reading: Reading, document_id: UUID) -> UUID | None:
    """Whose document it is, for reads of staff that are recorded."""
    statement = select(col(Document.patient_id)).where(
        col(Document.id) == document_id, col(Document.sent_at).is_not(None)
    )
    return (await reading.execute(statement)).scalar_one_or_none()


async def document_file(reading: Reading, document_id: UUID) -> DocumentFile | None:
    """The kept file, where there is one: what is not signed yet is printed anew each time."""
    statement = select(col(Document.file_key), col(Document.file_sha256)).where(col(Document.id) == document_id)
    row = (await reading.execute(statement)).one_or_none()
    return DocumentFile(row.file_key, row.file_sha256) if row and row.file_key and row.file_sha256 else None


def open_sql() -> ColumnElement[bool]:
    """The SQL twin of `cabinet.document.is_open`."""
    filled = and_(col(Document.state) == DocumentState.FILLED.value, col(Document.asks) == Asks.SIGN.value)
    return or_(col(Document.state).in_([DocumentState.SENT.value, DocumentState.SEEN.value]), filled)


def _state(now: Any) -> ColumnElement[str]:
    """The SQL twin of `cabinet.document.state_at`."""
    return case((and_(open_sql(), col(Document.expires_at) <= now), DocumentState.EXPIRED.value), else_=Document.state)


def _same_document() -> ColumnElement[bool]:
    return and_(
        col(DocumentSignature.clinic_id) == Document.clinic_id, col(DocumentSignature.document_id) == Document.id
    )


def _of(patient_id: UUID | None) -> list[ColumnElement[bool]]:
    return [] if patient_id is None else [col(Document.patient_id) == patient_id]


def _columns(row: Document, now: datetime) -> dict[str, Any]:
    return {
        "document_id": row.id,
        "kind": DocumentKind(row.kind),
        "title": row.title,
        "asks": Asks(row.asks),
        "state": state_at(DocumentState(row.state), Asks(row.asks), row.expires_at, now),
        "sent_at": row.sent_at,
        "seen_at": row.seen_at,
        "closed_at": row.closed_at,
        "expires_at": row.expires_at,
        "issued_on": row.issued_on,
        "appointment_id": row.appointment_id,
        "plan_id": row.plan_id,
        "private": row.private,
    }
