"""Makes offers of plans as they are taken in, and withdraws them.

An offer is made whenever a plan comes to be, or stays, proposed or accepted with another content than the offer before
it; when it is proposed anew after it was declined or had run out; and when the clinic's system tells a yes after a no
was given here. What goes on, ends or runs out with another content than was offered is another offer, too: no answer
stands beside what it was not given to. Its row is never altered.
"""

from asyncio import to_thread
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Date, and_, case, func, insert, literal, or_, select, update
from sqlmodel import col

from cabinet.offer import OfferedPlan, at_held_prices, canonical, fingerprint, is_locked_rise, offered
from cabinet.plan import Answer, PlanStatus, Sums, sums
from cabinet.plan_facts import PlanFact
from cabinet.queries.plans import other_chosen_sql
from cabinet.tables.offer import PlanOffer
from cabinet.tables.plan import TreatmentPlan
from core.database import Writing
from core.ids import new_id
from core.upsert import Held, Upserted

REMEMBERED = ("status", "answer", "offer_id", "offer_number", "offer_sha256")
"""What must be known of a held plan."""

_P = PlanStatus
_OFFERED = frozenset({_P.PROPOSED, _P.ACCEPTED})
_SHOWN = frozenset({_P.IN_PROGRESS, _P.COMPLETED, _P.STOPPED, _P.EXPIRED})
"""No longer asked for, but seen with the offer that stands."""
_BINDING = frozenset({_P.ACCEPTED, _P.IN_PROGRESS, _P.COMPLETED, _P.STOPPED})
_ENDED = frozenset({_P.DRAFT, _P.DECLINED, _P.NOT_CHOSEN, _P.SUPERSEDED})
"""By the clinic's word, with whatever was answered; what merely ran out was accepted in time."""
_OVER = _ENDED | {_P.EXPIRED}
_ACCEPTED = (Answer.ACCEPTED.value, Answer.AGAIN.value)
_NO = (Answer.DECLINED.value, Answer.WITHDRAWN.value)


@dataclass(frozen=True, slots=True)
class Seal:
    """A told plan as it is taken in, what it costs, and the canonical text of what it offers.

    `held`: with stages at the prices of its offer, which they were told to exceed.
    """

    fact: PlanFact
    sums: Sums
    offers: OfferedPlan
    snapshot: str
    sha256: str
    held: bool = False


def _sealed(fact: PlanFact, *, held: bool = False) -> Seal:
    counted = sums(fact.plan())
    offers = offered(fact, counted)
    snapshot = canonical(offers)
    return Seal(fact, counted, offers, snapshot, fingerprint(snapshot), held)


async def seals_of(writing: Writing, facts: Mapping[int, PlanFact], held: Mapping[str, Held]) -> dict[int, Seal]:
    """Each plan sealed; stages that became dearer while its offer holds, at the prices of the offer."""
    # One and a half milliseconds each, a thousand at a time: in a thread, so that everybody else is answered meanwhile.
    seals = await to_thread(lambda: {index: _sealed(fact) for index, fact in facts.items()})
    altered = {
        index: before.remembered["offer_id"]
        for index, seal in seals.items()
        if (before := held.get(seal.fact.external_id)) is not None and _may_be_locked(before, seal)
    }
    if not altered:
        return seals
    snapshots = await _snapshots(writing, list(altered.values()))
    for index, offer_id in altered.items():
        standing, told = snapshots[offer_id], seals[index]
        if is_locked_rise(standing, told.offers):
            seals[index] = _sealed(at_held_prices(told.fact, told.offers, standing), held=True)
    return seals


def _may_be_locked(before: Held, seal: Seal) -> bool:
    offer = before.remembered
    if offer["offer_id"] is None or seal.fact.valid_until is None or seal.fact.status not in _OFFERED | {_P.EXPIRED}:
        return False
    return bool(offer["offer_sha256"] != seal.sha256 and offer["answer"] != Answer.WITHDRAWN.value)


async def _snapshots(writing: Writing, offer_ids: Sequence[UUID]) -> dict[UUID, OfferedPlan]:
    statement = select(col(PlanOffer.id), col(PlanOffer.snapshot)).where(col(PlanOffer.id) == func.any(list(offer_ids)))
    return {row.id: OfferedPlan.model_validate_json(row.snapshot) for row in (await writing.execute(statement))}


async def make_offers(
    writing: Writing, clinic_id: UUID, plans: Sequence[Upserted], seals: Mapping[int, Seal], now: datetime
) -> dict[UUID, int]:
    """The offers that follow from these changes; the new number of each plan that got one."""
    refused = await _refused(writing, clinic_id, [each.id for each in plans if _newly_binding(each)])
    due = [each for each in plans if each.id in refused or _needs_offer(each, seals[each.incoming.index])]
    if not due:
        return {}
    rows = [_offer_row(clinic_id, each, seals[each.incoming.index], now) for each in due]
    await writing.execute(insert(PlanOffer).execution_options(render_nulls=True), rows)
    await writing.execute(_present(clinic_id, [row["id"] for row in rows], [each for each in due if _reproposed(each)]))
    passed_over = [each.id for each in due if each.before and each.before["answer"] == Answer.NOT_CHOSEN.value]
    if passed_over:
        await writing.execute(_reopened(clinic_id, passed_over, now))
    return {row["plan_id"]: row["number"] for row in rows}


def _needs_offer(plan: Upserted, seal: Seal) -> bool:
    status, before = PlanStatus(plan.incoming.columns["status"]), plan.before or {}
    standing = before.get("offer_sha256")
    if status not in _OFFERED and not (status in _SHOWN and standing):
        return False
    return standing != seal.sha256 or _reproposed(plan)


def _reproposed(plan: Upserted) -> bool:
    return plan.incoming.columns["status"] == _P.PROPOSED.value and _was(plan, _OVER)


def _newly_binding(plan: Upserted) -> bool:
    return PlanStatus(plan.incoming.columns["status"]) in _BINDING and _was(plan, frozenset(_P) - _BINDING)


def _was(plan: Upserted, statuses: frozenset[PlanStatus]) -> bool:
    return plan.before is not None and PlanStatus(plan.before["status"]) in statuses


async def _refused(writing: Writing, clinic_id: UUID, plan_ids: list[UUID]) -> set[UUID]:
    """Those of these plans to which a no was said here. Their rows are held by the upsert: no other will be said."""
    if not plan_ids:
        return set()
    mine = (col(TreatmentPlan.clinic_id) == clinic_id, col(TreatmentPlan.id) == func.any(plan_ids))
    no = select(col(TreatmentPlan.id)).where(*mine, col(TreatmentPlan.answer).in_(_NO))
    return set((await writing.execute(no)).scalars())


def _offer_row(clinic_id: UUID, plan: Upserted, seal: Seal, now: datetime) -> dict[str, Any]:
    before, columns = plan.before or {}, plan.incoming.columns
    return {
        "clinic_id": clinic_id,
        "id": new_id(),
        "patient_id": columns["patient_id"],
        "plan_id": plan.id,
        "number": (before.get("offer_number") or 0) + 1,
        "snapshot": seal.snapshot,
        "sha256": seal.sha256,
        "proposed_at": now,
        "valid_until": columns["valid_until"],
        "renews": bool(before.get("offer_id")) and _was(plan, _BINDING),
    }


def _present(clinic_id: UUID, offer_ids: list[UUID], reproposed: Sequence[Upserted]) -> Any:
    """Make these the present offers of their plans.

    The answer is read here and not before: the upsert holds the plan's row by now, and an answer that was given until
    then has been committed. What was accepted must be accepted again; what was not chosen stays so, and so does a no
    to what has run out.
    """
    answer = col(TreatmentPlan.answer)
    ended = col(TreatmentPlan.id) == func.any([each.id for each in reproposed if _was(each, _ENDED)])
    anew = col(TreatmentPlan.id) == func.any([each.id for each in reproposed])
    no_longer = and_(col(TreatmentPlan.status) == _P.EXPIRED.value, answer.in_(_NO))
    return (
        update(TreatmentPlan)
        .where(
            col(TreatmentPlan.clinic_id) == clinic_id,
            col(PlanOffer.clinic_id) == clinic_id,
            col(PlanOffer.plan_id) == TreatmentPlan.id,
            col(PlanOffer.id) == func.any(offer_ids),
        )
        .values(
            offer_id=PlanOffer.id,
            offer_number=PlanOffer.number,
            offer_sha256=PlanOffer.sha256,
            offered_at=PlanOffer.proposed_at,
            answer=case(
                (ended, None),
                (answer.in_(_ACCEPTED), Answer.AGAIN.value),
                (anew, None),
                (or_(answer == Answer.NOT_CHOSEN.value, no_longer), answer),
                (col(PlanOffer.renews), Answer.AGAIN.value),
            ),
        )
        .execution_options(synchronize_session=False)
    )


def _reopened(clinic_id: UUID, passed_over: list[UUID], now: datetime) -> Any:
    """Open those again of whose group no other plan is chosen any more.

    On the day in UTC: who answers is asked again, on the day of the branch.
    """
    return (
        update(TreatmentPlan)
        .where(
            col(TreatmentPlan.clinic_id) == clinic_id,
            col(TreatmentPlan.id) == func.any(passed_over),
            col(TreatmentPlan.answer) == Answer.NOT_CHOSEN.value,
            ~other_chosen_sql(literal(now.date(), Date())),
        )
        .values(answer=None)
        .execution_options(synchronize_session=False)
    )
