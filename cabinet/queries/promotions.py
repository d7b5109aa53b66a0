"""Promotions as patients see them, built as JSON by PostgreSQL, and as staff sees them, with their counts."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field, TypeAdapter
from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, null, or_, select
from sqlmodel import col

from cabinet.coupon import CouponState
from cabinet.promotion import Audience, PromotionState
from cabinet.queries.fragments import list_of, of_person, person_document
from cabinet.tables.coupon import Coupon
from cabinet.tables.promotion import PromotionListed, PromotionRow
from core.database import MOMENT_PARAMETER, Reading
from core.moments import Day, Moment
from core.moments_sql import rfc3339_sql
from core.money import BasisPoints, Money
from core.upsert import OWN_SOURCE
from core.values import Int32, Value

MOST_PROMOTIONS = 50
MOST_OF_STAFF = 200
_NOW = bindparam("now", type_=MOMENT_PARAMETER)


class ReductionView(Value):
    """What it takes off a bill: `basis_points` of it (10 000 is all), or else up to `amount`."""

    basis_points: BasisPoints
    amount: Money | None
    minimum: Money | None = Field(description="Only bills of at least this.")
    combinable: bool = Field(description="Whether other promotions may stand on the same bill.")


class MyCoupon(Value):
    """That the patient has picked it up; the code stands in their list of coupons."""

    coupon_id: UUID
    state: CouponState
    expires_at: Moment


class PromotionView(Value):
    """An offer that is open to the patient today, in their language where the clinic wrote it."""

    promotion_id: UUID
    title: str
    terms: str
    ends_on: Day
    reduction: ReductionView | None = None
    with_coupon: bool = Field(default=False, description="Whether it is picked up as a personal coupon.")
    left: Int32 | None = Field(default=None, description="Coupons left; null: as many as are asked for.")
    coupon: MyCoupon | None = None


class PromotionCard(Value):
    """A promotion as staff sees it. `is_own`: made here; otherwise the clinic's own system keeps it."""

    promotion_id: UUID
    title: str
    state: PromotionState
    audience: Audience
    is_own: bool
    starts_on: Day
    ends_on: Day
    with_coupon: bool
    stock: Int32 | None
    listed: Int32 = Field(description="Patients on its list, where it has one.")
    picked: Int32 = Field(description="Coupons waiting to be redeemed.")
    redeemed: Int32
    expired: Int32


_VIEWS = TypeAdapter(list[PromotionView])


async def promotions(reading: Reading, patient_id: UUID, now: datetime) -> list[PromotionView]:
    """What is open to this patient today, what ends first on top."""
    found = await of_person(reading, _PROMOTIONS, patient_id, now)
    return [] if found is None else _VIEWS.validate_json(found)


async def promotion_cards(reading: Reading, promotion_id: UUID | None = None) -> list[PromotionCard]:
    """The clinic's promotions, or the one that is named, newest first, with how they are used."""
    listed = select(func.count()).where(*_of_promotion(PromotionListed)).scalar_subquery()
    counts = (
        select(
            *(func.count().filter(col(Coupon.state) == state.value).label(state.value) for state in CouponState),
        )
        .where(*_of_promotion(Coupon))
        .lateral("counts")
    )
    named = [] if promotion_id is None else [col(PromotionRow.id) == promotion_id]
    statement = (
        select(PromotionRow, listed.label("listed"), counts)
        .join(counts, onclause=col(PromotionRow.id).is_not(None))
        .where(*named)
        .order_by(col(PromotionRow.id).desc())
        .limit(MOST_OF_STAFF)
    )
    return [_card(row.PromotionRow, row) for row in await reading.execute(statement)]


def _of_promotion(table: Any) -> tuple[ColumnElement[bool], ...]:
    return col(table.clinic_id) == PromotionRow.clinic_id, col(table.promotion_id) == PromotionRow.id


def _card(row: PromotionRow, counts: Any) -> PromotionCard:
    return PromotionCard(
        promotion_id=row.id,
        title=row.texts[row.default_language]["title"],
        state=PromotionState(row.state),
        audience=Audience(row.audience),
        is_own=row.source == OWN_SOURCE,
        starts_on=row.starts_on,
        ends_on=row.ends_on,
        with_coupon=row.with_coupon,
        stock=row.stock,
        listed=counts.listed,
        picked=counts.picked,
        redeemed=counts.redeemed,
        expired=counts.expired,
    )


# --- Fragments ---


def promotions_json(person: Any) -> Any:
    """SQL: the promotions open to the patient today as a list of `PromotionView` documents.

    The twin of `cabinet.promotion.open_to`; a test makes the two agree.
    """
    left = func.greatest(col(PromotionRow.stock) - col(PromotionRow.picked), 0)
    promotion = func.json_build_object(
        *("promotion_id", PromotionRow.id, "title", text_of(person, "title"), "terms", text_of(person, "terms")),
        *("ends_on", PromotionRow.ends_on, "reduction", _reduction(), "with_coupon", PromotionRow.with_coupon),
        *("left", case((col(PromotionRow.stock).is_not(None), left)), "coupon", _coupon(person)),
    )
    soonest = (
        select(col(PromotionRow.ends_on), col(PromotionRow.id), promotion.label("document"))
        .where(col(PromotionRow.clinic_id) == person.c.clinic_id, *offered_to(person))
        .order_by(col(PromotionRow.ends_on), col(PromotionRow.id))
        .limit(MOST_PROMOTIONS)
        .correlate(person)
        .subquery("soonest")
    )
    return select(list_of(soonest.c.document, soonest.c.ends_on, soonest.c.id)).scalar_subquery()


def text_of(person: Any, part: str) -> Any:
    """SQL: a promotion's `title` or `terms` in the language of this person, else in its default one."""
    texts = col(PromotionRow.texts)
    written = func.coalesce(
        func.jsonb_extract_path(texts, person.c.language),
        func.jsonb_extract_path(texts, PromotionRow.default_language),
    )
    return func.jsonb_extract_path_text(written, part)


def offered_to(person: Any) -> tuple[ColumnElement[bool], ...]:
    """SQL: the promotion is published and open to this person today, and they are on its list where it has one."""
    on_list = exists().where(*_of_promotion(PromotionListed), col(PromotionListed.patient_id) == person.c.id)
    listed = on_list.correlate_except(PromotionListed)  # else the document's whole row would be looked up once more
    return (*open_today(person), or_(col(PromotionRow.audience) == Audience.ALL.value, listed))


def open_today(person: Any) -> tuple[ColumnElement[bool], ...]:
    """SQL: the same, whether they are on its list or not."""
    grown_up = col(person.c.birth_date) + func.make_interval(PromotionRow.min_age) <= person.c.today
    return (
        col(PromotionRow.ends_on) >= person.c.today,
        col(PromotionRow.starts_on) <= person.c.today,
        col(PromotionRow.state) == PromotionState.PUBLISHED.value,
        or_(col(PromotionRow.min_age).is_(None), grown_up),
        or_(func.cardinality(PromotionRow.languages) == 0, person.c.language == func.any(PromotionRow.languages)),
    )


def _reduction() -> Any:
    money = {
        name: case((column.is_not(None), func.json_build_object("amount_minor", column, "currency", currency)))
        for currency in [col(PromotionRow.currency)]
        for name, column in (("amount", col(PromotionRow.amount_minor)), ("minimum", col(PromotionRow.minimum_minor)))
    }
    told = func.json_build_object(
        *("basis_points", PromotionRow.basis_points, "amount", money["amount"], "minimum", money["minimum"]),
        *("combinable", PromotionRow.combinable),
    )
    takes = or_(col(PromotionRow.basis_points) > 0, col(PromotionRow.amount_minor).is_not(None))
    return case((takes, told), else_=null())


def _coupon(person: Any) -> Any:
    lapsed = and_(col(Coupon.state) == CouponState.PICKED.value, col(Coupon.expires_at) <= _NOW)
    state = case((lapsed, CouponState.EXPIRED.value), else_=col(Coupon.state))
    told = func.json_build_object(
        "coupon_id", Coupon.id, "state", state, "expires_at", rfc3339_sql(col(Coupon.expires_at))
    )
    mine = (col(Coupon.patient_id) == person.c.id, col(Coupon.state) != CouponState.REVERSED.value)
    picked = select(told).where(*_of_promotion(Coupon), *mine).limit(1)
    return picked.correlate(person, PromotionRow).scalar_subquery()


_PROMOTIONS = person_document(promotions_json)
