"""Campaigns as staff sees them, the clinic's rule for large ones, and what a worker is to look at."""

import json
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, ValidationError
from sqlalchemy import func, select
from sqlmodel import col

from automation.campaign import CampaignDraft, CampaignState
from automation.proportion import Finding
from automation.segment import told_size
from automation.tables import CampaignPolicyRow, CampaignRow
from cabinet.promotion import PromotionState
from cabinet.tables.promotion import PromotionRow
from clinic.tables import Branch
from core.database import Reading, Sweeping
from core.errors import Fault, Invalid
from core.moments import Moment
from core.values import Int32, Int64, Value
from push.notice import Purpose

USUAL_CONFIRM_ABOVE = 500


class CampaignView(Value):
    """`size` and `handed` are null where they may not be told: fewer than five, to who may not read clinical facts.

    `campaign` and `purpose` are null where it was written in a format that is read no more; it can be said anew.
    """

    campaign_id: UUID
    version: Int32
    state: CampaignState
    campaign: CampaignDraft | None
    purpose: Purpose | None = Field(description="What a patient must have agreed to.")
    size: Int64 | None = Field(description="Of the audience, as it was fixed; before that, as it was asked for.")
    handed: Int64 | None = Field(description="Of how many the turn has come.")
    made_at: Moment
    made_by: UUID
    changed_by: UUID
    asked_by: UUID | None
    confirmed_by: UUID | None
    begins_at: Moment | None
    begun_at: Moment | None
    ends_at: Moment | None
    decided_at: Moment | None
    finding: Finding | None = Field(description="What the comparison of the arms came to.")
    winner: str | None = Field(max_length=1, description="The arm that the rest gets.")


class CampaignPolicy(Value):
    confirm_above: Annotated[Int32, Field(ge=0)] = Field(
        description="A campaign for more people than this needs a second person.", examples=[500]
    )


def draft_of(definition: dict[str, Any]) -> CampaignDraft:
    """Raises `Invalid` for what was written in a format that is read no more."""
    draft = _parsed(definition)
    if draft is None:
        raise Invalid(Fault("/campaign", "no-longer-read"))
    return draft


def _parsed(definition: dict[str, Any]) -> CampaignDraft | None:
    try:
        return CampaignDraft.model_validate_json(json.dumps(definition))
    except ValidationError:
        return None


def campaign_view(row: CampaignRow, *, clinical: bool) -> CampaignView:
    draft = _parsed(row.definition)
    size = row.size if clinical or row.size is None else told_size(row.size)
    return CampaignView(
        campaign_id=row.id, version=row.version, state=CampaignState(row.state), campaign=draft,
        purpose=draft.purpose if draft else None, size=size, handed=row.handed if clinical else told_size(row.handed),
        made_at=row.made_at, made_by=row.made_by, changed_by=row.changed_by, asked_by=row.asked_by,
        confirmed_by=row.confirmed_by, begins_at=row.begins_at, begun_at=row.begun_at, ends_at=row.ends_at,
        decided_at=row.decided_at, finding=Finding(row.finding) if row.finding else None, winner=row.winner,
    )  # fmt: skip


async def campaigns(
    reading: Reading, clinic_id: UUID, *, clinical: bool, after: tuple[datetime, UUID] | None, limit: int
) -> list[CampaignView]:
    """Newest first, past the key `after`."""
    statement = select(CampaignRow).where(col(CampaignRow.clinic_id) == clinic_id)
    if after is not None:
        statement = statement.where(func.row(col(CampaignRow.made_at), col(CampaignRow.id)) < func.row(*after))
    ordered = statement.order_by(col(CampaignRow.made_at).desc(), col(CampaignRow.id).desc()).limit(limit)
    return [campaign_view(row, clinical=clinical) for row in (await reading.execute(ordered)).scalars()]


async def campaign(reading: Reading, clinic_id: UUID, campaign_id: UUID, *, clinical: bool) -> CampaignView | None:
    named = (col(CampaignRow.clinic_id) == clinic_id, col(CampaignRow.id) == campaign_id)
    statement = select(CampaignRow).where(*named).execution_options(populate_existing=True)
    row = (await reading.execute(statement)).scalar_one_or_none()
    return None if row is None else campaign_view(row, clinical=clinical)


async def campaign_policy(reading: Reading, clinic_id: UUID) -> CampaignPolicy:
    """The clinic's own, or the usual one."""
    mine = select(col(CampaignPolicyRow.confirm_above)).where(col(CampaignPolicyRow.clinic_id) == clinic_id)
    found = (await reading.execute(mine)).scalar_one_or_none()
    return CampaignPolicy(confirm_above=USUAL_CONFIRM_ABOVE if found is None else found)


async def first_zone(reading: Reading, clinic_id: UUID) -> str:
    """By whose clock a clinic's campaigns begin: that of its first branch."""
    statement = select(col(Branch.zone)).where(col(Branch.clinic_id) == clinic_id).order_by(col(Branch.id)).limit(1)
    return (await reading.execute(statement)).scalar_one_or_none() or "UTC"


async def promotion_fault(
    reading: Reading, clinic_id: UUID, promotion_id: UUID, today: date, *, with_coupon: bool
) -> str | None:  # fmt: skip
    """Why it cannot be offered by a campaign that begins on `today`; a stable code."""
    named = (col(PromotionRow.clinic_id) == clinic_id, col(PromotionRow.id) == promotion_id)
    row = (await reading.execute(select(PromotionRow).where(*named))).scalar_one_or_none()
    if row is None:
        return "unknown-reference"
    if row.state != PromotionState.PUBLISHED.value:
        return "not-published"
    if not row.starts_on <= today <= row.ends_on:
        return "not-open-then"
    return "without-coupon" if with_coupon and not row.with_coupon else None


async def due_campaigns(sweeping: Sweeping, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """(clinic_id, campaign_id) of those whose time has come, the longest due first."""
    return await _due(sweeping, CampaignRow.next_at, now, limit)


async def campaigns_to_follow(sweeping: Sweeping, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    """The same of those to be looked at for responses."""
    return await _due(sweeping, CampaignRow.follow_at, now, limit)


async def _due(sweeping: Sweeping, due_at: Any, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
    statement = select(col(CampaignRow.clinic_id), col(CampaignRow.id)).where(col(due_at) <= now)
    return [(row[0], row[1]) for row in await sweeping.execute(statement.order_by(col(due_at)).limit(limit))]
