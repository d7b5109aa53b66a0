"""Plans and promotions as patient and staff see them: built as JSON by PostgreSQL, described by values.

The fragments are SQL for the statements of read documents: always correlated with a clinic and a patient.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import JSON, ColumnElement, Text, and_, bindparam, case, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from cabinet.plan import HIDDEN, ItemStatus, PlanStatus, StageStatus
from cabinet.tables.plan import Amounts, PlanItem, PlanStage, TreatmentPlan
from cabinet.tables.promotion import PromotionRow
from clinic.queries import person_row
from core.database import UUID_PARAMETER, Reading
from core.moments import Day
from core.money import Money
from core.values import Int32, Value

MOST_PLANS = 50
MOST_PROMOTIONS = 50
_FIRST = (PlanStatus.IN_PROGRESS, PlanStatus.ACCEPTED, PlanStatus.PROPOSED, PlanStatus.COMPLETED)
"""What matters to the patient now stands on top; then all others; the newest first within each."""


class CostView(Value):
    """What it costs and who bears it; sums leave declined, cancelled and replaced items out."""

    price: Money
    discount: Money
    insurance: Money
    patient: Money


class ProgressView(Value):
    """How many of the items that will be done are done."""

    items: Int32
    items_done: Int32


class ItemView(Value):
    name: str
    tooth: str | None = Field(description="FDI code (ISO 3950).")
    surfaces: str
    quantity: Int32
    unit_price: Money
    cost: CostView
    status: ItemStatus


class StageView(Value):
    title: str
    visits: Int32 | None
    status: StageStatus
    cost: CostView
    progress: ProgressView
    items: list[ItemView] = Field(max_length=50)


class PlanView(Value):
    """A treatment plan. Plans with the same `group` are alternatives to each other."""

    plan_id: UUID
    group: str | None
    title: str
    status: PlanStatus
    valid_until: Day | None
    cost: CostView
    progress: ProgressView
    stages: list[StageView] = Field(max_length=20)


class PromotionView(Value):
    """An offer that is open to the patient today, in their language where the clinic wrote it."""

    promotion_id: UUID
    title: str
    terms: str
    ends_on: Day


_PLANS = TypeAdapter(list[PlanView])
_PROMOTIONS = TypeAdapter(list[PromotionView])


async def plans(reading: Reading, patient_id: UUID, now: datetime) -> list[PlanView] | None:
    """Every plan of a patient, drafts too, in the order of `_FIRST`; None where there is no such patient."""
    person = _named_person()
    found = await _of_person(reading, person, _plans_json(person, hidden=frozenset()), patient_id, now)
    return None if found is None else _PLANS.validate_json(found)


async def promotions(reading: Reading, patient_id: UUID, now: datetime) -> list[PromotionView]:
    """What is open to this patient today, what ends first on top."""
    person = _named_person()
    found = await _of_person(reading, person, promotions_json(person), patient_id, now)
    return [] if found is None else _PROMOTIONS.validate_json(found)


def _named_person() -> Any:
    return person_row(None, bindparam("patient", type_=UUID_PARAMETER)).subquery("person")


async def _of_person(reading: Reading, person: Any, json: Any, patient_id: UUID, now: datetime) -> str | None:
    statement = select(cast(json, Text)).select_from(person)
    found: str | None = (await reading.execute(statement, {"patient": patient_id, "now": now})).scalar_one_or_none()
    return found


# --- Fragments ---


def plans_json(person: Any) -> Any:
    """SQL: the plans the patient may see as a list of `PlanView` documents; `person` is a `person_row`."""
    return _plans_json(person, hidden=HIDDEN)


def _plans_json(person: Any, *, hidden: frozenset[PlanStatus]) -> Any:
    shown = [col(TreatmentPlan.status).not_in([status.value for status in sorted(hidden)])] if hidden else []
    status = _status(person)
    place = case({each.value: rank for rank, each in enumerate(_FIRST)}, value=status, else_=len(_FIRST))
    first = (
        select(col(TreatmentPlan.id), place.label("place"), _plan_object(status).label("document"))
        .where(col(TreatmentPlan.clinic_id) == person.c.clinic_id, col(TreatmentPlan.patient_id) == person.c.id, *shown)
        .order_by(place, col(TreatmentPlan.id).desc())
        .limit(MOST_PLANS)
        .correlate(person)
        .subquery("first")
    )
    return select(_list_of(first.c.document, first.c.place, first.c.id.desc())).scalar_subquery()


def _status(person: Any) -> Any:
    lapsed = and_(
        col(TreatmentPlan.status) == PlanStatus.PROPOSED.value, col(TreatmentPlan.valid_until) < person.c.today
    )
    return case((lapsed, PlanStatus.EXPIRED.value), else_=col(TreatmentPlan.status))


def _plan_object(status: Any) -> Any:
    return func.json_build_object(
        *("plan_id", TreatmentPlan.id, "group", TreatmentPlan.choice_group, "title", TreatmentPlan.title),
        *("status", status, "valid_until", TreatmentPlan.valid_until, "cost", _cost(TreatmentPlan)),
        *("progress", _progress(TreatmentPlan), "stages", TreatmentPlan.stages),
    )


def stages_json() -> Any:
    """SQL: a plan's stages with their items as a list of `StageView` documents, from their rows."""
    stage = func.json_build_object(
        *("title", PlanStage.title, "visits", PlanStage.visits, "status", PlanStage.status),
        *("cost", _cost(PlanStage), "progress", _progress(PlanStage), "items", _items()),
    )
    of_plan = and_(col(PlanStage.clinic_id) == TreatmentPlan.clinic_id, col(PlanStage.plan_id) == TreatmentPlan.id)
    listed = select(_list_of(stage, col(PlanStage.position))).where(of_plan)
    return listed.correlate(TreatmentPlan).scalar_subquery()


def _items() -> Any:
    item = func.json_build_object(
        *("name", PlanItem.name, "tooth", PlanItem.tooth, "surfaces", PlanItem.surfaces),
        *("quantity", PlanItem.quantity, "unit_price", _money(col(PlanItem.unit_price_minor))),
        *("cost", _cost(PlanItem), "status", PlanItem.status),
    )
    of_stage = and_(
        col(PlanItem.clinic_id) == PlanStage.clinic_id,
        col(PlanItem.plan_id) == PlanStage.plan_id,
        col(PlanItem.stage) == PlanStage.position,
    )
    listed = select(_list_of(item, col(PlanItem.position))).where(of_stage)
    return listed.correlate(TreatmentPlan, PlanStage).scalar_subquery()


def _cost(table: type[Amounts]) -> Any:
    return func.json_build_object(
        *("price", _money(col(table.price_minor)), "discount", _money(col(table.discount_minor))),
        *("insurance", _money(col(table.insurance_minor)), "patient", _money(col(table.patient_minor))),
    )


def _money(minor: Any) -> Any:
    return func.json_build_object("amount_minor", minor, "currency", TreatmentPlan.currency)


def _progress(table: Any) -> Any:
    return func.json_build_object("items", table.items, "items_done", table.items_done)


def promotions_json(person: Any) -> Any:
    """SQL: the promotions open to the patient today as a list of `PromotionView` documents.

    The twin of `cabinet.promotion.open_to`; a test makes the two agree.
    """
    texts = col(PromotionRow.texts)
    text = func.coalesce(
        func.jsonb_extract_path(texts, person.c.language),
        func.jsonb_extract_path(texts, PromotionRow.default_language),
    )
    promotion = func.json_build_object(
        *("promotion_id", PromotionRow.id, "title", func.jsonb_extract_path(text, "title")),
        *("terms", func.jsonb_extract_path(text, "terms"), "ends_on", PromotionRow.ends_on),
    )
    soonest = (
        select(col(PromotionRow.ends_on), col(PromotionRow.id), promotion.label("document"))
        .where(col(PromotionRow.clinic_id) == person.c.clinic_id, *_open_to(person))
        .order_by(col(PromotionRow.ends_on), col(PromotionRow.id))
        .limit(MOST_PROMOTIONS)
        .correlate(person)
        .subquery("soonest")
    )
    return select(_list_of(soonest.c.document, soonest.c.ends_on, soonest.c.id)).scalar_subquery()


def _open_to(person: Any) -> tuple[ColumnElement[bool], ...]:
    grown_up = col(person.c.birth_date) + func.make_interval(PromotionRow.min_age) <= person.c.today
    return (
        col(PromotionRow.ends_on) >= person.c.today,
        col(PromotionRow.starts_on) <= person.c.today,
        or_(col(PromotionRow.min_age).is_(None), grown_up),
        or_(func.cardinality(PromotionRow.languages) == 0, person.c.language == func.any(PromotionRow.languages)),
    )


def _list_of(document: Any, *order: Any) -> Any:
    none: ColumnElement[Any] = literal_column("'[]'::json", JSON)
    return func.coalesce(func.json_agg(aggregate_order_by(document, *order)), none)
