"""Points: accrued once for each cause, spent what ends first, expired, reversed; always under the account's lock."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_
from sqlmodel import col

from cabinet.commands.point_ledger import Account, book, entry, hold_accounts
from cabinet.loyalty import Drawn, PointsKind, Programme, drawn, taken_back, tier_of
from cabinet.queries.points import earned_since, open_lots, programmes
from cabinet.tables.loyalty import PointAccount, PointEntry, PointLot
from core.database import Sweeping, Writing
from core.errors import Conflict
from core.events import SYSTEM, Actor, Happening, record, record_across
from core.ids import new_id
from core.upsert import OWN_SOURCE, hold_source


class NotEnoughPoints(Conflict):
    slug = "not-enough-points"


class NoProgramme(Conflict):
    """The clinic has not said what its points are worth."""

    slug = "no-points-programme"


class PointsIdReused(Conflict):
    """Points were given or taken under this id before: others, or somebody else's."""

    slug = "points-id-reused"


@dataclass(frozen=True, slots=True)
class Accrual:
    """Points for one cause (`visit:…`, `mis:…`): it earns once, however often it is told.

    The visit or the payment (of the books) that earns them is named, so that they are hidden with it.
    """

    clinic_id: UUID
    patient_id: UUID
    cause: str
    points: int
    reason: str = ""
    visit_id: UUID | None = None
    payment_id: UUID | None = None
    private: bool = False


async def accrue(writing: Writing, accruals: Sequence[Accrual], actor: Actor, now: datetime) -> list[Accrual]:
    """Give points, of any number of patients and clinics with a fixed number of statements; those that were new.

    A cause that earned before is passed over. Clinics without a programme give nothing. Reaching a tier is an event.
    """
    wanted = [each for each in accruals if each.points > 0]
    by_clinic = await programmes(writing, sorted({each.clinic_id for each in wanted}))
    wanted = [each for each in wanted if each.clinic_id in by_clinic]
    if not wanted:
        return []
    await hold_accounts(writing, {(each.clinic_id, each.patient_id) for each in wanted})
    known = await _known_causes(writing, wanted)
    fresh = list({(each.clinic_id, each.cause): each for each in wanted if _key(each) not in known}.values())
    if not fresh:
        return []
    since = {(each.clinic_id, each.patient_id): by_clinic[each.clinic_id].tiers_since(now) for each in fresh}
    before = await earned_since(writing, since)
    lots = [(each, new_id()) for each in fresh]
    await writing.execute(
        insert(PointLot).execution_options(render_nulls=True),
        [_lot(each, lot_id, by_clinic, now) for each, lot_id in lots],
    )
    entries = [
        entry(each.clinic_id, each.patient_id, PointsKind.ACCRUE, Drawn(lot_id, each.points), each.cause, actor, now)
        | {"reason": each.reason}
        for each, lot_id in lots
    ]
    await book(writing, entries)
    happenings = [(each.clinic_id, _accrued(each, lot_id)) for each, lot_id in lots]
    await record_across(writing, actor, [*happenings, *_tiers_reached(fresh, before, by_clinic)], now)
    return fresh


def _key(accrual: Accrual) -> tuple[UUID, str]:
    return accrual.clinic_id, accrual.cause


async def _known_causes(writing: Writing, accruals: Sequence[Accrual]) -> set[tuple[UUID, str]]:
    statement = select(col(PointEntry.clinic_id), col(PointEntry.cause)).where(
        tuple_(col(PointEntry.clinic_id), col(PointEntry.cause)).in_(sorted({_key(each) for each in accruals})),
        col(PointEntry.kind) == PointsKind.ACCRUE.value,
    )
    return {(row.clinic_id, row.cause) for row in await writing.execute(statement)}


def _lot(each: Accrual, lot_id: UUID, by_clinic: dict[UUID, Programme], now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": each.clinic_id, "id": lot_id, "patient_id": each.patient_id, "points": each.points,
        "left_points": each.points, "expires_at": by_clinic[each.clinic_id].expires_at(now),
        "visit_id": each.visit_id, "payment_id": each.payment_id, "private": each.private,
    }  # fmt: skip


def _accrued(each: Accrual, lot_id: UUID) -> Happening:
    return Happening("points.accrued", lot_id, patient_id=each.patient_id, facts={"points": each.points})


def _tiers_reached(
    fresh: Sequence[Accrual], before: dict[Account, int], by_clinic: dict[UUID, Programme]
) -> Iterable[tuple[UUID, Happening]]:
    ordered = sorted(fresh, key=lambda each: (each.clinic_id, each.patient_id))
    for (clinic_id, patient_id), theirs in groupby(ordered, key=lambda each: (each.clinic_id, each.patient_id)):
        earned, tiers = before.get((clinic_id, patient_id), 0), by_clinic[clinic_id].tiers
        was, now_is = tier_of(tiers, earned), tier_of(tiers, earned + sum(each.points for each in theirs))
        if now_is is not None and now_is != was:
            facts = {"from_points": now_is.from_points}
            yield clinic_id, Happening("tier.reached", patient_id, patient_id=patient_id, facts=facts)


async def spend(
    writing: Writing, clinic_id: UUID, patient_id: UUID, points: int, cause: str, actor: Actor, now: datetime,
    reason: str = "",
) -> None:  # fmt: skip
    """Take points off, what ends first at the front. `cause` names this spending and no other.

    Raises `NotEnoughPoints`.
    """
    await hold_accounts(writing, {(clinic_id, patient_id)})
    out = drawn(await open_lots(writing, clinic_id, patient_id), points, now)
    if out is None:
        raise NotEnoughPoints
    entries = [
        entry(clinic_id, patient_id, PointsKind.SPEND, Drawn(each.lot_id, -each.points), cause, actor, now)
        | {"reason": reason}
        for each in out
    ]
    await book(writing, entries)
    spent = Happening("points.spent", patient_id, patient_id=patient_id, facts={"points": points})
    await record(writing, clinic_id, actor, [spent], now)


async def adjust(
    writing: Writing, clinic_id: UUID, patient_id: UUID, points: int, cause: str, reason: str, actor: Actor,
    now: datetime,
) -> None:  # fmt: skip
    """Give points by hand, or (below zero) take them; the same again changes nothing.

    Raises `NotEnoughPoints`, `PointsIdReused` for a cause that meant something else before. Those of a clinic take
    turns: two patients have two accounts, and one cause.
    """
    await hold_source(writing, "points", clinic_id, OWN_SOURCE)
    before = await _moved_by(writing, clinic_id, cause)
    if not before and points > 0:
        await accrue(writing, [Accrual(clinic_id, patient_id, cause, points, reason)], actor, now)
    elif not before:
        await spend(writing, clinic_id, patient_id, -points, cause, actor, now, reason)
    elif before != {patient_id: points}:
        raise PointsIdReused


async def _moved_by(writing: Writing, clinic_id: UUID, cause: str) -> dict[UUID, int]:
    statement = (
        select(col(PointEntry.patient_id), func.sum(col(PointEntry.points)).label("points"))
        .where(col(PointEntry.clinic_id) == clinic_id, col(PointEntry.cause) == cause)
        .group_by(col(PointEntry.patient_id))
    )
    return {row.patient_id: int(row.points) for row in await writing.execute(statement)}


async def unspend(writing: Writing, clinic_id: UUID, patient_id: UUID, cause: str, actor: Actor, now: datetime) -> int:
    """Give back what was spent for `cause`, into the lots it came from: with the end those had. Once; how many."""
    await hold_accounts(writing, {(clinic_id, patient_id)})
    entries = [
        entry(clinic_id, patient_id, PointsKind.REVERSE, Drawn(row.lot_id, -row.points), f"un{cause}", actor, now)
        for row in await _entries_of(writing, clinic_id, patient_id, PointsKind.SPEND, cause)
    ]
    await book(writing, entries)
    await _record_reversed(writing, clinic_id, patient_id, entries, actor, now)
    return sum(each["points"] for each in entries)


async def take_back(writing: Writing, taken: Accrual, cause: str, actor: Actor, now: datetime) -> int:
    """Take back points of what `taken.cause` earned, as far as any are left; how many those were.

    `cause` names this taking back and no other. What was spent already stays spent: whoever asks does so once, and
    leaves alone what is earned later.
    """
    clinic_id, patient_id = taken.clinic_id, taken.patient_id
    await hold_accounts(writing, {(clinic_id, patient_id)})
    earned = await _entries_of(writing, clinic_id, patient_id, PointsKind.ACCRUE, taken.cause)
    lot_id = earned[0].lot_id if earned else None
    out = taken_back(await open_lots(writing, clinic_id, patient_id), lot_id, taken.points)
    entries = [
        entry(clinic_id, patient_id, PointsKind.REVERSE, Drawn(each.lot_id, -each.points), cause, actor, now)
        for each in out
    ]
    await book(writing, entries)
    await _record_reversed(writing, clinic_id, patient_id, entries, actor, now)
    return sum(each.points for each in out)


async def _record_reversed(
    writing: Writing, clinic_id: UUID, patient_id: UUID, entries: Sequence[dict[str, Any]], actor: Actor, now: datetime
) -> None:
    if entries:
        total = sum(entry["points"] for entry in entries)
        happening = Happening("points.reversed", patient_id, patient_id=patient_id, facts={"points": total})
        await record(writing, clinic_id, actor, [happening], now)


async def _entries_of(
    writing: Writing, clinic_id: UUID, patient_id: UUID, kind: PointsKind, cause: str
) -> list[PointEntry]:
    statement = (
        select(PointEntry)
        .where(
            col(PointEntry.clinic_id) == clinic_id,
            col(PointEntry.patient_id) == patient_id,
            col(PointEntry.cause) == cause,
            col(PointEntry.kind) == kind.value,
        )
        .order_by(col(PointEntry.id))
    )
    return list((await writing.execute(statement)).scalars())


async def expire_points(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Write off the lots whose time is over, of up to `limit` accounts; how many accounts there were.

    The accounts are locked first and the lots read by a statement of its own, so that what a spending left is what
    expires. Accounts that somebody holds are passed over.
    """
    due = (
        select(col(PointLot.clinic_id), col(PointLot.patient_id))
        .where(col(PointLot.left_points) > 0, col(PointLot.expires_at) <= now)
        .group_by(col(PointLot.clinic_id), col(PointLot.patient_id))
        .limit(limit)
        .subquery("due")
    )
    held = (
        select(col(PointAccount.clinic_id), col(PointAccount.patient_id))
        .join(due, (due.c.clinic_id == PointAccount.clinic_id) & (due.c.patient_id == PointAccount.patient_id))
        .order_by(col(PointAccount.clinic_id), col(PointAccount.patient_id))
        .with_for_update(of=PointAccount, skip_locked=True)
    )
    accounts = [(row.clinic_id, row.patient_id) for row in await sweeping.execute(held)]
    if not accounts:
        return 0
    over = select(PointLot).where(
        tuple_(col(PointLot.clinic_id), col(PointLot.patient_id)).in_(accounts),
        col(PointLot.left_points) > 0,
        col(PointLot.expires_at) <= now,
    )
    entries = [
        entry(
            lot.clinic_id, lot.patient_id, PointsKind.EXPIRE, Drawn(lot.id, -lot.left_points),
            f"expiry:{now:%Y%m%dT%H%M%S%f}", SYSTEM, now,
        )
        for lot in (await sweeping.execute(over)).scalars()
    ]  # fmt: skip
    await book(sweeping, entries)
    ended = [(entry["clinic_id"], _expired(entry)) for entry in entries]
    await record_across(sweeping, SYSTEM, ended, now)
    return len(accounts)


def _expired(entry: dict[str, Any]) -> Happening:
    facts = {"points": entry["points"]}
    return Happening("points.expired", entry["lot_id"], patient_id=entry["patient_id"], facts=facts)
