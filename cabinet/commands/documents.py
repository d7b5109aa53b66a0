"""The verbs of documents: open, fill, acknowledge, decline, revoke, take back, and note that somebody was reminded."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import select
from sqlmodel import col

from cabinet.document import (
    Act,
    Asks,
    ContentChanged,
    DocumentKind,
    DocumentState,
    content_sha256,
    state_after,
    state_at,
    state_revoked,
)
from cabinet.form import AskedQuestion, GivenAnswer, answer_faults, kept
from cabinet.paper_text import printable
from cabinet.queries.documents import (
    DocumentDetail,
    DocumentView,
    document_detail,
    document_view,
    parts_of,
    questions_of,
)
from cabinet.tables.documents import Document, DocumentSignature
from clinic.commands import hold_patients
from clinic.commands.requests import make_request
from clinic.queries.letters import signer_of
from clinic.queries.requests import RequestView
from clinic.request import RequestKind
from core.database import Writing
from core.dates import latest_today
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.private import hold_marks


class AnswersRefused(Invalid):
    """Answers that do not fit their questions, or are missing; `errors` say which."""

    slug = "answers-refused"


class AnswersSubmitted(Conflict):
    """What was submitted is changed by submitting it anew, not by a draft."""

    slug = "answers-submitted"


async def open_document(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, actor: Actor, now: datetime
) -> DocumentDetail:
    """Read it; the first time it counts as seen. Raises `NotFound`."""
    row = await held_document(writing, clinic_id, document_id, patient_id)
    after = state_after(state_of(row, now), Act.SEE, Asks(row.asks), has_form=bool(row.questions))
    if row.seen_at is None and after is DocumentState.SEEN:
        row.state, row.seen_at = after.value, now
        await tell(writing, row, "seen", actor, now)
    return document_detail(row, await _signature(writing, row), now)


async def save_answers(
    writing: Writing,
    clinic_id: UUID,
    patient_id: UUID,
    document_id: UUID,
    answers: Sequence[GivenAnswer],
    now: datetime,
) -> DocumentDetail:
    """Keep a draft. Raises `NotFound`, `DocumentNotOpen`, `DocumentNotSeen`, `AnswersSubmitted`, `AnswersRefused`."""
    row = await held_document(writing, clinic_id, document_id, patient_id)
    state_after(state_of(row, now), Act.FILL, Asks(row.asks), has_form=bool(row.questions))
    if row.filled_at is not None:
        raise AnswersSubmitted
    _check(questions_of(row), answers, complete=False)
    row.answers = as_json(answers)
    return document_detail(row, None, now)


async def submit_answers(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, answers: Sequence[GivenAnswer],
    actor: Actor, now: datetime, name: str | None = None,
) -> DocumentDetail:  # fmt: skip
    """Hand the answers in; until a signature that is asked for, they may be handed in anew.

    A sheet that corrects the record becomes a request to the clinic, whose own system holds the record. Raises
    `NotFound`, `DocumentNotOpen`, `DocumentNotSeen`, `AnswersRefused`.
    """
    # The request hangs on the document: who hides what that belongs to is waited for before it is held.
    await hold_patients(writing, [patient_id])
    await hold_marks(writing, clinic_id)
    row = await held_document(writing, clinic_id, document_id, patient_id)
    after = state_after(state_of(row, now), Act.FILL, Asks(row.asks), has_form=bool(row.questions))
    questions = questions_of(row)
    _check(questions, answers, complete=True)
    said = kept(questions, answers)
    row.answers = as_json(said)
    row.content_sha256 = content_sha256(row.title, row.template_version, parts_of(row), questions, said)
    row.state, row.filled_at = after.value, now
    if row.asks == Asks.FILL.value:
        row.closed_at = now
        await _answered(writing, row, name, actor)
    await tell(writing, row, "filled", actor, now)
    if row.corrects_record and row.asks == Asks.FILL.value:
        await ask_for_correction(writing, row, said, actor, now)
    return document_detail(row, None, now)


async def ask_for_correction(
    writing: Writing, row: Document, said: Sequence[GivenAnswer], actor: Actor, now: datetime
) -> None:
    """The clinic's own system is the master of the record: what a sheet says is asked of it, not written here."""
    details = {"answers": [answer.model_dump(mode="json", exclude_defaults=True) for answer in said]}
    await make_request(
        writing, row.clinic_id, row.patient_id, RequestKind.CORRECT_RECORD, row.id, details, actor, now, row.private
    )


async def acknowledge_document(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, sha256: str, actor: Actor, now: datetime,
    name: str | None = None,
) -> DocumentDetail:  # fmt: skip
    """Say that it was read; `name` counts where the account has no record of its own here.

    Raises `NotFound`, `DocumentNotOpen`, `DocumentNotSeen`, `ContentChanged`.
    """
    row = await held_document(writing, clinic_id, document_id, patient_id)
    await _answered(writing, row, name, actor)
    return await _closed(writing, row, Act.ACKNOWLEDGE, "", sha256, actor, now)


async def decline_document(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, note: str, actor: Actor, now: datetime
) -> DocumentDetail:
    """Say no. Raises `NotFound`, `DocumentNotOpen`."""
    row = await held_document(writing, clinic_id, document_id, patient_id)
    await _answered(writing, row, None, actor)
    return await _closed(writing, row, Act.DECLINE, note, row.content_sha256, actor, now)


async def revoke_document(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, note: str, actor: Actor, now: datetime
) -> DocumentDetail:
    """Take a signed consent back, for what was not done yet; its signature and its file stay what they are.

    Raises `NotFound`, `NotRevocable`.
    """
    row = await held_document(writing, clinic_id, document_id, patient_id)
    row.state = state_revoked(DocumentState(row.state), DocumentKind(row.kind)).value
    row.closed_at, row.note = now, note
    await _answered(writing, row, None, actor)
    await tell(writing, row, "revoked", actor, now)
    return document_detail(row, await _signature(writing, row), now)


async def withdraw_document(
    writing: Writing, clinic_id: UUID, document_id: UUID, note: str, actor: Actor, now: datetime
) -> DocumentView:
    """The clinic takes back what nobody has answered. Raises `NotFound`, `DocumentNotOpen`."""
    row = await held_document(writing, clinic_id, document_id, None)
    await _closed(writing, row, Act.WITHDRAW, note, row.content_sha256, actor, now)
    return document_view(row, now)


async def ask_for_certificate(
    writing: Writing, clinic_id: UUID, patient_id: UUID, year: int, actor: Actor, now: datetime
) -> RequestView:
    """Ask the clinic to certify what was paid in a year: of each year once at a time.

    Raises `RequestAlreadyOpen`, `Invalid` (a year that has begun nowhere).
    """
    if year > latest_today(now).year:
        raise Invalid(Fault("/year", "in-the-future"))
    # A year has no row of its own; this is its name, so that the requests' own key keeps two taps from being two.
    of_year = uuid5(patient_id, f"tax certificate {year}")
    return await make_request(
        writing, clinic_id, patient_id, RequestKind.TAX_CERTIFICATE, of_year, {"year": year}, actor, now
    )


async def held_document(writing: Writing, clinic_id: UUID, document_id: UUID, patient_id: UUID | None) -> Document:
    """The row, locked: every change of a document waits for the one before. Raises `NotFound`."""
    wanted = [col(Document.clinic_id) == clinic_id, col(Document.id) == document_id, col(Document.sent_at).is_not(None)]
    if patient_id is not None:
        wanted.append(col(Document.patient_id) == patient_id)
    held = select(Document).where(*wanted).with_for_update(key_share=True).execution_options(populate_existing=True)
    row = (await writing.execute(held)).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def _answered(writing: Writing, row: Document, name: str | None, actor: Actor) -> None:
    """Write down who answered, and as what: the paper and the document say so."""
    signer = await signer_of(writing, actor.id, row.patient_id) if actor.id else None
    if signer is not None:
        if not signer.name and not printable(name or ""):
            raise Invalid(Fault("/signer_name", "character-not-printable"))
        row.answered_name, row.answered_as = signer.name or name or "", signer.relation


def state_of(row: Document, now: datetime) -> DocumentState:
    return state_at(DocumentState(row.state), Asks(row.asks), row.expires_at, now)


async def _closed(
    writing: Writing, row: Document, act: Act, note: str, sha256: str, actor: Actor, now: datetime
) -> DocumentDetail:
    after = state_after(state_of(row, now), act, Asks(row.asks), has_form=bool(row.questions))
    if sha256 != row.content_sha256:
        raise ContentChanged
    row.state, row.closed_at, row.note = after.value, now, note
    await tell(writing, row, after.value, actor, now)
    return document_detail(row, None, now)


async def _signature(writing: Writing, row: Document) -> DocumentSignature | None:
    mine = (col(DocumentSignature.clinic_id) == row.clinic_id, col(DocumentSignature.document_id) == row.id)
    return (await writing.execute(select(DocumentSignature).where(*mine))).scalar_one_or_none()


def _check(questions: Sequence[AskedQuestion], answers: Sequence[GivenAnswer], *, complete: bool) -> None:
    faults = answer_faults(questions, answers, complete=complete)
    # What is sealed is what was typed: a sign in the place of a character would be another word.
    faults += [
        Fault(f"/answers/{place}", "character-not-printable")
        for place, answer in enumerate(answers)
        if not printable(answer.text or "")
    ]
    if faults:
        raise AnswersRefused(*faults)


def as_json(values: Sequence[Any]) -> list[dict[str, Any]]:
    return [value.model_dump(mode="json", exclude_none=True) for value in values]


async def tell(writing: Writing, row: Document, what: str, actor: Actor, now: datetime) -> None:
    facts = {"kind": DocumentKind(row.kind).value, "template_id": str(row.template_id) if row.template_id else None}
    told = Happening(f"document.{what}", row.id, patient_id=row.patient_id, facts=facts)
    await record(writing, row.clinic_id, actor, [told], now)
