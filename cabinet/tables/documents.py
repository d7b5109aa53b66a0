"""Rows of documents: templates with their versions, what was sent to a patient, and who signed what."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, Column, ForeignKeyConstraint, Index, text
from sqlalchemy.dialects.postgresql import ARRAY, TEXT
from sqlmodel import Field, SQLModel

from clinic.keys import of_patient
from core.changes import Told
from core.database import TenantRow
from core.schema import APPEND_ONLY, PRIVATE_WITH, SHOWN, TRIGGERS
from core.upsert import SyncedRow, synced_key


def _list() -> Column[Any]:
    return Column(JSON, nullable=False, server_default=text("'[]'"))


class DocumentTemplate(TenantRow, table=True):
    """What the clinic sends again and again. `code` is its name for programs, `version` the present one."""

    __tablename__ = "document_template"
    __table_args__ = (Index("document_template_code", "clinic_id", "code", unique=True),)

    code: str
    kind: str
    asks: str
    methods: list[str] = Field(sa_column=Column(ARRAY(TEXT), nullable=False))
    corrects_record: bool = False
    version: int
    changed_at: datetime
    archived_at: datetime | None = None


class TemplateVersion(SQLModel, table=True):
    """The texts and questions of one version, kept as they were: a document says which it was made from."""

    __tablename__ = "template_version"
    __table_args__ = (
        ForeignKeyConstraint(
            ["clinic_id", "template_id"],
            ["document_template.clinic_id", "document_template.id"],
            name="template_version_template",
        ),
        {"info": {APPEND_ONLY: True}},
    )

    clinic_id: UUID = Field(primary_key=True)
    template_id: UUID = Field(primary_key=True)
    version: int = Field(primary_key=True)
    texts: list[dict[str, Any]] = Field(sa_column=_list())
    questions: list[dict[str, Any]] = Field(sa_column=_list())
    made_at: datetime
    made_by: UUID | None = None


_PARENTS = {"plan_id": "plan", "appointment_id": "appointment"}


class Document(SyncedRow, table=True):
    """One document of one patient: sent from here as its merged text, or put by the clinic's own system as a file.

    The patient sees it from `sent_at` on; what the clinic's system only announced waits for its file.
    """

    __tablename__ = "document"
    __table_args__ = (
        synced_key("document"),
        of_patient("document"),
        Index("document_of_patient", "clinic_id", "patient_id", "sent_at", "id"),
        Index("document_waiting", "clinic_id", "sent_at", postgresql_where=text("state in ('sent', 'seen', 'filled')")),
        {
            "info": {
                TRIGGERS: Told("document", is_open="not private", quiet=("reminders", "reminded_at")),
                PRIVATE_WITH: _PARENTS,
                SHOWN: "{row}.sent_at is not null and {row}.state <> 'withdrawn'",
            }
        },
    )

    patient_id: UUID
    kind: str
    title: str
    issued_on: date | None = None
    private: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    # The private thing that hides it, where it was not marked for itself (`core.private`).
    hidden_by: UUID | None = None

    asks: str = Field(default="read", sa_column_kwargs={"server_default": text("'read'")})
    state: str = Field(default="sent", sa_column_kwargs={"server_default": text("'sent'")})
    language: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    template_id: UUID | None = None
    template_version: int | None = None
    methods: list[str] = Field(
        default_factory=list, sa_column=Column(ARRAY(TEXT), nullable=False, server_default=text("'{}'"))
    )
    corrects_record: bool = Field(default=False, sa_column_kwargs={"server_default": text("false")})
    parts: list[dict[str, Any]] = Field(default_factory=list, sa_column=_list())
    questions: list[dict[str, Any]] = Field(default_factory=list, sa_column=_list())
    # A draft until `filled_at`, and what was submitted from then on.
    answers: list[dict[str, Any]] = Field(default_factory=list, sa_column=_list())
    content_sha256: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    appointment_id: UUID | None = None
    plan_id: UUID | None = None

    sent_at: datetime | None = None
    sent_by: UUID | None = None
    seen_at: datetime | None = None
    filled_at: datetime | None = None
    closed_at: datetime | None = None
    expires_at: datetime | None = None
    note: str = Field(default="", sa_column_kwargs={"server_default": text("''")})

    file_key: str | None = None
    file_sha256: str | None = None
    file_size: int | None = None
    signer_name: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    # Who acknowledged, handed in, declined or revoked it, at `closed_at`, and as what they stood to the patient.
    answered_name: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    answered_as: str = Field(default="", sa_column_kwargs={"server_default": text("''")})
    # One attempt at signing at a time: who holds it prints and seals, the others are told so.
    signing_attempt: UUID | None = None
    signing_until: datetime | None = None

    # The code that was sent last to sign this document, and whose it is: no other code signs it.
    code_challenge: UUID | None = None
    code_account: UUID | None = None
    # Set when the patient was erased: signatures still point here, nobody finds it any more.
    erased_at: datetime | None = None

    reminders: int = Field(default=0, sa_column_kwargs={"server_default": text("0")})
    reminded_at: datetime | None = None


class DocumentSignature(SQLModel, table=True):
    """Who signed a document, once and for ever, in ids and hashes. The key makes a second signature impossible."""

    __tablename__ = "document_signature"
    __table_args__ = (
        of_patient("document_signature"),
        ForeignKeyConstraint(
            ["clinic_id", "document_id"], ["document.clinic_id", "document.id"], name="document_signature_document"
        ),
        {"info": {APPEND_ONLY: True}},
    )

    clinic_id: UUID = Field(primary_key=True)
    document_id: UUID = Field(primary_key=True)
    patient_id: UUID
    account_id: UUID
    relation: str
    method: str
    signed_at: datetime
    template_version: int | None = None
    content_sha256: str
    pdf_sha256: str
    pdf_size: int
    seal_fingerprint: str
    storage_key: str
