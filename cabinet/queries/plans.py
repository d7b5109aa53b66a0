"""Plans as patient and staff see them: built as JSON by PostgreSQL, described by values.

The fragments are SQL for the statements of read documents: always correlated with a clinic and a patient.
"""

from collections.abc import Collection
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Text, and_, bindparam, case, func, null, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased
from sqlmodel import col

from cabinet.offer_answer import Verdict
from cabinet.plan import HIDDEN, Answer, PlanStatus, is_chosen
from cabinet.plan_view import PlanWithAccount
from cabinet.queries.account import plan_account_json
from cabinet.queries.fragments import list_of, of_person, person_document
from cabinet.tables.offer import OfferAnswer
from cabinet.tables.plan import Amounts, PlanItem, PlanStage, TreatmentPlan
from core.database import UUID_PARAMETER, Document, Reading
from core.moments_sql import rfc3339_sql

MOST_PLANS = 50
_FIRST = (PlanStatus.IN_PROGRESS, PlanStatus.ACCEPTED, PlanStatus.PROPOSED, PlanStatus.COMPLETED)
"""What matters to the patient now stands on top; then all others; the newest first within each."""


_PLANS = TypeAdapter(list[PlanWithAccount])


async def plans(
    reading: Reading, patient_id: UUID, now: datetime, *, with_account: bool
) -> list[PlanWithAccount] | None:
    """Every plan of a patient, drafts too, in the order of `_FIRST`; None where there is no such patient.

    Here and below: what was paid and is owed is told `with_account` only, for who may read that.
    """
    found = await of_person(reading, _document(frozenset(), with_account), patient_id, now, names=None, group=None)
    return None if found is None else _PLANS.validate_json(found)


async def shown_plans(
    reading: Reading, patient_id: UUID, now: datetime, *, with_account: bool,
    names: Collection[UUID] | None = None, group: str | None = None,
) -> list[PlanWithAccount]:  # fmt: skip
    """The plans the patient may see, in the order of `_FIRST`: all, or those with these ids, or of one group."""
    asked = {"names": None if names is None else list(names), "group": group}
    found = await of_person(reading, _document(HIDDEN, with_account), patient_id, now, **asked)
    return [] if found is None else _PLANS.validate_json(found)


async def plans_named(
    reading: Reading, patient_id: UUID, names: Collection[UUID], now: datetime, *, with_account: bool
) -> list[PlanWithAccount]:
    """Those of these plans that the patient may see."""
    return await shown_plans(reading, patient_id, now, with_account=with_account, names=names)


async def shown_plan(
    reading: Reading, patient_id: UUID, plan_id: UUID, now: datetime, *, with_account: bool
) -> PlanWithAccount | None:
    found = await plans_named(reading, patient_id, [plan_id], now, with_account=with_account)
    return found[0] if found else None


async def plan_stages(reading: Reading, patient_id: UUID, plan_id: UUID) -> int | None:
    """How many stages a plan of this patient has, drafts too; None: they have no such plan."""
    mine = (col(TreatmentPlan.id) == plan_id, col(TreatmentPlan.patient_id) == patient_id)
    statement = select(func.json_array_length(TreatmentPlan.stages)).where(*mine)
    return (await reading.execute(statement)).scalar_one_or_none()


async def alternatives(reading: Reading, patient_id: UUID, group: str, now: datetime) -> list[PlanWithAccount]:
    """The plans of one group that the patient may see, without their accounts."""
    return await shown_plans(reading, patient_id, now, with_account=False, group=group)


# --- Fragments ---


def plans_json(person: Any) -> Any:
    """SQL: the plans the patient may see as a list of `PlanView` documents; `person` is a `person_row`."""
    return _plans_json(person, hidden=HIDDEN)


@cache
def _document(hidden: frozenset[PlanStatus], with_account: bool) -> Document:
    """Plans with their accounts, or with null for them: `:names` of ids or null for any, `:group` the same."""
    names, group = bindparam("names", type_=ARRAY(UUID_PARAMETER)), bindparam("group", type_=Text())
    asked = (
        or_(names.is_(None), col(TreatmentPlan.id) == func.any(names)),
        or_(group.is_(None), col(TreatmentPlan.choice_group) == group),
    )

    def json(person: Any) -> Any:
        account = plan_account_json(TreatmentPlan, person) if with_account else null()
        return _plans_json(person, *asked, hidden=hidden, more=("account", account))

    return person_document(json)


def _plans_json(person: Any, *of_them: Any, hidden: frozenset[PlanStatus], more: tuple[Any, ...] = ()) -> Any:
    status = plan_status_sql(person.c.today)
    shown = [status.not_in([each.value for each in sorted(hidden)])] if hidden else []
    place = case({each.value: rank for rank, each in enumerate(_FIRST)}, value=status, else_=len(_FIRST))
    mine = (col(TreatmentPlan.clinic_id) == person.c.clinic_id, col(TreatmentPlan.patient_id) == person.c.id)
    first = (
        select(col(TreatmentPlan.id), place.label("place"), _plan_object(status, *more).label("document"))
        .where(*mine, *shown, *of_them)
        .order_by(place, col(TreatmentPlan.id).desc())
        .limit(MOST_PLANS)
        .correlate(person)
        .subquery("first")
    )
    return select(list_of(first.c.document, first.c.place, first.c.id.desc())).scalar_subquery()


def plan_status_sql(today: Any, plan: Any = TreatmentPlan) -> ColumnElement[str]:
    """SQL: a plan's status on a day, the twin of `cabinet.plan.plan_status`; a test makes the two agree."""
    told, answer = col(plan.status), col(plan.answer)
    proposed, accepted = told == PlanStatus.PROPOSED.value, told == PlanStatus.ACCEPTED.value
    offered = told.in_([PlanStatus.PROPOSED.value, PlanStatus.EXPIRED.value])
    again = and_(accepted, answer == Answer.AGAIN.value)
    lapsed = col(plan.valid_until) < today
    return case(
        (and_(offered | accepted, answer == Answer.DECLINED.value), PlanStatus.DECLINED.value),
        (and_(offered | accepted, answer == Answer.WITHDRAWN.value), PlanStatus.SUPERSEDED.value),
        (and_(offered, answer == Answer.ACCEPTED.value), PlanStatus.ACCEPTED.value),
        (and_(offered, answer == Answer.NOT_CHOSEN.value), PlanStatus.NOT_CHOSEN.value),
        (and_(proposed | again, lapsed), PlanStatus.EXPIRED.value),
        (again, PlanStatus.PROPOSED.value),
        else_=told,
    )


def other_chosen_sql(today: Any) -> ColumnElement[bool]:
    """SQL: whether another plan of a plan's group is chosen on a day, the twin of `cabinet.plan.is_chosen`."""
    other: Any = aliased(TreatmentPlan)
    status = plan_status_sql(today, other)
    again = and_(status == PlanStatus.PROPOSED.value, other.answer == Answer.AGAIN.value)
    chosen = or_(status.in_([each.value for each in PlanStatus if is_chosen(each, None)]), again)
    of_group = (
        other.clinic_id == TreatmentPlan.clinic_id,
        other.patient_id == TreatmentPlan.patient_id,
        other.choice_group == TreatmentPlan.choice_group,
        other.id != TreatmentPlan.id,
    )
    return select(other.id).where(*of_group, chosen).correlate(TreatmentPlan).exists()


def _plan_object(status: Any, *more: Any) -> Any:
    return func.json_build_object(
        *("plan_id", TreatmentPlan.id, "group", TreatmentPlan.choice_group, "title", TreatmentPlan.title),
        *("pros", TreatmentPlan.pros, "cons", TreatmentPlan.cons),
        *("status", status, "valid_until", TreatmentPlan.valid_until),
        *("visits", TreatmentPlan.visits, "duration_days", TreatmentPlan.duration_days, "offer", _offer()),
        *("cost", _cost(TreatmentPlan), "progress", _progress(TreatmentPlan), "stages", TreatmentPlan.stages),
        *more,
    )


def _offer() -> Any:
    offered_at: Any = TreatmentPlan.offered_at
    offer = func.json_build_object(
        *("number", TreatmentPlan.offer_number, "sha256", TreatmentPlan.offer_sha256),
        *("proposed_at", rfc3339_sql(offered_at), "valid_until", TreatmentPlan.valid_until),
        *("answered", TreatmentPlan.answer),
    )
    return case((col(TreatmentPlan.offer_id).is_not(None), offer))


def stages_json() -> Any:
    """SQL: a plan's stages with their items as a list of `StageView` documents, from their rows."""
    stage = func.json_build_object(
        *("position", PlanStage.position, "title", PlanStage.title, "visits", PlanStage.visits),
        *("duration_days", PlanStage.duration_days, "depends_on", PlanStage.depends_on),
        *("status", PlanStage.status, "answered", _answered()),
        *("cost", _cost(PlanStage), "progress", _progress(PlanStage), "items", _items()),
    )
    of_plan = and_(col(PlanStage.clinic_id) == TreatmentPlan.clinic_id, col(PlanStage.plan_id) == TreatmentPlan.id)
    listed = select(list_of(stage, col(PlanStage.position))).where(of_plan)
    return listed.correlate(TreatmentPlan).scalar_subquery()


def _answered() -> Any:
    """What was said of this stage, or of the whole, to the plan's present offer."""
    place = func.coalesce(OfferAnswer.stage, PlanStage.position)
    said = select(col(OfferAnswer.verdict)).where(
        col(OfferAnswer.clinic_id) == TreatmentPlan.clinic_id,
        col(OfferAnswer.offer_id) == TreatmentPlan.offer_id,
        col(OfferAnswer.verdict).in_([verdict.value for verdict in Verdict]),
        place == PlanStage.position,
    )
    return said.limit(1).correlate(TreatmentPlan, PlanStage).scalar_subquery()


def _items() -> Any:
    high = col(PlanItem.unit_price_high_minor)
    item = func.json_build_object(
        *("name", PlanItem.name, "explanation", PlanItem.explanation),
        *("tooth", PlanItem.tooth, "surfaces", PlanItem.surfaces, "quantity", PlanItem.quantity),
        *("unit_price", _money(col(PlanItem.unit_price_minor)), "unit_price_high", _told(high, high)),
        *("promotion_title", PlanItem.promotion_title, "cost", _cost(PlanItem), "status", PlanItem.status),
    )
    of_stage = and_(
        col(PlanItem.clinic_id) == PlanStage.clinic_id,
        col(PlanItem.plan_id) == PlanStage.plan_id,
        col(PlanItem.stage) == PlanStage.position,
    )
    listed = select(list_of(item, col(PlanItem.position))).where(of_stage)
    return listed.correlate(TreatmentPlan, PlanStage).scalar_subquery()


def _cost(table: type[Amounts]) -> Any:
    low, high = col(table.patient_minor), col(table.patient_high_minor)
    estimate = func.json_build_object("low", _money(low), "high", _money(high))
    return func.json_build_object(
        *("price", _money(col(table.price_minor)), "discount", _money(col(table.discount_minor))),
        *("promotion", _told(col(table.promotion_minor)), "points", _told(col(table.points_minor))),
        *("insurance", _money(col(table.insurance_minor)), "patient", _money(low)),
        *("estimate", case((high != low, estimate))),
    )


def _money(minor: Any) -> Any:
    return func.json_build_object("amount_minor", minor, "currency", TreatmentPlan.currency)


def _told(minor: Any, told: Any = None) -> Any:
    """An amount, or null where there is none."""
    return case((minor != 0 if told is None else told.is_not(None), _money(minor)), else_=null())


def _progress(table: Any) -> Any:
    return func.json_build_object("items", table.items, "items_done", table.items_done)
