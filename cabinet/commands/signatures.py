"""The verbs of signing: begin an attempt, and note the signature once its sealed file is stored.

Between the two no transaction is open: the file is printed, sealed and stored then. Who begins holds the document for
`HOLD`; others are told that it is being signed. A crash after the file was stored leaves a file under the attempt's own
key, which no row names, and a document that can be signed again when the hold has passed. What decides is the second
verb: it notes the signature only for the attempt that still holds a document which can still be signed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from cabinet.commands.documents import ask_for_correction, held_document, state_of
from cabinet.document import Act, Asks, ContentChanged, DocumentBeingSigned, DocumentState, state_after
from cabinet.document_paper import Content, Signing
from cabinet.paper_blocks import Letterhead
from cabinet.paper_text import printable
from cabinet.queries.documents import DocumentDetail, answers_of, document_detail
from cabinet.queries.letters import addressee_of, content_of, letterhead_of
from cabinet.signing import SignMethod, Stroke, drawing_of, held_until, sealed_key
from cabinet.tables.documents import Document, DocumentSignature
from clinic.queries.letters import signer_of
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id

HOLD = timedelta(seconds=60)


class SigningLost(Conflict):
    """While this signature was being sealed, the document was taken back or signed otherwise."""

    slug = "signing-lost"


class MethodNotOffered(Conflict):
    """This document is not signed in this way."""

    slug = "sign-method-not-offered"


@dataclass(frozen=True, slots=True)
class Intent:
    """What somebody wants to sign and how. `signer_name` counts where the account has no record of its own here."""

    account_id: UUID
    sha256: str
    method: SignMethod
    strokes: tuple[Stroke, ...] = ()
    signer_name: str | None = None


@dataclass(frozen=True, slots=True)
class SigningOrder:
    """Everything the sealed file is made of, and the key it is to be kept under."""

    attempt_id: UUID
    patient_id: UUID
    content: Content
    letterhead: Letterhead
    signing: Signing
    key: str
    challenge: UUID | None
    """Whose code proves it, where one was sent to this account for this document."""


@dataclass(frozen=True, slots=True)
class SealedFile:
    """What was stored under the order's key."""

    sha256: str
    size: int
    fingerprint: str


async def expect_code(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, account_id: UUID, challenge_id: UUID
) -> None:
    """Note that this code, and no other, signs the document. Raises `NotFound`."""
    row = await held_document(writing, clinic_id, document_id, patient_id)
    row.code_challenge, row.code_account = challenge_id, account_id


async def check_signable(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, intent: Intent, now: datetime
) -> None:
    """Raises what stands in the way of signing it."""
    _signable(await held_document(writing, clinic_id, document_id, patient_id), intent, now)


async def begin_signing(
    writing: Writing, clinic_id: UUID, patient_id: UUID, document_id: UUID, intent: Intent, now: datetime
) -> SigningOrder:
    """Hold the document for this attempt. Raises `NotFound`, `DocumentNotOpen`, `DocumentNotSeen`, `FormNotFilled`,
    `ContentChanged` (the text shown is not the present one), `MethodNotOffered`, `DocumentBeingSigned`, `Invalid`.
    """
    row = await held_document(writing, clinic_id, document_id, patient_id)
    _signable(row, intent, now)
    patient = await addressee_of(writing, patient_id)
    signer = await signer_of(writing, intent.account_id, patient_id)
    if signer is None:
        raise NotFound
    name = signer.name or intent.signer_name
    if name is None:
        raise Invalid(Fault("/signer_name", "missing"))
    if signer.name is None and not printable(name):
        raise Invalid(Fault("/signer_name", "character-not-printable"))
    row.signing_attempt, row.signing_until = new_id(), now + HOLD
    drawing = drawing_of(list(intent.strokes)) if intent.method is SignMethod.DRAWN else None
    return SigningOrder(
        row.signing_attempt, patient_id, content_of(document_detail(row, None, now), patient), letterhead_of(patient),
        Signing(name, signer.relation, now, patient.zone, intent.method, drawing),
        sealed_key(clinic_id, patient_id, document_id, row.signing_attempt),
        row.code_challenge if row.code_account == intent.account_id else None,
    )  # fmt: skip


async def finish_signing(
    writing: Writing, clinic_id: UUID, account_id: UUID, order: SigningOrder, file: SealedFile, actor: Actor,
    now: datetime,
) -> DocumentDetail:  # fmt: skip
    """Note the signature, whose file is stored. Raises `SigningLost` where something else was first."""
    row = await held_document(writing, clinic_id, order.content.document_id, order.patient_id)
    if row.signing_attempt != order.attempt_id or row.content_sha256 != order.content.sha256:
        raise SigningLost
    signed_at = order.signing.signed_at
    # By the moment of signing, not of the commit: who signed in time is not late because sealing took a second.
    row.state = state_after(state_of(row, signed_at), Act.SIGN, Asks(row.asks), has_form=bool(row.questions)).value
    row.closed_at, row.signing_attempt, row.signing_until = signed_at, None, None
    row.file_key, row.file_sha256, row.file_size = order.key, file.sha256, file.size
    row.signer_name = order.signing.signer_name
    signature = _signature(row, order, file, account_id)
    writing.add(signature)
    facts = {"kind": row.kind, "template_id": str(row.template_id), "method": order.signing.method.value}
    told = Happening("document.signed", row.id, patient_id=row.patient_id, facts=facts)
    await record(writing, clinic_id, actor, [told], now)
    if row.corrects_record:
        await ask_for_correction(writing, row, answers_of(row), actor, now)
    return document_detail(row, signature, now)


async def release_signing(writing: Writing, clinic_id: UUID, order: SigningOrder) -> None:
    """Let go of the document after a failure, so that it need not be waited for."""
    row = await held_document(writing, clinic_id, order.content.document_id, order.patient_id)
    if row.signing_attempt == order.attempt_id:
        row.signing_attempt, row.signing_until = None, None


def _signable(row: Document, intent: Intent, now: datetime) -> None:
    after = state_after(state_of(row, now), Act.SIGN, Asks(row.asks), has_form=bool(row.questions))
    assert after is DocumentState.SIGNED
    if intent.method.value not in row.methods:
        raise MethodNotOffered
    if intent.sha256 != row.content_sha256:
        raise ContentChanged
    if held_until(row.signing_until, now):
        raise DocumentBeingSigned


def _signature(row: Document, order: SigningOrder, file: SealedFile, account_id: UUID) -> DocumentSignature:
    return DocumentSignature(
        clinic_id=row.clinic_id, document_id=row.id, patient_id=row.patient_id, account_id=account_id,
        relation=order.signing.relation, method=order.signing.method.value, signed_at=order.signing.signed_at,
        template_version=row.template_version, content_sha256=row.content_sha256, pdf_sha256=file.sha256,
        pdf_size=file.size, seal_fingerprint=file.fingerprint, storage_key=order.key,
    )  # fmt: skip
