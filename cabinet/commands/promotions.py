"""Promotions: taken in from a clinic's own system, or made, published and ended here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Uuid, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.coupon import CouponState
from cabinet.promotion import Audience, PromotionState, Reduction, takes_less
from cabinet.promotion_facts import PromotionFact, PromotionTerms, columns_of
from cabinet.tables.coupon import Coupon
from cabinet.tables.promotion import PromotionRow
from clinic.commands import Taken, changed
from core.changes import EVERYBODY, Change
from core.database import Sweeping, Writing
from core.errors import Conflict, Fault, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from core.money import Money
from core.upsert import (
    OWN_SOURCE,
    Held,
    Incoming,
    Outcome,
    Upserted,
    content_hash,
    held_rows,
    upsert,
    verdict,
)


class PromotionOfAnotherSystem(Conflict):
    """The clinic's own system keeps it; here it is only read."""

    slug = "promotion-of-another-system"


class PromotionNotDraft(Conflict):
    """Only a draft can be published; what was ended stays so."""

    slug = "promotion-not-draft"


# How far behind and ahead of UTC a day can be.
_WEST, _EAST = timedelta(hours=12), timedelta(hours=14)


async def take_promotions(
    writing: Writing,
    clinic_id: UUID,
    source: str,
    facts: Sequence[tuple[int, PromotionFact]],
    actor: Actor,
    now: datetime,
) -> Taken:
    """Upsert promotions of a batch. One that would make coupons that are out worth less is a fault of its row."""
    rows = [Incoming(index, fact.external_id, fact.version, columns_of(fact)) for index, fact in facts]
    held = await held_rows(writing, PromotionRow, clinic_id, source, [row.external_id for row in rows], ())
    faults = await _broken_promises(writing, clinic_id, rows, held, now)
    kept = [row for row in rows if row.index not in faults]
    done = await upsert(writing, PromotionRow, clinic_id, source, kept, held, now)
    await record(writing, clinic_id, actor, [_promotion_event(each) for each in changed(done)], now)
    return done, faults


async def _broken_promises(
    writing: Writing, clinic_id: UUID, rows: Sequence[Incoming], held: dict[str, Held], now: datetime
) -> dict[int, Fault]:
    """The promotions are locked until the commit: a coupon is out before it is asked, or has the new terms."""
    newer = {
        held[row.external_id].id: row
        for row in rows
        if verdict(held.get(row.external_id), row.version, content_hash(row.columns)) is Outcome.UPDATED
    }
    if not newer:
        return {}
    mine = (col(PromotionRow.clinic_id) == clinic_id, col(PromotionRow.id).in_(newer))
    locked = select(PromotionRow).where(*mine).order_by(col(PromotionRow.id)).with_for_update()
    before = [reduction_of(row) for row in (await writing.execute(locked)).scalars()]
    told = {
        promotion_id: reduction_of(PromotionRow(id=promotion_id, **row.columns)) for promotion_id, row in newer.items()
    }
    less = [each.promotion_id for each in before if takes_less(told[each.promotion_id], each)]
    out = select(col(Coupon.promotion_id)).where(
        col(Coupon.clinic_id) == clinic_id,
        col(Coupon.promotion_id).in_(less),
        col(Coupon.state) == CouponState.PICKED.value,
        col(Coupon.expires_at) > now,
    )
    still_out = set((await writing.execute(out.distinct())).scalars()) if less else set()
    return {newer[promotion_id].index: Fault("/reduction", "coupons-out") for promotion_id in still_out}


def reduction_of(row: PromotionRow) -> Reduction:
    """What a promotion takes off a bill."""

    def money(minor: int | None) -> Money | None:
        return None if minor is None or row.currency is None else Money(amount_minor=minor, currency=row.currency)

    return Reduction(row.id, row.basis_points, money(row.amount_minor), money(row.minimum_minor), row.combinable)


def _promotion_event(done: Upserted) -> Happening:
    new = done.outcome is Outcome.CREATED
    return Happening("promotion.published" if new else "promotion.updated", done.id)


async def draft_promotion(
    writing: Writing, clinic_id: UUID, terms: PromotionTerms, criteria: dict[str, Any] | None, actor: Actor,
    now: datetime,
) -> UUID:  # fmt: skip
    """Keep a promotion that nobody sees yet; `criteria` make it one for listed patients only."""
    row_id = new_id()
    audience = Audience.ALL if criteria is None else Audience.LISTED
    row = PromotionRow(
        clinic_id=clinic_id, id=row_id, source=OWN_SOURCE, external_id=str(row_id), source_version=0,
        content_hash="", changed_at=now, state=PromotionState.DRAFT.value, audience=audience.value,
        criteria=criteria, **columns_of(terms),
    )  # fmt: skip
    writing.add(row)
    await record(writing, clinic_id, actor, [Happening("promotion.drafted", row_id)], now)
    return row_id


async def publish_promotion(writing: Writing, clinic_id: UUID, promotion_id: UUID, actor: Actor, now: datetime) -> None:
    """Show a draft to its audience. Raises `NotFound`, `PromotionOfAnotherSystem`, `PromotionNotDraft`."""
    await _move(writing, clinic_id, promotion_id, (PromotionState.DRAFT,), PromotionState.PUBLISHED, actor, now)


async def end_promotion(writing: Writing, clinic_id: UUID, promotion_id: UUID, actor: Actor, now: datetime) -> None:
    """Take it away before its last day; coupons that were picked up stay good. Ending again changes nothing.

    Raises `NotFound`, `PromotionOfAnotherSystem`.
    """
    before = (PromotionState.DRAFT, PromotionState.PUBLISHED, PromotionState.ENDED)
    await _move(writing, clinic_id, promotion_id, before, PromotionState.ENDED, actor, now)


async def tell_of_openings(sweeping: Sweeping, now: datetime) -> None:
    """Mark the offers of every clinic in which one begins today: no row changes when its first day does.

    Called each hour, it finds every branch's midnight; an app hears of the same list again on that day.
    """
    first, last = (now - _WEST).date(), (now + _EAST).date()
    begins = (
        select(
            col(PromotionRow.clinic_id), literal(EVERYBODY, Uuid()), literal("promotions"), literal(EVERYBODY, Uuid()),
            true(),
        )
        .where(col(PromotionRow.state) == PromotionState.PUBLISHED.value)
        .where(col(PromotionRow.starts_on).between(first, last))
        .distinct()
    )  # fmt: skip
    columns = ["clinic_id", "patient_id", "kind", "subject_id", "was_open"]
    await sweeping.execute(insert(Change).from_select(columns, begins).on_conflict_do_nothing())


async def _move(
    writing: Writing, clinic_id: UUID, promotion_id: UUID, before: tuple[PromotionState, ...], after: PromotionState,
    actor: Actor, now: datetime,
) -> None:  # fmt: skip
    """One conditional update decides; why it changed nothing is looked up only then."""
    ours = (col(PromotionRow.id) == promotion_id, col(PromotionRow.source) == OWN_SOURCE)
    allowed = col(PromotionRow.state).in_([state.value for state in before if state is not after])
    moved = update(PromotionRow).where(*ours, allowed).values(state=after.value, changed_at=now)
    if (await writing.execute(moved.returning(col(PromotionRow.id)))).scalar_one_or_none() is not None:
        await record(writing, clinic_id, actor, [Happening(f"promotion.{after.value}", promotion_id)], now)
        return
    row = await writing.get(PromotionRow, (clinic_id, promotion_id))
    if row is None:
        raise NotFound
    if row.source != OWN_SOURCE:
        raise PromotionOfAnotherSystem
    if PromotionState(row.state) not in before:
        raise PromotionNotDraft
