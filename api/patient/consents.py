"""`/v1/me/consents`: what a patient agrees to, one purpose and one channel at a time, and takes back at once."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import Field

from api.patient.record import RecordRoutes
from api.problems import language_of
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from clinic.facts import Language
from clinic.household import AccessScope, Relation
from clinic.queries import opened_record
from core.values import MaybeText, Value
from push.commands import Proof, set_consent, text_agreed_to
from push.consent import ConsentChannel
from push.notice import Purpose
from push.queries import ConsentState, consent_states

routes = RecordRoutes("consents")


class Consents(Value):
    items: list[ConsentState] = Field(max_length=100)


class ConsentAnswer(Value):
    """A yes names the words it answers; a no needs none."""

    granted: bool
    channel: ConsentChannel = ConsentChannel.PUSH
    text_version: MaybeText | None = Field(default=None, description="Of the words shown.", examples=["2026-11"])
    language: Language | None = Field(default=None, description="In which they were shown.", examples=["it"])
    how: Literal["switch", "form", "message"] = Field(default="switch", description="By which act it was said.")


@routes.get("/consents", summary="My consents", operation_id="listMyConsents")
async def consents(
    call: Annotated[PatientReads, record_reads(None)],
    request: Request,
    language: Annotated[Language | None, Query(description="Of the words; Accept-Language if not said.")] = None,
) -> Consents:
    """Every purpose on every channel, whether it is granted, and the words to agree to. Nothing is ticked for you."""
    spoken = language or language_of(request.headers.get("accept-language", ""))
    return Consents(items=await consent_states(call.reading, call.patient_id, spoken))


@routes.put(
    "/consents/{purpose}", status_code=204, summary="Say my yes or no to one purpose", operation_id="setMyConsent"
)
async def agree(
    call: Annotated[PatientWrites, record_writes(AccessScope.SIGN)], purpose: Purpose, body: ConsentAnswer
) -> Response:
    """The last word counts, and it counts at once, also for what is queued already.

    Without a word, service, recall and chat may be pushed: they belong to the treatment or answer the patient.
    Everything else needs a yes that was given (GDPR Art. 6(1)(a), ePrivacy Directive Art. 13), to the words of the
    present `text_version`. No treatment depends on it.
    """
    text = text_agreed_to(purpose, body.channel, body.text_version, body.language) if body.granted else None
    proof = Proof(await _giver(call), call.claims.session_id, body.how, text)
    await set_consent(
        call.writing, call.clinic_id, call.patient_id, purpose, body.granted, call.actor, call.now,
        channel=body.channel, proof=proof,
    )  # fmt: skip
    return Response(status_code=204)


async def _giver(call: PatientWrites) -> Relation:
    """As whom the account opens this record."""
    claims = call.claims
    opened = await opened_record(call.writing, claims.subject_id, claims.session_id, call.patient_id, call.now)
    assert opened is not None  # the transaction has asked already
    return opened.relation
