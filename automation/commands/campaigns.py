"""Campaigns by hand: drafted, changed, asked for, confirmed by a second person, paused, gone on with, aborted.

Who may do what when stands under the lock of the campaign's row, which a worker holds too while it hands messages
over: what is paused or aborted here hands over nothing any more.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Select, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.campaign import CampaignDraft, CampaignState, Response, campaign_faults, whose_of
from automation.journey.clock import local_moment
from automation.queries.campaigns import CampaignPolicy, campaign_policy, draft_of, first_zone, promotion_fault
from automation.queries.segments import segment_preview, tag_faults
from automation.queries.teams import team_exists, who_work_here
from automation.tables import CampaignMember, CampaignPolicyRow, CampaignRow
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotAllowed, NotFound, Stale
from core.events import Actor, ActorKind, Happening, record
from core.ids import new_id
from push.commands.holding import hold_across, release_across

_S = CampaignState


class CampaignNotThere(Conflict):
    """In its state this cannot be done any more, or not yet."""

    slug = "campaign-not-there"


class SecondPersonNeeded(NotAllowed):
    """Who made, changed or asked for it does not confirm it."""

    slug = "second-person-needed"


@dataclass(frozen=True, slots=True)
class CampaignAct:
    """A colleague acts on one campaign of their clinic."""

    clinic_id: UUID
    campaign_id: UUID
    staff_id: UUID
    now: datetime


async def make_campaign(writing: Writing, act: CampaignAct, draft: CampaignDraft) -> None:
    """Keep a draft under `act.campaign_id`. Raises `Invalid`."""
    await _check(writing, act.clinic_id, draft)
    row = CampaignRow(
        clinic_id=act.clinic_id, id=act.campaign_id, definition=draft.model_dump(mode="json"), state=_S.DRAFT.value,
        made_at=act.now, made_by=act.staff_id, changed_at=act.now, changed_by=act.staff_id,
    )  # fmt: skip
    writing.add(row)
    await _tell(writing, act, "campaign.drafted")


async def change_campaign(writing: Writing, act: CampaignAct, version: int, draft: CampaignDraft) -> None:
    """Say all of it anew; what was asked for is a draft again. Raises `NotFound`, `Stale`, `CampaignNotThere`,
    `Invalid`."""
    row = await _locked(writing, act)
    if row.version != version:
        raise Stale
    _in_state(row, _S.DRAFT, _S.ASKED)
    await _check(writing, act.clinic_id, draft)
    row.definition, row.state = draft.model_dump(mode="json"), _S.DRAFT.value
    row.asked_at = row.asked_by = row.size = None
    _changed(row, act)
    row.changed_by = act.staff_id
    await _tell(writing, act, "campaign.changed")


async def launch_campaign(writing: Writing, act: CampaignAct) -> None:
    """Let it begin at its time, or ask for a second person where it is for more than the clinic lets one launch.

    Raises `NotFound`, `CampaignNotThere`, `Invalid`.
    """
    row = await _locked(writing, act)
    _in_state(row, _S.DRAFT)
    draft = draft_of(row.definition)
    await _check(writing, act.clinic_id, draft)
    begins_at = await _begins_at(writing, act, draft)
    row.size, _ = await segment_preview(writing, draft.criteria, act.now, 1)
    row.asked_at, row.asked_by = act.now, act.staff_id
    _changed(row, act)
    if row.size > (await campaign_policy(writing, act.clinic_id)).confirm_above:
        row.state = _S.ASKED.value
        await _tell(writing, act, "campaign.asked")
    else:
        await _launched(writing, act, row, begins_at)


async def confirm_campaign(writing: Writing, act: CampaignAct) -> None:
    """The second person's yes. Raises `NotFound`, `CampaignNotThere`, `SecondPersonNeeded`, `Invalid` where its time
    has passed meanwhile."""
    row = await _locked(writing, act)
    _in_state(row, _S.ASKED)
    if act.staff_id in {row.made_by, row.changed_by, row.asked_by}:
        raise SecondPersonNeeded
    begins_at = await _begins_at(writing, act, draft_of(row.definition))
    row.confirmed_at, row.confirmed_by = act.now, act.staff_id
    _changed(row, act)
    await _tell(writing, act, "campaign.confirmed")
    await _launched(writing, act, row, begins_at)


async def pause_campaign(writing: Writing, act: CampaignAct) -> None:
    """Nothing more goes out: what waits in the outbox is held too. Again changes nothing.

    Raises `NotFound`, `CampaignNotThere`. What a worker already holds is on its way.
    """
    row = await _locked(writing, act)
    _in_state(row, _S.LAUNCHED, _S.RUNNING, _S.PAUSED)
    if row.state != _S.PAUSED.value:
        row.state, row.next_at = _S.PAUSED.value, row.ends_at
        _changed(row, act)
        await hold_across(writing, causes_of(act.clinic_id, act.campaign_id))
        await _tell(writing, act, "campaign.paused")


async def resume_campaign(writing: Writing, act: CampaignAct) -> None:
    """Go on where it stood; its end does not move. Raises `NotFound`, `CampaignNotThere`."""
    row = await _locked(writing, act)
    _in_state(row, _S.PAUSED)
    row.state = _S.LAUNCHED.value if row.begun_at is None else _S.RUNNING.value
    row.next_at = max(row.begins_at or act.now, act.now) if row.begun_at is None else act.now
    _changed(row, act)
    await release_across(writing, causes_of(act.clinic_id, act.campaign_id), act.now)
    await _tell(writing, act, "campaign.resumed")


async def abort_campaign(writing: Writing, act: CampaignAct) -> None:
    """End it for ever: from this commit on nothing more goes out, and a worker takes back what waits in the outbox.

    Again changes nothing. Raises `NotFound`, `CampaignNotThere` where it is over.
    """
    row = await _locked(writing, act)
    _in_state(row, *set(_S) - {_S.FINISHED})
    if row.state != _S.ABORTED.value:
        begun = row.begun_at is not None
        row.state, row.next_at = _S.ABORTED.value, act.now if begun else None
        _changed(row, act)
        if begun:
            await hold_across(writing, causes_of(act.clinic_id, act.campaign_id))
        await _tell(writing, act, "campaign.aborted")


async def set_campaign_policy(
    writing: Writing, clinic_id: UUID, policy: CampaignPolicy, actor: Actor, now: datetime
) -> None:  # fmt: skip
    """It counts for what is launched, and for what begins, from now on."""
    news: dict[str, Any] = {"confirm_above": policy.confirm_above, "changed_at": now}
    fresh = insert(CampaignPolicyRow).values({"clinic_id": clinic_id, **news})
    await writing.execute(fresh.on_conflict_do_update(index_elements=["clinic_id"], set_=news))
    await record(writing, clinic_id, actor, [Happening("campaign_policy.changed", clinic_id)], now)


def causes_of(clinic_id: UUID, campaign_id: UUID) -> Select[UUID, UUID]:
    """SQL: the causes of everything that the campaign says."""
    mine = (col(CampaignMember.clinic_id) == clinic_id, col(CampaignMember.campaign_id) == campaign_id)
    return select(col(CampaignMember.clinic_id), col(CampaignMember.id)).where(
        *mine, col(CampaignMember.notice_id).is_not(None)
    )


def fresh_act(clinic_id: UUID, staff_id: UUID, now: datetime) -> CampaignAct:
    """Of a campaign that is about to be made."""
    return CampaignAct(clinic_id, new_id(), staff_id, now)


async def _locked(writing: Writing, act: CampaignAct) -> CampaignRow:
    named = (col(CampaignRow.clinic_id) == act.clinic_id, col(CampaignRow.id) == act.campaign_id)
    row = (await writing.execute(select(CampaignRow).where(*named).with_for_update())).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


def _in_state(row: CampaignRow, *states: CampaignState) -> None:
    if row.state not in {state.value for state in states}:
        raise CampaignNotThere


def _changed(row: CampaignRow, act: CampaignAct) -> None:
    row.version, row.changed_at = row.version + 1, act.now


async def _launched(writing: Writing, act: CampaignAct, row: CampaignRow, begins_at: datetime) -> None:
    row.state, row.begins_at, row.next_at = _S.LAUNCHED.value, begins_at, begins_at
    await _tell(writing, act, "campaign.launched")


async def _begins_at(writing: Writing, act: CampaignAct, draft: CampaignDraft) -> datetime:
    """Its time, or now. Raises `Invalid` for a time that is over, and for an offer that is not open then."""
    zone = await first_zone(writing, act.clinic_id)
    begins_at = act.now
    if draft.day is not None and draft.clock is not None:
        begins_at = local_moment(draft.day, draft.clock, zone)
        if begins_at < act.now:
            raise Invalid(Fault("/day", "not-ahead"))
    if draft.promotion_id is not None:
        today = begins_at.astimezone(ZoneInfo(zone)).date()
        coupons = _wants_coupons(draft)
        fault = await promotion_fault(writing, act.clinic_id, draft.promotion_id, today, with_coupon=coupons)
        if fault is not None:
            raise Invalid(Fault("/promotion_id", fault))
    return begins_at


def _wants_coupons(draft: CampaignDraft) -> bool:
    by = draft.winner is not None and draft.winner.by is Response.COUPON
    return by or (draft.follow_up is not None and Response.COUPON in draft.follow_up.on)


async def _check(writing: Writing, clinic_id: UUID, draft: CampaignDraft) -> None:
    faults = [*campaign_faults(draft), *await tag_faults(writing, clinic_id, draft.criteria)]
    if draft.follow_up is not None and not faults:
        whose = whose_of(draft.follow_up)
        if whose.assignee_id is not None and not await who_work_here(writing, clinic_id, [whose.assignee_id]):
            faults.append(Fault("/follow_up/assignee_id", "unknown-reference"))
        if whose.team_id is not None and not await team_exists(writing, clinic_id, whose.team_id):
            faults.append(Fault("/follow_up/team_id", "unknown-reference"))
    if faults:
        raise Invalid(*faults)


async def _tell(writing: Writing, act: CampaignAct, kind: str) -> None:
    actor = Actor(ActorKind.STAFF, act.staff_id)
    await record(writing, act.clinic_id, actor, [Happening(kind, act.campaign_id)], act.now)
