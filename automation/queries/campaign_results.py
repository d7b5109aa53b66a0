"""What a campaign came to so far: by arm, and why something was not sent; two statements, whatever its size."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlmodel import col

from automation.campaign import MOST_ARMS, CampaignDraft
from automation.campaign_figures import ArmFigures, NotSent, Step, Uplift, arm_figures, told, uplift
from automation.queries.campaign_responses import booked_within, of_notice, stopped_within, took_coupon
from automation.queries.campaigns import CampaignView
from automation.tables import CampaignMember
from core.database import Reading
from core.errors import Fault, Invalid
from core.values import Int64, Value
from push.commands.standing import reached
from push.outcome import OPEN, DeliveryState
from push.tables import DeliveryRow, NoticeRow

MOST_REASONS = 100
_NOT_SENT = (DeliveryState.SUPPRESSED.value, DeliveryState.FAILED.value, DeliveryState.DEAD.value)


class CampaignResults(Value):
    """Counted from each one's own turn on, of the holdout too; bookings, stops and acts within the campaign's days."""

    audience: Int64 | None
    waiting: Int64 | None = Field(description="Whose turn has not come yet, or came too late.")
    arms: list[ArmFigures] = Field(max_length=MOST_ARMS + 1)
    not_sent: list[NotSent] = Field(max_length=MOST_REASONS)
    uplift: Uplift | None


async def campaign_results(
    reading: Reading, clinic_id: UUID, of: CampaignView, now: datetime, *, clinical: bool
) -> CampaignResults:
    """`of`: with all its counts, as who may read clinical facts sees it. Raises `Invalid` where it is read no more."""
    draft, campaign_id = of.campaign, of.campaign_id
    if draft is None:
        raise Invalid(Fault("/campaign", "no-longer-read"))
    rows = (await reading.execute(_by_arm(clinic_id, campaign_id, draft, now))).all()
    counts = {row.arm: {step: int(getattr(row, step.value)) for step in Step} for row in rows}
    handed = {row.arm: int(row.handed) for row in rows}
    reasons = await reading.execute(_reasons(clinic_id, campaign_id))
    not_sent = [
        NotSent(channel=channel, reason=reason, count=told(count, clinical=clinical))
        for channel, reason, count in reasons
    ]
    size, done = of.size or 0, sum(handed.values())
    return CampaignResults(
        audience=told(size, clinical=clinical), waiting=told(max(size - done, 0), clinical=clinical),
        arms=[arm_figures(arm, handed[arm], counts[arm], clinical=clinical) for arm in sorted(counts)],
        not_sent=not_sent,
        uplift=uplift({arm: (counts[arm][Step.BOOKED], handed[arm]) for arm in counts}, clinical=clinical),
    )  # fmt: skip


def _by_arm(clinic_id: UUID, campaign_id: UUID, draft: CampaignDraft, now: datetime) -> Select[Any]:
    days = draft.booked_within_days
    coupon, booked = took_coupon(draft.promotion_id), booked_within(days)
    conditions: dict[Step, ColumnElement[bool]] = {
        Step.SENT: reached(), Step.DELIVERED: _delivered(), Step.OPENED: col(NoticeRow.opened_at).is_not(None),
        Step.COUPON: coupon, Step.ACTED: or_(coupon, booked), Step.BOOKED: booked,
        Step.STOPPED: stopped_within(days, draft.purpose.value),
    }  # fmt: skip
    counts = [func.count(case((conditions[step], 1))).label(step.value) for step in Step]
    columns: list[Any] = [col(CampaignMember.arm).label("arm"), func.count().label("handed"), *counts]
    return (
        select(*columns)
        .select_from(CampaignMember)
        .outerjoin(NoticeRow, of_notice())
        .where(*_handed(clinic_id, campaign_id), col(CampaignMember.handed_at) <= now)
        .group_by(col(CampaignMember.arm))
    )


def _handed(clinic_id: UUID, campaign_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return (
        col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.campaign_id) == campaign_id,
        col(CampaignMember.handed_at).is_not(None),
    )  # fmt: skip


def _delivered() -> ColumnElement[bool]:
    return exists().where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == NoticeRow.id,
        col(DeliveryRow.delivered_at).is_not(None),
    )  # fmt: skip


def _reasons(clinic_id: UUID, campaign_id: UUID) -> Select[str, str, int]:
    """Of whom nothing has reached and nothing is still tried: by way and reason; of what went no way, its own."""
    went = and_(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == NoticeRow.id,
        col(DeliveryRow.state).in_(_NOT_SENT),
    )  # fmt: skip
    channel = func.coalesce(col(DeliveryRow.channel), "")
    reason = func.coalesce(func.nullif(col(DeliveryRow.reason), ""), col(NoticeRow.reason), "")
    waits = exists().where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == NoticeRow.id,
        col(DeliveryRow.state).in_([state.value for state in OPEN]),
    )  # fmt: skip
    return (
        select(channel, reason, func.count(col(CampaignMember.id).distinct()))
        .select_from(CampaignMember)
        .join(NoticeRow, of_notice())
        .outerjoin(DeliveryRow, went)
        .where(*_handed(clinic_id, campaign_id), col(NoticeRow.state) != "due", ~reached(), ~waits.correlate(NoticeRow))
        .group_by(channel, reason)
        .order_by(func.count(col(CampaignMember.id).distinct()).desc(), channel, reason)
        .limit(MOST_REASONS)
    )
