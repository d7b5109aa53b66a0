"""`/v1/me/documents/{document_id}/signature`: sign by click, by a code to the account's phone, or by hand."""

import asyncio
import hashlib
from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import BackgroundTasks, Request
from pydantic import Field, StringConstraints, model_validator

from api.caller import PatientClaims
from api.patient.documents import Sha256
from api.patient.record import RecordRoutes
from api.ports import Ports, PortsHere
from api.signing_code import CodeOnItsWay, send_signing_code
from api.transaction import record_asked, record_to_open, scope_of
from cabinet.commands.signatures import (
    Intent,
    SealedFile,
    SigningOrder,
    begin_signing,
    check_signable,
    expect_code,
    finish_signing,
    release_signing,
)
from cabinet.document_paper import document_paper
from cabinet.paper import printed
from cabinet.queries.documents import DocumentDetail
from cabinet.seal import Seal
from cabinet.signing import LEAST_INK, MOST_STROKES, SignMethod, Stroke, ink
from clinic.household import AccessScope
from core.clock import now
from core.database import NOBODY, Writing
from core.events import Actor, ActorKind
from core.values import ShortText, Value
from identity.commands import CodeWrong, spend_code
from identity.queries import account_phone
from identity.tokens import Claims

routes = RecordRoutes("documents")
_STALE = {412: {"description": "What was shown is not what the document says now."}}


class SignatureWish(Value):
    """What is signed, and how: `code` with its six digits, `drawn` with its strokes, `click` with neither."""

    content_sha256: Sha256 = Field(description="`content_sha256` of the document as it was shown.")
    method: SignMethod = Field(examples=["click"])
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    strokes: list[Stroke] = Field(default_factory=list, max_length=MOST_STROKES)
    signer_name: ShortText | None = Field(
        default=None, description="Needed of a guardian who is no patient of this clinic.", examples=[None]
    )

    @model_validator(mode="after")
    def _as_the_method_needs(self) -> Self:
        if (self.method is SignMethod.CODE) != (self.code is not None):
            raise ValueError("code and method disagree")
        if (self.method is SignMethod.DRAWN) != bool(self.strokes):
            raise ValueError("strokes and method disagree")
        if self.strokes and ink(self.strokes) < LEAST_INK:
            raise ValueError("too little ink")
        return self

    def intent(self, account_id: UUID) -> Intent:
        return Intent(account_id, self.content_sha256, self.method, tuple(self.strokes), self.signer_name)


class CodeWish(Value):
    content_sha256: Sha256 = Field(description="`content_sha256` of the document as it was shown.")


@routes.post(
    "/documents/{document_id}/signature-code", status_code=202, summary="Send my signing code",
    operation_id="sendMySigningCode", responses=_STALE,
)  # fmt: skip
async def send(
    ports: PortsHere, claims: PatientClaims, request: Request, background: BackgroundTasks,
    document_id: UUID, body: CodeWish,
) -> CodeOnItsWay:  # fmt: skip
    """Send a six-digit code to the phone this account signs in with. It signs this document and nothing else."""
    at, asked, intent = now(), record_asked(request), Intent(claims.subject_id, body.content_sha256, SignMethod.CODE)
    async with ports.database.writing(scope_of(claims)) as writing:
        patient_id = await _may_sign(writing, claims, asked, at)
        await check_signable(writing, claims.clinic_id, patient_id, document_id, intent, at)

    async def expect(challenge_id: UUID) -> None:
        async with ports.database.writing(scope_of(claims)) as writing:
            await _may_sign(writing, claims, asked, at)
            await expect_code(writing, claims.clinic_id, patient_id, document_id, claims.subject_id, challenge_id)

    return await send_signing_code(ports, claims, request, background, expect)


@routes.post(
    "/documents/{document_id}/signature", summary="Sign my document", operation_id="signMyDocument", responses=_STALE
)
async def sign(
    ports: PortsHere, claims: PatientClaims, request: Request, document_id: UUID, body: SignatureWish
) -> DocumentDetail:
    """Sign what was shown. The text, the answers and the record of this signature are sealed into a PDF at once."""
    intent, asked, at = body.intent(claims.subject_id), record_asked(request), now()
    async with ports.database.writing(scope_of(claims)) as writing:
        patient_id = await _may_sign(writing, claims, asked, at)
        order = await begin_signing(writing, claims.clinic_id, patient_id, document_id, intent, at)
    try:
        if body.code is not None:  # only now: of two taps one spends the code, and the other hears that it is signed
            await _prove(ports, claims, order.challenge, body.code, at)
        return await _seal_and_note(ports, claims, asked, order)
    except Exception:
        async with ports.database.writing(scope_of(claims)) as writing:
            await _may_sign(writing, claims, asked, at)
            await release_signing(writing, claims.clinic_id, order)
        raise


async def _prove(ports: Ports, claims: Claims, challenge: UUID | None, code: str, at: datetime) -> None:
    """Spend the code that was sent for this document; a wrong one stays counted."""
    if challenge is None:
        raise CodeWrong
    async with ports.database.writing(NOBODY) as writing:
        phone = await spend_code(writing, ports.keys, challenge, code, at)
        own = await account_phone(writing, claims.subject_id)
    if phone is None or phone != own:
        raise CodeWrong


async def _seal_and_note(ports: Ports, claims: Claims, asked: UUID | None, order: SigningOrder) -> DocumentDetail:
    content = await asyncio.to_thread(_sealed, ports.seal, order)
    await ports.storage.put(order.key, content, "application/pdf")
    sha256 = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
    file = SealedFile(sha256, len(content), ports.seal.fingerprint)
    actor = Actor(ActorKind.PATIENT, claims.subject_id)
    async with ports.database.writing(scope_of(claims)) as writing:
        await _may_sign(writing, claims, asked, now())
        return await finish_signing(writing, claims.clinic_id, claims.subject_id, order, file, actor, now())


def _sealed(seal: Seal, order: SigningOrder) -> bytes:
    paper = document_paper(order.content, order.letterhead, order.signing)
    return seal.sealed(printed(paper), order.content.title)


async def _may_sign(writing: Writing, claims: Claims, asked: UUID | None, at: datetime) -> UUID:
    return await record_to_open(writing, claims, asked, at, AccessScope.SIGN)
