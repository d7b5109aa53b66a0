"""Offers of plans and what was answered to them: the history that staff sees, and the day an offer is judged by."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, datetime
from uuid import UUID

from pydantic import Field
from sqlalchemy import Date, literal, select, text
from sqlmodel import col

from cabinet.offer import OfferedPlan
from cabinet.offer_answer import DeclineReason
from cabinet.queries.fragments import named_person
from cabinet.queries.plans import other_chosen_sql
from cabinet.signing import SignMethod
from cabinet.tables.offer import OfferAnswer, PlanOffer
from cabinet.tables.plan import TreatmentPlan
from core.database import CLINIC_VIEWER, Reading
from core.events import ActorKind
from core.moments import Day, Moment
from core.values import Int32, Value

MOST_OFFERS = 100
MOST_ANSWERS = 50


class OfferAnswerView(Value):
    """What was said to an offer: of one stage, or (`stage` null) of the whole; `withdrawn` is the clinic's own word."""

    stage: Int32 | None
    verdict: str = Field(pattern="^(accepted|declined|withdrawn)$")
    reason: DeclineReason | None
    note: str
    by_kind: ActorKind
    by_id: UUID | None = Field(description="The account that answered, or who withdrew it.")
    how: SignMethod
    language: str = Field(description="In which the offer was shown; empty for the clinic's own word.")
    at: Moment


class OfferHistory(Value):
    """One offer of a plan, whole, as it was proposed, with its answers."""

    number: Int32
    sha256: str
    proposed_at: Moment
    valid_until: Day | None
    content: OfferedPlan
    answers: list[OfferAnswerView] = Field(max_length=MOST_ANSWERS)


async def branch_day(reading: Reading, patient_id: UUID, now: datetime) -> date | None:
    """The day it is in the patient's branch; None where there is no such patient."""
    person = named_person()
    statement = select(person.c.today)
    found: date | None = (await reading.execute(statement, {"patient": patient_id, "now": now})).scalar_one_or_none()
    return found


async def other_chosen(reading: Reading, plan_id: UUID, today: date) -> bool:
    """Whether another plan of this plan's group is chosen, be it one that is hidden from the caller."""
    statement = select(other_chosen_sql(literal(today, Date()))).where(col(TreatmentPlan.id) == plan_id)
    async with _as_the_clinic_sees(reading):
        return bool((await reading.execute(statement)).scalar_one_or_none())


_VIEWER = text("select coalesce(current_setting('enamel.viewer', true), '')")
_LOOK = text("select set_config('enamel.viewer', :viewer, true)")


@asynccontextmanager
async def _as_the_clinic_sees(reading: Reading) -> AsyncIterator[None]:
    """What is private is in sight meanwhile (`core.schema`). A failure ends the transaction and the setting with it."""
    before = (await reading.execute(_VIEWER)).scalar_one()
    await reading.execute(_LOOK, {"viewer": CLINIC_VIEWER})
    yield
    await reading.execute(_LOOK, {"viewer": before})


async def offer_history(reading: Reading, patient_id: UUID, plan_id: UUID) -> list[OfferHistory]:
    """Every offer of a patient's plan, the present one first; empty also where there is no such plan."""
    mine = (col(PlanOffer.patient_id) == patient_id, col(PlanOffer.plan_id) == plan_id)
    offers = select(PlanOffer).where(*mine).order_by(col(PlanOffer.number).desc()).limit(MOST_OFFERS)
    found = list((await reading.execute(offers)).scalars())
    said = select(OfferAnswer).where(col(OfferAnswer.plan_id) == plan_id, col(OfferAnswer.patient_id) == patient_id)
    answers = list((await reading.execute(said.order_by(col(OfferAnswer.at), col(OfferAnswer.stage)))).scalars())
    return [_history(offer, [each for each in answers if each.offer_id == offer.id]) for offer in found]


def _history(offer: PlanOffer, answers: list[OfferAnswer]) -> OfferHistory:
    return OfferHistory(
        number=offer.number,
        sha256=offer.sha256,
        proposed_at=offer.proposed_at,
        valid_until=offer.valid_until,
        content=OfferedPlan.model_validate_json(offer.snapshot),
        answers=[_answer(each) for each in answers],
    )


def _answer(row: OfferAnswer) -> OfferAnswerView:
    return OfferAnswerView(
        stage=row.stage,
        verdict=row.verdict,
        reason=DeclineReason(row.reason) if row.reason else None,
        note=row.note,
        by_kind=ActorKind(row.by_kind),
        by_id=row.by_id,
        how=SignMethod(row.how),
        language=row.language,
        at=row.at,
    )
