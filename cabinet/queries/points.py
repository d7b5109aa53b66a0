"""Points: the clinic's programme, a patient's balance with the next tier, and the history of it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import BigInteger, ColumnElement, Select, case, cast, exists, func, select, tuple_
from sqlmodel import col

from cabinet.loyalty import Lot, PointsKind, Programme, Tier, balance_of, next_tier, tier_of
from cabinet.tables.loyalty import PointAccount, PointEntry, PointLot, ProgrammeRow
from core.database import Reading
from core.moments import Moment
from core.money import Money
from core.values import Int32, Int64, Value

MOST_TIERS = 10
MOST_LOTS = 50


class NextTier(Value):
    name: str
    points_left: Int64 = Field(description="How many more points must be earned to reach it.")


class Ending(Value):
    """Points that end together."""

    points: Int64
    expires_at: Moment


class PointsView(Value):
    """A patient's points: what can be spent, what was earned for tiers, which tier that is and which comes next."""

    balance: Int64
    worth: Money | None = Field(description="What one point takes off a bill; null where the clinic gives no points.")
    earned: Int64 = Field(description="Earned within the time that tiers count.")
    tier: str | None
    next_tier: NextTier | None
    ending: list[Ending] = Field(max_length=MOST_LOTS, description="What ends first on top.")


class PointEntryView(Value):
    """A line of the history: points in (above zero) or out, and why, where a person wrote it."""

    entry_id: UUID
    kind: PointsKind
    points: Int64
    reason: str
    at: Moment


class TierView(Value):
    name: str
    from_points: Int64


class ProgrammeView(Value):
    """What the clinic gives points for."""

    worth: Money
    basis_points: Int32
    per_visit: Int32
    life_days: Int32
    tiers: list[TierView] = Field(max_length=MOST_TIERS)
    tier_days: Int32
    referrer_points: Int32
    friend_points: Int32


def programme_of(row: ProgrammeRow) -> Programme:
    return Programme(
        worth=Money(amount_minor=row.worth_minor, currency=row.currency),
        basis_points=row.basis_points,
        per_visit=row.per_visit,
        life_days=row.life_days,
        tiers=tuple(Tier(each["name"], each["from_points"]) for each in row.tiers),
        tier_days=row.tier_days,
        referrer_points=row.referrer_points,
        friend_points=row.friend_points,
    )


async def programmes(reading: Reading, clinic_ids: list[UUID]) -> dict[UUID, Programme]:
    """The programmes of those of these clinics that have one."""
    if not clinic_ids:
        return {}
    statement = select(ProgrammeRow).where(col(ProgrammeRow.clinic_id) == func.any(clinic_ids))
    return {row.clinic_id: programme_of(row) for row in (await reading.execute(statement)).scalars()}


async def programme_view(reading: Reading) -> ProgrammeView | None:
    """The programme of the clinic of the scope."""
    row = (await reading.execute(select(ProgrammeRow))).scalar_one_or_none()
    if row is None:
        return None
    programme = programme_of(row)
    return ProgrammeView(
        worth=programme.worth,
        tiers=[TierView(name=tier.name, from_points=tier.from_points) for tier in programme.tiers],
        **{
            name: getattr(programme, name)
            for name in ("basis_points", "per_visit", "life_days", "tier_days", "referrer_points", "friend_points")
        },
    )


def points_balance(clinic_id: Any, patient_id: Any) -> Any:
    """SQL: the points of a patient that whoever looks may see, null for who never had any."""
    account = (col(PointAccount.clinic_id) == clinic_id, col(PointAccount.patient_id) == patient_id)
    lots = (col(PointLot.clinic_id) == clinic_id, col(PointLot.patient_id) == patient_id, col(PointLot.left_points) > 0)
    left = select(func.coalesce(func.sum(col(PointLot.left_points)), 0)).where(*lots).scalar_subquery()
    return case((exists().where(*account), cast(left, BigInteger)))


async def points(reading: Reading, clinic_id: UUID, patient_id: UUID, now: datetime) -> PointsView:
    """A patient's points at `now`; zeros for who never had any."""
    programme = (await programmes(reading, [clinic_id])).get(clinic_id)
    lots = await open_lots(reading, clinic_id, patient_id, now)
    tiers = programme.tiers if programme else ()
    since = programme.tiers_since(now) if programme else now
    earned = (await earned_since(reading, {(clinic_id, patient_id): since})).get((clinic_id, patient_id), 0)
    reached, ahead = tier_of(tiers, earned), next_tier(tiers, earned)
    return PointsView(
        balance=balance_of(lots, now),
        worth=programme.worth if programme else None,
        earned=earned,
        tier=reached.name if reached else None,
        next_tier=NextTier(name=ahead[0].name, points_left=ahead[1]) if ahead else None,
        ending=[Ending(points=lot.left, expires_at=lot.expires_at) for lot in lots[:MOST_LOTS]],
    )


async def open_lots(reading: Reading, clinic_id: UUID, patient_id: UUID, now: datetime | None = None) -> list[Lot]:
    """A patient's lots that hold something, what ends first on top; at `now` only those that still can be spent."""
    mine = [
        col(PointLot.clinic_id) == clinic_id,
        col(PointLot.patient_id) == patient_id,
        col(PointLot.left_points) > 0,
        *([] if now is None else [col(PointLot.expires_at) > now]),
    ]
    statement = select(PointLot).where(*mine).order_by(col(PointLot.expires_at), col(PointLot.id))
    return [Lot(row.id, row.left_points, row.expires_at) for row in (await reading.execute(statement)).scalars()]


async def lots_of(reading: Reading, causes: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """The lots that these causes, of (clinic_id, cause), earned."""
    statement = select(col(PointEntry.clinic_id), col(PointEntry.cause), col(PointEntry.lot_id)).where(
        col(PointEntry.clinic_id) == func.any(sorted({clinic_id for clinic_id, _ in causes})),
        col(PointEntry.cause) == func.any(sorted({cause for _, cause in causes})),
        col(PointEntry.kind) == PointsKind.ACCRUE.value,
    )
    rows = await reading.execute(statement)
    return {(clinic_id, cause): lot_id for clinic_id, cause, lot_id in rows}


async def earned_since(reading: Reading, since: dict[tuple[UUID, UUID], datetime]) -> dict[tuple[UUID, UUID], int]:
    """Points earned and not taken back by each (clinic_id, patient_id) from its moment on, in one statement.

    What was spent and what expired counts as earned; an accrual that was reversed does not.
    """
    if not since:
        return {}
    first = min(since.values())
    statement = (
        select(
            col(PointEntry.clinic_id),
            col(PointEntry.patient_id),
            func.array_agg(col(PointEntry.points)).label("points"),
            func.array_agg(col(PointEntry.at)).label("at"),
        )
        .where(
            tuple_(col(PointEntry.clinic_id), col(PointEntry.patient_id)).in_(sorted(since)),
            col(PointEntry.at) >= first,
            counts_as_earned(),
        )
        .group_by(col(PointEntry.clinic_id), col(PointEntry.patient_id))
    )
    return {
        (row.clinic_id, row.patient_id): sum(
            points for points, at in zip(row.points, row.at, strict=True) if at >= since[row.clinic_id, row.patient_id]
        )
        for row in await reading.execute(statement)
    }


def counts_as_earned() -> ColumnElement[bool]:
    """SQL: accruals, and what of them was taken back; points that came back from a bill were earned before."""
    taken_back = (col(PointEntry.kind) == PointsKind.REVERSE.value) & (col(PointEntry.points) < 0)
    return (col(PointEntry.kind) == PointsKind.ACCRUE.value) | taken_back


async def point_entries(
    reading: Reading, clinic_id: UUID, patient_id: UUID, after: tuple[datetime, UUID] | None, limit: int
) -> list[PointEntryView]:
    """A patient's history, newest first, on from the entry at `after`."""
    statement: Select[Any] = (
        select(PointEntry)
        .where(col(PointEntry.clinic_id) == clinic_id, col(PointEntry.patient_id) == patient_id)
        .order_by(col(PointEntry.at).desc(), col(PointEntry.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(tuple_(col(PointEntry.at), col(PointEntry.id)) < tuple_(*after))
    return [
        PointEntryView(entry_id=row.id, kind=PointsKind(row.kind), points=row.points, reason=row.reason, at=row.at)
        for row in (await reading.execute(statement)).scalars()
    ]
