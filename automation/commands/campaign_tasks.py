"""Whoever responded to a campaign becomes a task, once."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from automation.campaign import CampaignDraft, CampaignState, FollowUp, whose_of
from automation.commands.campaign_sends import RESPONSES_FOR
from automation.commands.tasks import UNTRACKED, make_tasks
from automation.queries.campaign_responses import waiting_responses
from automation.queries.campaigns import draft_of
from automation.tables import CampaignMember, CampaignRow
from automation.task import TaskDraft, TaskOrigin
from core.database import Sweeping
from core.events import Actor, ActorKind

EVERY = timedelta(minutes=1)


async def follow_up_campaign(sweeping: Sweeping, clinic_id: UUID, campaign_id: UUID, now: datetime, limit: int) -> int:
    """Make tasks of up to `limit` responses that are new; how many. An aborted campaign makes none any more.

    A response is seen within a minute or so, because each look asks all who were told and are no task yet.
    """
    due = select(CampaignRow).where(
        col(CampaignRow.clinic_id) == clinic_id, col(CampaignRow.id) == campaign_id, col(CampaignRow.follow_at) <= now
    )
    row = (await sweeping.execute(due.with_for_update(skip_locked=True))).scalar_one_or_none()
    if row is None:
        return 0
    draft = draft_of(row.definition)
    over = row.ends_at is None or now > row.ends_at + RESPONSES_FOR or row.state == CampaignState.ABORTED.value
    if over or draft.follow_up is None:
        row.follow_at = None
        return 0
    found = await _responses(sweeping, row, draft, draft.follow_up, limit)
    drafts = [(clinic_id, _task(draft, draft.follow_up, member_id, patient_id, now)) for member_id, patient_id in found]
    await make_tasks(sweeping, drafts, Actor(ActorKind.AUTOMATION), now)
    tasked = update(CampaignMember).where(
        col(CampaignMember.clinic_id) == clinic_id,
        col(CampaignMember.id) == func.any([member_id for member_id, _ in found]),
    )
    if found:
        await sweeping.execute(tasked.values(tasked_at=now), execution_options=UNTRACKED)
    row.follow_at = now if len(found) == limit else now + EVERY
    return len(found)


async def _responses(
    sweeping: Sweeping, row: CampaignRow, draft: CampaignDraft, follow_up: FollowUp, limit: int
) -> list[tuple[UUID, UUID]]:
    """(member, patient) of who responded, has not booked since, and is no task yet."""
    found = waiting_responses(row.clinic_id, row.id, draft, follow_up.on).limit(limit)
    statement = found.with_for_update(of=CampaignMember, skip_locked=True)
    return [(each[0], each[1]) for each in await sweeping.execute(statement)]


def _task(draft: CampaignDraft, follow_up: FollowUp, member_id: UUID, patient_id: UUID, now: datetime) -> TaskDraft:
    return TaskDraft(
        follow_up.kind, follow_up.title or "", now + timedelta(hours=follow_up.within_hours), TaskOrigin.CAMPAIGN,
        member_id, patient_id=patient_id, whose=whose_of(follow_up), description=draft.name, script=follow_up.script,
    )  # fmt: skip
