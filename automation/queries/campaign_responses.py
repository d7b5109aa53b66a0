"""What members of a campaign did after their turn had come, as SQL conditions on `CampaignMember`."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, false, func, literal, or_, select
from sqlmodel import col

from automation.campaign import HOLDOUT, CampaignDraft, Response
from automation.tables import CampaignMember
from cabinet.coupon import CouponState
from cabinet.promotion import Audience
from cabinet.tables.coupon import Coupon
from cabinet.tables.promotion import PromotionRow
from clinic.appointment import STANDING
from clinic.tables import Appointment
from core.database import Reading
from core.events import Event
from push.commands.standing import reached
from push.tables import NoticeRow

_A_YEAR = 365
_BOOKED = [f"appointment.{status.value}" for status in sorted(STANDING)]


def of_notice() -> ColumnElement[bool]:
    """SQL join condition of a member with what was said to them."""
    return and_(
        col(NoticeRow.clinic_id) == CampaignMember.clinic_id, col(NoticeRow.id) == col(CampaignMember.notice_id)
    )


def took_coupon(promotion_id: UUID | None) -> ColumnElement[bool]:
    """SQL: they picked up a coupon of the offer since, and it was not taken back."""
    if promotion_id is None:
        return false()
    return exists().where(
        col(Coupon.clinic_id) == CampaignMember.clinic_id,
        col(Coupon.promotion_id) == promotion_id,
        col(Coupon.patient_id) == CampaignMember.patient_id,
        col(Coupon.state) != CouponState.REVERSED.value,
        col(Coupon.picked_at) >= col(CampaignMember.handed_at),
    )


def booked_within(days: int) -> ColumnElement[bool]:
    """SQL: so soon after their turn a visit was booked that then lay ahead, whatever became of it."""
    return _happened(
        days, col(Event.kind).in_(_BOOKED), col(Appointment.clinic_id) == Event.clinic_id,
        col(Appointment.id) == Event.subject_id, col(Appointment.starts_at) > Event.at,
    )  # fmt: skip


def stopped_within(days: int, purpose: str) -> ColumnElement[bool]:
    """SQL: so soon after it they withdrew the consent that such messages need, on whatever channel."""
    said = func.jsonb_extract_path_text(col(Event.facts), "purpose")
    return _happened(days, col(Event.kind) == "consent.withdrawn", said == purpose)


def _happened(days: int, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    since: Any = col(CampaignMember.handed_at)
    return exists().where(
        col(Event.clinic_id) == CampaignMember.clinic_id, col(Event.patient_id) == CampaignMember.patient_id,
        col(Event.at) >= since, col(Event.at) < since + literal(timedelta(days=days)), *conditions,
    )  # fmt: skip


def responded(draft: CampaignDraft, wanted: list[Response]) -> ColumnElement[bool]:
    """SQL: they did one of these. Beside a member stands its notice (`of_notice`)."""
    known = {
        Response.OPENED: col(NoticeRow.opened_at).is_not(None), Response.COUPON: took_coupon(draft.promotion_id),
    }  # fmt: skip
    return or_(false(), *(known[each] for each in wanted))


async def arm_counts(
    reading: Reading, clinic_id: UUID, campaign_id: UUID, draft: CampaignDraft
) -> dict[str, tuple[int, int]]:
    """By arm to how many it was given so far, and how many of them did what the winner is found by."""
    assert draft.winner is not None
    did = func.count(case((responded(draft, [draft.winner.by]), 1)))
    statement = (
        select(col(CampaignMember.arm), func.count(), did)
        .select_from(CampaignMember)
        .outerjoin(NoticeRow, of_notice())
        .where(
            col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.campaign_id) == campaign_id,
            col(CampaignMember.handed_at).is_not(None), col(CampaignMember.arm) != HOLDOUT,
        )
        .group_by(col(CampaignMember.arm))
    )  # fmt: skip
    return {arm or "": (given, responses) for arm, given, responses in await reading.execute(statement)}


def standing_causes(clinic_id: UUID, campaign_id: UUID, reason: str, now: datetime) -> Select[UUID, UUID]:
    """SQL: the causes of what is still to be said, and of what failed and might be repeated; not of what was taken back
    for this `reason`."""
    failed = and_(col(NoticeRow.state) == "done", col(NoticeRow.expires_at) > now, ~reached())
    return (
        select(col(CampaignMember.clinic_id), col(CampaignMember.id))
        .join(NoticeRow, of_notice())
        .where(
            col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.campaign_id) == campaign_id,
            col(NoticeRow.reason) != reason, or_(col(NoticeRow.state) == "due", failed),
        )
    )  # fmt: skip


def told_of_offer(clinic_id: UUID, promotion_id: UUID, member_ids: list[UUID]) -> Select[UUID, UUID]:
    """SQL: the patients of these members who are told of an offer that is for listed patients only."""
    for_few = exists().where(
        col(PromotionRow.clinic_id) == clinic_id, col(PromotionRow.id) == promotion_id,
        col(PromotionRow.audience) == Audience.LISTED.value,
    )  # fmt: skip
    return select(col(CampaignMember.clinic_id), col(CampaignMember.patient_id)).where(
        col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.id) == func.any(member_ids),
        col(CampaignMember.arm) != HOLDOUT, for_few,
    )  # fmt: skip


def waiting_responses(
    clinic_id: UUID, campaign_id: UUID, draft: CampaignDraft, wanted: list[Response]
) -> Select[UUID, UUID]:
    """SQL: (member, patient) of who responded so, has not booked since, and is no task yet."""
    return (
        select(col(CampaignMember.id), col(CampaignMember.patient_id))
        .join(NoticeRow, of_notice())
        .where(
            col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.campaign_id) == campaign_id,
            col(CampaignMember.tasked_at).is_(None), responded(draft, wanted), ~booked_within(_A_YEAR),
        )
        .order_by(col(CampaignMember.id))
    )  # fmt: skip
