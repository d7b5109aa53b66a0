"""Coupons that the clinic gives of itself, to any number of patients of many clinics with a fixed number of statements.

Rows are locked in the order of all: coupons first, their promotions after them.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, bindparam, delete, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.coupon import CouponState, ends_at
from cabinet.promotion import Audience, PromotionState
from cabinet.queries.coupons import code_hash, coupon_code
from cabinet.queries.promotions import open_today
from cabinet.tables.coupon import Coupon
from cabinet.tables.promotion import PromotionListed, PromotionRow
from clinic.queries.fragments import people_rows
from core.database import MOMENT_PARAMETER, Writing
from core.events import Actor, Happening, record_across
from core.ids import new_id
from identity.secrets import Secrets
from push.commands.batch import UNTRACKED, UUIDS, batch, keys, same_key


class Wish(NamedTuple):
    """Whose coupon of which promotion."""

    clinic_id: UUID
    promotion_id: UUID
    patient_id: UUID


class CouponRefused(StrEnum):
    NOT_OFFERED = "promotion-not-offered"
    """There is no such promotion, it is not open today or not to this patient, or takes nothing off a bill."""
    OUT_OF_STOCK = "promotion-out-of-stock"
    ALREADY_HAD = "coupon-already-had"
    """One coupon a patient: this one was redeemed, or its time is over."""


@dataclass(frozen=True, slots=True)
class _Offered:
    """A promotion as it is open to one patient."""

    expires_at: datetime
    room: int | None


async def give_coupons(
    writing: Writing, secrets: Secrets, wishes: dict[Wish, UUID], actor: Actor, now: datetime
) -> dict[Wish, UUID | CouponRefused]:
    """The coupon of each wish, new or held before, or why there is none; `wishes` tell the cause of each.

    It may be one that patients do not pick up themselves. Whoever is given one of a promotion for few is on its list
    from then on. Erased people are to be left out by the caller.
    """
    if not wishes:
        return {}
    ordered = sorted(wishes, key=_order)
    await _list(writing, ordered, now)
    held = await _held(writing, ordered, now)
    offered = await _offered(writing, [wish for wish in ordered if wish not in held], now)
    wanted = _with_room(offered)
    given = await _inserted(writing, secrets, {wish: offered[wish] for wish in wanted}, now)
    if len(given) < len(wanted):  # somebody else gave them meanwhile
        held |= await _held(writing, [wish for wish in wanted if wish not in given], now)
    left = await _take_from_stock(writing, given)
    facts = {wish: {"promotion_id": str(wish.promotion_id)} for wish in left}
    told = [
        (wish.clinic_id, Happening("coupon.picked_up", left[wish], wish.patient_id, facts[wish], wishes[wish]))
        for wish in left
    ]
    await record_across(writing, actor, told, now)
    refused = {wish: CouponRefused.OUT_OF_STOCK if wish in offered else CouponRefused.NOT_OFFERED for wish in ordered}
    return {**refused, **held, **left}


def _order(wish: Wish) -> tuple[int, int, int]:
    return wish.clinic_id.int, wish.promotion_id.int, wish.patient_id.int


def _people(wishes: Iterable[Wish], now: datetime) -> Any:
    """SQL: each wish with its patient."""
    named = batch({"clinic_id": UUIDS, "promotion_id": UUIDS, "patient_id": UUIDS}, wishes)
    return people_rows(named, now).subquery("person")


def _of(person: Any) -> ColumnElement[bool]:
    return and_(col(PromotionRow.clinic_id) == person.c.clinic_id, col(PromotionRow.id) == person.c.promotion_id)


async def _list(writing: Writing, wishes: Sequence[Wish], now: datetime) -> None:
    person = _people(wishes, now)
    for_few = col(PromotionRow.audience) == Audience.LISTED.value
    people = (
        select(person.c.clinic_id, person.c.promotion_id, person.c.id, literal(now, MOMENT_PARAMETER))
        .join(PromotionRow, _of(person))
        .where(for_few, *open_today(person))
        .order_by(person.c.clinic_id, person.c.promotion_id, person.c.id)
    )
    columns = ["clinic_id", "promotion_id", "patient_id", "listed_at"]
    await writing.execute(insert(PromotionListed).from_select(columns, people).on_conflict_do_nothing())


async def _held(writing: Writing, wishes: Sequence[Wish], now: datetime) -> dict[Wish, UUID | CouponRefused]:
    wish = batch({"clinic_id": UUIDS, "promotion_id": UUIDS, "patient_id": UUIDS}, wishes)
    same = and_(
        col(Coupon.clinic_id) == wish.c.clinic_id, col(Coupon.promotion_id) == wish.c.promotion_id,
        col(Coupon.patient_id) == wish.c.patient_id, col(Coupon.state) != CouponState.REVERSED.value,
    )  # fmt: skip
    is_good = and_(col(Coupon.state) == CouponState.PICKED.value, col(Coupon.expires_at) > now)
    columns = (wish.c.clinic_id, wish.c.promotion_id, wish.c.patient_id, col(Coupon.id), is_good)
    rows = await writing.execute(select(*columns).join_from(wish, Coupon, same))
    return {Wish(*key): coupon_id if good else CouponRefused.ALREADY_HAD for *key, coupon_id, good in rows}


async def _offered(writing: Writing, wishes: Sequence[Wish], now: datetime) -> dict[Wish, _Offered]:
    person = _people(wishes, now)
    takes = or_(col(PromotionRow.basis_points) > 0, col(PromotionRow.amount_minor).is_not(None))
    columns: list[Any] = [
        person.c.clinic_id, person.c.promotion_id, person.c.id, person.c.zone,
        col(PromotionRow.ends_on), col(PromotionRow.coupon_days), col(PromotionRow.stock) - col(PromotionRow.picked),
    ]  # fmt: skip
    rows = await writing.execute(select(*columns).join(PromotionRow, _of(person)).where(takes, *open_today(person)))
    return {
        Wish(*key): _Offered(ends_at(now, ends_on, days, zone), room) for *key, zone, ends_on, days, room in rows
    }  # fmt: skip


def _with_room(offered: dict[Wish, _Offered]) -> list[Wish]:
    """As many as the stock had when it was read, so that few are taken back; `_take_from_stock` decides."""
    taken: dict[tuple[UUID, UUID], int] = {}
    found = []
    for wish in sorted(offered, key=_order):
        promotion, room = wish[:2], offered[wish].room
        if room is None or taken.get(promotion, 0) < room:
            taken[promotion] = taken.get(promotion, 0) + 1
            found.append(wish)
    return found


async def _inserted(
    writing: Writing, secrets: Secrets, offered: dict[Wish, _Offered], now: datetime
) -> dict[Wish, UUID]:  # fmt: skip
    rows = [_row(secrets, wish, each, now) for wish, each in offered.items()]
    if not rows:
        return {}
    fresh = insert(Coupon).on_conflict_do_nothing().returning(col(Coupon.id)).execution_options(render_nulls=True)
    made = set((await writing.execute(fresh, rows)).scalars())
    return {wish: row["id"] for wish, row in zip(offered, rows, strict=True) if row["id"] in made}


def _row(secrets: Secrets, wish: Wish, offered: _Offered, now: datetime) -> dict[str, Any]:
    coupon_id = new_id()
    return {
        **wish._asdict(), "id": coupon_id, "state": CouponState.PICKED.value, "picked_at": now,
        "expires_at": offered.expires_at,
        "code_hash": code_hash(secrets, wish.clinic_id, coupon_code(secrets, wish.clinic_id, coupon_id)),
    }  # fmt: skip


async def _take_from_stock(writing: Writing, given: dict[Wish, UUID]) -> dict[Wish, UUID]:
    """Those for whom there is a place, under the locks of their promotions; the others are taken back."""
    if not given:
        return {}
    rooms = await _rooms(writing, {wish[:2] for wish in given})
    left: dict[Wish, UUID] = {}
    taken: dict[tuple[UUID, UUID], int] = {}
    for wish, coupon_id in given.items():
        promotion = wish[:2]
        room = rooms.get(promotion, 0)
        if room is None or taken.get(promotion, 0) < room:
            taken[promotion] = taken.get(promotion, 0) + 1
            left[wish] = coupon_id
    await _take_back(writing, [(wish.clinic_id, given[wish]) for wish in given if wish not in left])
    if taken:
        one = (
            update(PromotionRow.__table__)  # type: ignore[attr-defined]  # SQLModel does not declare it
            .where(col(PromotionRow.clinic_id) == bindparam("of"), col(PromotionRow.id) == bindparam("promotion"))
            .values(picked=col(PromotionRow.picked) + bindparam("places"))
        )
        rows = [{"of": clinic, "promotion": each, "places": places} for (clinic, each), places in taken.items()]
        await writing.execute(one, rows)
    return left


async def _rooms(writing: Writing, promotions: Collection[tuple[UUID, UUID]]) -> dict[tuple[UUID, UUID], int | None]:
    """Places left, None without a limit, of those that are still published; locked in one order."""
    names = keys(promotions)
    columns = (col(PromotionRow.clinic_id), col(PromotionRow.id), col(PromotionRow.stock) - col(PromotionRow.picked))
    found = (
        select(*columns)
        .join_from(names, PromotionRow, same_key(PromotionRow, names))
        .where(col(PromotionRow.state) == PromotionState.PUBLISHED.value)
        .order_by(col(PromotionRow.clinic_id), col(PromotionRow.id))
        .with_for_update(of=PromotionRow, key_share=True)
    )
    return {(clinic_id, promotion_id): room for clinic_id, promotion_id, room in await writing.execute(found)}


async def _take_back(writing: Writing, coupons: Sequence[tuple[UUID, UUID]]) -> None:
    if coupons:
        names = keys(coupons)
        await writing.execute(delete(Coupon).where(same_key(Coupon, names)), execution_options=UNTRACKED)
