"""`/v1/me/plans/{plan_id}/acceptance`: accept an offer by click, by code or by hand, or decline it."""

from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import BackgroundTasks, Request
from pydantic import Field, StringConstraints, model_validator

from api.caller import PatientClaims
from api.patient.documents import Note, Sha256
from api.patient.plans import plan_shown
from api.patient.record import RecordRoutes
from api.ports import Ports, PortsHere
from api.signing_code import CodeOnItsWay, send_signing_code
from api.transaction import PatientWrites, RecordAsked, record_opened, record_to_open, record_writes, scope_of
from cabinet.commands.answers import AlreadySaid, OfferDecided, Said, answer_offer, check_answer, expect_code
from cabinet.offer_answer import DeclineReason, Verdict
from cabinet.plan_facts import MOST_STAGES, Place
from cabinet.plan_view import PlanWithAccount
from cabinet.signing import LEAST_INK, MOST_STROKES, SignMethod, Stroke, ink
from clinic.facts import Language
from clinic.household import AccessScope
from core.clock import now
from core.database import Writing
from core.events import Actor, ActorKind
from core.values import Value
from identity.commands import CodeWrong, Keys, spend_code
from identity.queries import account_phone
from identity.tokens import Claims

routes = RecordRoutes("plans")

Signs = Annotated[PatientWrites, record_writes(AccessScope.SIGN)]
_STALE: dict[int | str, dict[str, Any]] = {412: {"description": "The plan was changed since the offer you name."}}


class OfferNamed(Value):
    """Which offer, seen in which language, is answered: as a whole, or only these stages of it."""

    offer_sha256: Sha256 = Field(description="`offer.sha256` of the plan as it was shown.")
    stages: Annotated[list[Place], Field(max_length=MOST_STAGES)] = Field(
        default=[], description="`position` of each stage; none for the whole.", examples=[[0]]
    )
    language: Language = Field(description="In which the plan was shown.", examples=["it"])

    @property
    def places(self) -> tuple[int, ...]:
        return tuple(sorted(set(self.stages)))


class Acceptance(OfferNamed):
    """How it is accepted: `code` with its six digits, `drawn` with its strokes, `click` with neither."""

    method: SignMethod = Field(default=SignMethod.CLICK, examples=["click"])
    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")] | None = None
    strokes: list[Stroke] = Field(default_factory=list, max_length=MOST_STROKES)

    @model_validator(mode="after")
    def _as_the_method_needs(self) -> Self:
        if (self.method is SignMethod.CODE) != (self.code is not None):
            raise ValueError("code and method disagree")
        if (self.method is SignMethod.DRAWN) != bool(self.strokes):
            raise ValueError("strokes and method disagree")
        if self.strokes and ink(self.strokes) < LEAST_INK:
            raise ValueError("too little ink")
        return self


class Decline(OfferNamed):
    reason: DeclineReason
    note: Note = Field(default="", description="In the patient's own words; the clinic reads it.")


@routes.post(
    "/plans/{plan_id}/acceptance-code", status_code=202, summary="Send my acceptance code",
    operation_id="sendMyAcceptanceCode", responses=_STALE,
)  # fmt: skip
async def send(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, request: Request, background: BackgroundTasks,
    plan_id: UUID, body: OfferNamed,
) -> CodeOnItsWay:  # fmt: skip
    """Send a six-digit code to the phone this account signs in with. It accepts this plan and nothing else."""
    try:
        await _checked(ports, claims, asked, plan_id, _accepted(claims, body, SignMethod.CODE))
    except AlreadySaid:
        raise OfferDecided from None  # no code is needed for what was said

    async def expect(challenge_id: UUID) -> None:
        async with ports.database.writing(scope_of(claims)) as writing:
            patient_id = await record_to_open(writing, claims, asked, now(), AccessScope.SIGN)
            await expect_code(writing, claims.clinic_id, patient_id, plan_id, claims.subject_id, challenge_id)

    return await send_signing_code(ports, claims, request, background, expect)


@routes.post(
    "/plans/{plan_id}/acceptance", summary="Accept my treatment plan", operation_id="acceptMyPlan", responses=_STALE
)
async def accept(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, plan_id: UUID, body: Acceptance
) -> PlanWithAccount:
    """Accept the offer whose fingerprint you name, or stages of it. Other plans of its group are then not chosen.

    `offer-changed` (412): the plan is another by now; show it again. `offer-decided` (409): somebody was faster.
    """
    said = _accepted(claims, body, body.method, tuple(body.strokes))
    at, actor = now(), Actor(ActorKind.PATIENT, claims.subject_id)
    async with ports.database.writing(scope_of(claims)) as writing:
        opened = await record_opened(writing, claims, asked, at, AccessScope.SIGN)
        if body.code is None or await _proves(writing, ports.keys, claims, opened.patient_id, plan_id, said, body.code):
            await answer_offer(writing, claims.clinic_id, opened.patient_id, plan_id, said, actor, at)
            return await plan_shown(writing, opened.patient_id, plan_id, at, opened.scopes)
    raise CodeWrong  # after the commit: a wrong try stays counted


@routes.post(
    "/plans/{plan_id}/decline", summary="Decline my treatment plan", operation_id="declineMyPlan", responses=_STALE
)
async def decline(call: Signs, plan_id: UUID, body: Decline) -> PlanWithAccount:
    """Decline the offer whose fingerprint you name, or stages of it, and say why."""
    said = Said(
        Verdict.DECLINED, body.offer_sha256, body.places, SignMethod.CLICK, body.language, call.claims.session_id,
        body.reason, body.note,
    )  # fmt: skip
    await answer_offer(call.writing, call.clinic_id, call.patient_id, plan_id, said, call.actor, call.now)
    return await plan_shown(call.writing, call.patient_id, plan_id, call.now, call.scopes)


def _accepted(claims: Claims, body: OfferNamed, method: SignMethod, strokes: tuple[Stroke, ...] = ()) -> Said:
    return Said(
        Verdict.ACCEPTED, body.offer_sha256, body.places, method, body.language, claims.session_id, strokes=strokes
    )


async def _checked(ports: Ports, claims: Claims, asked: UUID | None, plan_id: UUID, said: Said) -> None:
    """Raises what stands against the answer now."""
    at = now()
    async with ports.database.writing(scope_of(claims)) as writing:
        patient_id = await record_to_open(writing, claims, asked, at, AccessScope.SIGN)
        await check_answer(writing, claims.clinic_id, patient_id, plan_id, said, claims.subject_id, at)


async def _proves(
    writing: Writing, keys: Keys, claims: Claims, patient_id: UUID, plan_id: UUID, said: Said, code: str
) -> bool:
    """Spend the code that was sent for this plan, where the answer could be taken or was taken already.

    The check locks the plan first: of many taps with one code one spends it, and the others find it said.
    """
    at = now()
    try:
        challenge = await check_answer(writing, claims.clinic_id, patient_id, plan_id, said, claims.subject_id, at)
    except AlreadySaid:
        return True  # the code was spent then
    phone = None if challenge is None else await spend_code(writing, keys, challenge, code, at)
    return phone is not None and phone == await account_phone(writing, claims.subject_id)
