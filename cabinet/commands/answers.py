"""Takes answers to offers: accept or decline, the whole or stages; and lets the clinic withdraw an offer.

Every answer begins with a lock on the plan and on all plans of its group, in the order of their ids, as a sync takes
them too. Of any number of answers at once one is given; the others find it given. An answer and a change of the plan
at once come one after the other: the answer is to the offer whose fingerprint it names, or is refused as outdated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from cabinet.commands.plans import show_stages
from cabinet.offer import OfferedPlan
from cabinet.offer_answer import (
    WITHDRAWN,
    DeclineReason,
    Objection,
    Standing,
    Verdict,
    answer_after,
    left_of_whole,
    objection,
)
from cabinet.plan import HIDDEN, Answer, PlanStatus, lapsed, plan_status
from cabinet.queries.offers import branch_day, other_chosen
from cabinet.signing import SignMethod, Stroke
from cabinet.tables.offer import OfferAnswer, PlanOffer
from cabinet.tables.plan import TreatmentPlan
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Refusal, Stale
from core.events import Actor, Happening, record


class OfferChanged(Stale):
    """The plan was changed since the offer that this answer names."""

    slug = "offer-changed"


class OfferWithdrawn(Conflict):
    slug = "offer-withdrawn"


class OfferExpired(Conflict):
    """Its last day is over."""

    slug = "offer-expired"


class OfferDecided(Conflict):
    """This offer, or this stage of it, was accepted or declined already; maybe by somebody else a moment ago."""

    slug = "offer-decided"


class AlreadySaid(Exception):
    """By the same session, and the same of it: what is asked for is done, so nobody is refused."""


class OtherPlanChosen(Conflict):
    """Another plan of the same group was accepted."""

    slug = "other-plan-chosen"


class UnknownStage(Invalid):
    slug = "unknown-stage"


class StageNeedsAnother(Conflict):
    """A stage that must precede it was not accepted."""

    slug = "stage-needs-another"


_REFUSED: dict[Objection, type[Refusal]] = {
    Objection.CHANGED: OfferChanged,
    Objection.WITHDRAWN: OfferWithdrawn,
    Objection.EXPIRED: OfferExpired,
    Objection.DECIDED: OfferDecided,
    Objection.OTHER_CHOSEN: OtherPlanChosen,
    Objection.NEEDS_STAGE: StageNeedsAnother,
}


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: to which offer, of which stages (none: of the whole), by what means and in which language."""

    verdict: Verdict
    offer_sha256: str
    stages: tuple[int, ...]
    how: SignMethod
    language: str
    session_id: UUID | None = None
    reason: DeclineReason | None = None
    note: str = ""
    strokes: tuple[Stroke, ...] = ()


@dataclass(frozen=True, slots=True)
class _Held:
    """A plan under lock, its group with it, and what its offer says."""

    plan: TreatmentPlan
    siblings: tuple[TreatmentPlan, ...]
    today: date
    other_chosen: bool
    offer: OfferedPlan
    answered: dict[int, Verdict]
    sessions: dict[int, UUID | None]
    """In which session it was said, by stage."""

    def status(self, plan: TreatmentPlan) -> PlanStatus:
        return plan_status(PlanStatus(plan.status), _answer(plan), plan.valid_until, self.today)

    @property
    def standing(self) -> Standing:
        plan = self.plan
        return Standing(
            sha256=plan.offer_sha256 or "",
            told=PlanStatus(plan.status),
            answer=_answer(plan),
            lapsed=lapsed(plan.valid_until, self.today),
            needs=self.offer.needs,
            answered=self.answered,
            other_chosen=self.other_chosen,
        )

    def repeats(self, said: Said) -> bool:
        """Whether all of this was said already in the same session: the answer to it was lost on its way."""
        places = frozenset(said.stages) or self.offer.needs.keys()
        mine = {place for place, session in self.sessions.items() if session == said.session_id}
        same = all(self.answered.get(place) is said.verdict for place in places)
        return bool(places) and said.offer_sha256 == self.plan.offer_sha256 and same and mine >= places


def _answer(plan: TreatmentPlan) -> Answer | None:
    return Answer(plan.answer) if plan.answer else None


async def answer_offer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, said: Said, actor: Actor, now: datetime
) -> None:
    """Accept or decline the present offer of a plan that the patient may see, or stages of it.

    Accepting marks the other open plans of the group as not chosen. Raises `NotFound`, `OfferChanged` (before all
    others), `OfferWithdrawn`, `OtherPlanChosen`, `UnknownStage`, `OfferDecided`, `OfferExpired`, `StageNeedsAnother`.
    Said again in the same session it changes nothing.
    """
    try:
        held = await _answerable(writing, clinic_id, patient_id, plan_id, said, now)
    except AlreadySaid:
        return
    standing = held.standing
    said = replace(said, stages=said.stages or left_of_whole(standing))
    plan, after = held.plan, answer_after(standing, frozenset(said.stages), said.verdict)
    writing.add_all(_rows(plan, said, actor, now))
    plan.answer = after.value if after else None
    passed_over = [each for each in held.siblings if held.status(each) is PlanStatus.PROPOSED]
    passed_over = passed_over if said.verdict is Verdict.ACCEPTED else []
    for sibling in passed_over:
        sibling.answer = Answer.NOT_CHOSEN.value
    await writing.flush()
    await show_stages(writing, clinic_id, [plan.id])
    happened = [*_happenings(plan, said, standing, after), *map(_not_chosen, passed_over)]
    await record(writing, clinic_id, actor, happened, now)


async def check_answer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, said: Said, account_id: UUID, now: datetime
) -> UUID | None:
    """The challenge this account was sent for the plan, now locked. Raises as `answer_offer`, and `AlreadySaid`."""
    held = await _answerable(writing, clinic_id, patient_id, plan_id, said, now)
    return held.plan.code_challenge if held.plan.code_account == account_id else None


async def expect_code(
    writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, account_id: UUID, challenge_id: UUID
) -> None:
    """Note that this code, and no other, accepts the plan for this account."""
    mine = (col(TreatmentPlan.clinic_id) == clinic_id, col(TreatmentPlan.patient_id) == patient_id)
    sent = update(TreatmentPlan).where(*mine, col(TreatmentPlan.id) == plan_id)
    sent = sent.values(code_challenge=challenge_id, code_account=account_id)
    await writing.execute(sent.execution_options(synchronize_session=False))


async def withdraw_offer(
    writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, note: str, actor: Actor, now: datetime
) -> None:
    """Take an offer back that nobody accepted: the patient no longer sees the plan, until it is offered anew.

    An offer that changes an accepted plan is not withdrawn: the plan would vanish with what was accepted of it.
    Raises `NotFound`, `OfferDecided`, `OfferWithdrawn`.
    """
    held = await _held(writing, clinic_id, patient_id, plan_id, now)
    plan, status = held.plan, held.status(held.plan)
    if plan.answer == Answer.WITHDRAWN.value:
        raise OfferWithdrawn
    if held.answered or status not in (PlanStatus.PROPOSED, PlanStatus.EXPIRED) or _answer(plan) is Answer.AGAIN:
        raise OfferDecided
    assert plan.offer_id is not None
    row = OfferAnswer(
        clinic_id=clinic_id, patient_id=patient_id, plan_id=plan.id, offer_id=plan.offer_id, verdict=WITHDRAWN,
        note=note, by_kind=actor.kind.value, by_id=actor.id, how=SignMethod.CLICK.value, language="", at=now,
    )  # fmt: skip
    writing.add(row)
    plan.answer = Answer.WITHDRAWN.value
    facts = {"offer": plan.offer_number, "sha256": plan.offer_sha256}
    withdrawn = Happening("plan.withdrawn", plan.id, patient_id=patient_id, facts=facts)
    await record(writing, clinic_id, actor, [withdrawn], now)


async def _answerable(
    writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, said: Said, now: datetime
) -> _Held:
    held = await _held(writing, clinic_id, patient_id, plan_id, now)
    if held.status(held.plan) in HIDDEN and held.plan.answer != Answer.WITHDRAWN.value:
        raise NotFound
    if held.repeats(said):
        raise AlreadySaid
    against = objection(held.standing, said.offer_sha256, frozenset(said.stages), said.verdict)
    if against is not None:
        raise UnknownStage(Fault("/stages", "unknown-stage")) if against not in _REFUSED else _REFUSED[against]
    return held


async def _held(writing: Writing, clinic_id: UUID, patient_id: UUID, plan_id: UUID, now: datetime) -> _Held:
    """The plan with its group, locked. Raises `NotFound` also for a plan that was never offered."""
    mine = (col(TreatmentPlan.clinic_id) == clinic_id, col(TreatmentPlan.patient_id) == patient_id)
    group = select(col(TreatmentPlan.choice_group)).where(*mine, col(TreatmentPlan.id) == plan_id).scalar_subquery()
    asked = (col(TreatmentPlan.id) == plan_id) | (col(TreatmentPlan.choice_group) == group)
    locked = select(TreatmentPlan).where(*mine, asked).order_by(col(TreatmentPlan.id)).with_for_update()
    plans = list((await writing.execute(locked)).scalars())
    plan = next((each for each in plans if each.id == plan_id), None)
    today = await branch_day(writing, patient_id, now)
    if plan is None or plan.offer_id is None or today is None:
        raise NotFound
    siblings = tuple(each for each in plans if each is not plan)
    chosen = plan.choice_group is not None and await other_chosen(writing, plan.id, today)
    return _Held(plan, siblings, today, chosen, *await _offer(writing, clinic_id, plan.offer_id))


async def _offer(
    writing: Writing, clinic_id: UUID, offer_id: UUID
) -> tuple[OfferedPlan, dict[int, Verdict], dict[int, UUID | None]]:
    """What is offered, and what was said of each stage in which session; of the whole is of every stage."""
    kept = select(col(PlanOffer.snapshot)).where(col(PlanOffer.clinic_id) == clinic_id, col(PlanOffer.id) == offer_id)
    offer = OfferedPlan.model_validate_json((await writing.execute(kept)).scalar_one())
    said = select(col(OfferAnswer.stage), col(OfferAnswer.verdict), col(OfferAnswer.session_id)).where(
        col(OfferAnswer.clinic_id) == clinic_id,
        col(OfferAnswer.offer_id) == offer_id,
        col(OfferAnswer.verdict) != WITHDRAWN,
    )
    answered: dict[int, Verdict] = {}
    sessions: dict[int, UUID | None] = {}
    for place, verdict, session_id in await writing.execute(said):
        places = [stage.position for stage in offer.stages] if place is None else [place]
        answered |= dict.fromkeys(places, Verdict(verdict))
        sessions |= dict.fromkeys(places, session_id)
    return offer, answered, sessions


def _rows(plan: TreatmentPlan, said: Said, actor: Actor, now: datetime) -> list[OfferAnswer]:
    assert plan.offer_id is not None
    places: Sequence[int | None] = said.stages or (None,)
    return [
        OfferAnswer(
            clinic_id=plan.clinic_id, patient_id=plan.patient_id, plan_id=plan.id, offer_id=plan.offer_id, stage=place,
            verdict=said.verdict.value, reason=said.reason.value if said.reason else None, note=said.note,
            by_kind=actor.kind.value, by_id=actor.id, session_id=said.session_id, how=said.how.value,
            strokes=[stroke.model_dump() for stroke in said.strokes] or None, language=said.language, at=now,
        )
        for place in places
    ]  # fmt: skip


def _happenings(plan: TreatmentPlan, said: Said, standing: Standing, after: Answer | None) -> list[Happening]:
    """`plan.accepted` with the first acceptance, `plan.declined` with the last refusal; `stage.…` for each named."""
    facts: dict[str, Any] = {"offer": plan.offer_number, "sha256": plan.offer_sha256}
    if said.reason:
        facts["reason"] = said.reason.value
    kind = said.verdict.value
    of_stages = [
        Happening(f"stage.{kind}", plan.id, patient_id=plan.patient_id, facts={**facts, "stage": place})
        for place in said.stages
    ]
    if after is None or after is standing.answer or after.value != kind:
        return of_stages
    whole = Happening(f"plan.{kind}", plan.id, patient_id=plan.patient_id, facts={**facts, "stages": [*said.stages]})
    return [whole, *of_stages]


def _not_chosen(plan: TreatmentPlan) -> Happening:
    return Happening("plan.not_chosen", plan.id, patient_id=plan.patient_id, facts={"offer": plan.offer_number})
