"""Promotions that are shown to listed patients only, by the criteria of their lists."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from cabinet.promotion import Audience, PromotionState
from cabinet.tables.promotion import PromotionRow
from core.database import Reading

_A_DAY = timedelta(days=1)  # a day ends last in the west


@dataclass(frozen=True, slots=True)
class Listed:
    """One tree of criteria, as it is kept, and every promotion that has it."""

    criteria: dict[str, Any]
    ids: list[UUID]


async def listed_promotions(reading: Reading, now: datetime) -> list[Listed]:
    """What is published and not over anywhere, of every clinic in reach, always in the same order."""
    statement = (
        select(col(PromotionRow.criteria), func.array_agg(col(PromotionRow.id)).label("ids"))
        .where(
            col(PromotionRow.state) == PromotionState.PUBLISHED.value,
            col(PromotionRow.audience) == Audience.LISTED.value,
            col(PromotionRow.criteria).is_not(None),
            col(PromotionRow.ends_on) >= now.date() - _A_DAY,
        )
        .group_by(col(PromotionRow.criteria))
        .order_by(col(PromotionRow.criteria))
    )
    return [Listed(row.criteria, row.ids) for row in await reading.execute(statement)]
