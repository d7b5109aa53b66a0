"""Sends a template to a patient: filled in with what is known, and from then on a document of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import literal, or_, select
from sqlmodel import col

from cabinet.commands.documents import as_json, tell
from cabinet.document import Asks, DocumentState, content_sha256
from cabinet.form import GivenAnswer, Prefill, prefilled, worded
from cabinet.merge import empty_fields, letter, merged
from cabinet.queries.documents import DocumentView, answers_of, document_view
from cabinet.queries.letters import About, addressee_of, merge_values
from cabinet.queries.templates import TemplateView, template_of_code
from cabinet.tables.documents import Document
from cabinet.template import TemplateText, text_for
from clinic.commands import hold_patient
from core.database import Writing
from core.errors import Fault, Invalid
from core.events import Actor
from core.ids import new_id
from core.upsert import OWN_SOURCE


@dataclass(frozen=True, slots=True)
class Sending:
    """How a template (by its code) is sent: about what, until when, in which language (None: the patient's own)."""

    template: str
    about: About = field(default_factory=About)
    language: str | None = None
    expires_at: datetime | None = None
    private: bool = False


async def send_document(
    writing: Writing, clinic_id: UUID, patient_id: UUID, sending: Sending, actor: Actor, now: datetime
) -> DocumentView:
    """Fill a template in for a patient and put it before them; its text is theirs from now on.

    What is about a private visit or plan is private itself. The answer has no word of the text: who sends need not
    have the right to read what was answered the last time.
    Raises `NotFound` (patient), `Invalid` (template, visit or plan unknown, an end that is over; of what is to be
    signed also each field that would stand empty).
    """
    await hold_patient(writing, patient_id)  # an erasure waits, or was first and leaves nobody to send to
    patient = await addressee_of(writing, patient_id)
    found = await template_of_code(writing, sending.template)
    if found is None:
        raise Invalid(Fault("/template", "unknown-reference"))
    if sending.expires_at is not None and sending.expires_at <= now:
        raise Invalid(Fault("/expires_at", "in-the-past"))
    text = text_for(found.texts, sending.language or patient.language)
    values = await merge_values(writing, patient, sending.about, text.language, now)
    if found.asks is Asks.SIGN:
        _check_whole(text, values, sending.about)
    questions = worded(found.questions, text.labels)
    known: dict[Prefill, Any] = {
        Prefill.GIVEN_NAME: patient.given_name,
        Prefill.FAMILY_NAME: patient.family_name,
        Prefill.BIRTH_DATE: patient.birth_date,
        Prefill.PHONE: patient.phone,
    }
    row = _row(clinic_id, patient_id, sending, found, actor, now)
    row.language, row.title = text.language, merged(text.title, values)
    parts = letter(text.body, values)
    answers = prefilled(questions, await _last_answers(writing, row), known)
    row.parts, row.questions, row.answers = as_json(parts), as_json(questions), as_json(answers)
    # Prefilled answers are nobody's word yet: they are not part of what is hashed.
    row.content_sha256 = content_sha256(row.title, row.template_version, parts, questions, [])
    writing.add(row)
    await writing.flush()
    await writing.refresh(row, ["private"])  # a private visit or plan marks it (`core.private`)
    await tell(writing, row, "sent", actor, now)
    return document_view(row, now)


def _check_whole(text: TemplateText, values: Mapping[str, str], about: About) -> None:
    """Nobody signs a text with a gap in it: that would be a consent to nothing."""
    unnamed = {"visit": about.appointment_id is None, "plan": about.plan_id is None}
    pointers = {"visit": "/appointment_id", "plan": "/plan_id"}
    faults: list[Fault] = []
    for name in empty_fields(f"{text.title}\n{text.body}", values):
        of = name.partition(".")[0]
        fault = Fault(pointers[of], "missing") if unnamed.get(of) else Fault(f"/fields/{name}", "empty")
        faults += [] if fault in faults else [fault]
    if faults:
        raise Invalid(*faults)


def _row(
    clinic_id: UUID, patient_id: UUID, sending: Sending, found: TemplateView, actor: Actor, now: datetime
) -> Document:
    row_id = new_id()
    return Document(
        clinic_id=clinic_id, id=row_id, source=OWN_SOURCE, external_id=str(row_id), source_version=0, content_hash="",
        changed_at=now, patient_id=patient_id, kind=found.kind.value, title="", asks=found.asks.value,
        state=DocumentState.SENT.value, template_id=found.template_id, template_version=found.version,
        methods=[method.value for method in found.methods], corrects_record=found.corrects_record,
        appointment_id=sending.about.appointment_id, plan_id=sending.about.plan_id, expires_at=sending.expires_at,
        private=sending.private, sent_at=now, sent_by=actor.id,
    )  # fmt: skip


async def _last_answers(writing: Writing, of: Document) -> list[GivenAnswer]:
    """What this patient submitted the last time the same template was filled.

    What was told in a private one is repeated only where the new one is private for itself: what is private with its
    visit or plan may be shown again with it.
    """
    filled = (
        select(Document)
        .where(
            col(Document.patient_id) == of.patient_id,
            col(Document.template_id) == of.template_id,
            col(Document.filled_at).is_not(None),
            or_(literal(of.private), col(Document.private).is_(False)),
        )
        .order_by(col(Document.filled_at).desc())
        .limit(1)
    )
    row = (await writing.execute(filled)).scalar_one_or_none()
    return answers_of(row) if row else []
