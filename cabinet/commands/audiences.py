"""Writes the lists of promotions that are for few; who belongs on them is told from above, as SQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, bindparam, exists, func, literal, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from cabinet.tables.promotion import PromotionListed, PromotionRow
from core.database import Writing


async def list_members(
    writing: Writing,
    promotion_ids: Sequence[UUID],
    members: Select[UUID, UUID],
    values: dict[str, Any],
    now: datetime,
    limit: int,
) -> int:
    """Put up to `limit` of `members` (clinic_id, patient_id) on the lists of these promotions; how many came.

    One statement. Running it twice, or from two workers at once, adds nobody: the key of the list decides.
    """
    member, promotions = members.subquery("member"), bindparam("promotions", type_=ARRAY(Uuid()))
    there = exists().where(
        col(PromotionListed.clinic_id) == member.c.clinic_id,
        col(PromotionListed.promotion_id) == PromotionRow.id,
        col(PromotionListed.patient_id) == member.c.patient_id,
    )
    missing = (
        select(member.c.clinic_id, col(PromotionRow.id), member.c.patient_id, literal(now))
        .join(PromotionRow, col(PromotionRow.clinic_id) == member.c.clinic_id)
        .where(col(PromotionRow.id) == func.any(promotions), ~there)
        .order_by(member.c.clinic_id, col(PromotionRow.id), member.c.patient_id)
        .limit(limit)
    )
    came = (
        insert(PromotionListed)
        .from_select(["clinic_id", "promotion_id", "patient_id", "listed_at"], missing, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(col(PromotionListed.patient_id))
        .cte("came")
    )
    counted = select(func.count()).select_from(came)
    found: int = (await writing.execute(counted, {**values, "promotions": list(promotion_ids)})).scalar_one()
    return found
