"""`/v1/staff/campaigns`: one thing said once to a group of patients, from the draft to what came of it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.campaign import CampaignDraft, campaign_faults
from automation.commands.campaigns import (
    CampaignAct,
    abort_campaign,
    change_campaign,
    confirm_campaign,
    fresh_act,
    launch_campaign,
    make_campaign,
    pause_campaign,
    resume_campaign,
    set_campaign_policy,
)
from automation.queries.campaign_previews import CampaignPreview, campaign_preview
from automation.queries.campaign_results import CampaignResults, campaign_results
from automation.queries.campaigns import CampaignPolicy, CampaignView, campaign, campaign_policy, campaigns
from automation.queries.segments import tag_faults
from core.errors import Invalid, NotFound
from core.values import Int32, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["campaigns"], route_class=StrictRoute)

Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]
Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]


class CampaignChange(Value):
    """The whole campaign anew, and the version that it was made from."""

    version: Annotated[Int32, Field(ge=1, examples=[1])]
    draft: CampaignDraft


class Campaigns(Value):
    items: list[CampaignView] = Field(max_length=200)
    next_cursor: str | None


@router.get("/campaigns", summary="Campaigns", operation_id="listCampaigns")
async def listed(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Campaigns:
    """All of the clinic, newest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "campaigns", call.clinic_id), cursor, limit,
        lambda place, most: campaigns(
            call.reading, call.clinic_id, clinical=_clinical(call), after=moment_and_id(place), limit=most
        ),
        lambda each: [each.made_at.isoformat(), str(each.campaign_id)],
    )  # fmt: skip
    return Campaigns(items=items, next_cursor=following)


@router.post("/campaigns", status_code=201, summary="Draft a campaign", operation_id="draftCampaign")
async def make(call: Writes, body: CampaignDraft) -> CampaignView:
    """Keep it; nothing is sent. What could not run one day is refused with its place."""
    act = fresh_act(call.clinic_id, call.staff.staff_id, call.now)
    await make_campaign(call.writing, act, body)
    return await _shown(call, act.campaign_id)


@router.post("/campaigns/preview", summary="Preview a campaign", operation_id="previewCampaign")
async def preview(call: Reads, body: CampaignDraft) -> CampaignPreview:
    """What it would be if it began now: for how many, reached how, at what cost, in which words. Nothing is stored."""
    if faults := [*campaign_faults(body), *await tag_faults(call.reading, call.clinic_id, body.criteria)]:
        raise Invalid(*faults)
    return await campaign_preview(call.reading, call.clinic_id, body, call.now, clinical=_clinical(call))


@router.get("/campaigns/{campaign_id}", summary="A campaign", operation_id="getCampaign")
async def one(call: Reads, campaign_id: UUID) -> CampaignView:
    """As it stands, with who asked for it and who confirmed it."""
    found = await campaign(call.reading, call.clinic_id, campaign_id, clinical=_clinical(call))
    if found is None:
        raise NotFound
    return found


@router.put("/campaigns/{campaign_id}", summary="Change a campaign", operation_id="changeCampaign")
async def change(call: Writes, campaign_id: UUID, body: CampaignChange) -> CampaignView:
    """Say all of it anew, as long as it is not launched. What was asked for is a draft again."""
    await change_campaign(call.writing, _act(call, campaign_id), body.version, body.draft)
    return await _shown(call, campaign_id)


@router.post("/campaigns/{campaign_id}/launch", summary="Launch a campaign", operation_id="launchCampaign")
async def launch(call: Writes, campaign_id: UUID) -> CampaignView:
    """It begins at its time, or at once. For more people than the clinic lets one person launch it is `asked`: another
    one is to confirm it."""
    await launch_campaign(call.writing, _act(call, campaign_id))
    return await _shown(call, campaign_id)


@router.post("/campaigns/{campaign_id}/confirm", summary="Confirm a campaign", operation_id="confirmCampaign")
async def confirm(call: Writes, campaign_id: UUID) -> CampaignView:
    """The second person's yes: of somebody who neither made it nor changed nor asked for it."""
    await confirm_campaign(call.writing, _act(call, campaign_id))
    return await _shown(call, campaign_id)


@router.post("/campaigns/{campaign_id}/pause", summary="Pause a campaign", operation_id="pauseCampaign")
async def pause(call: Writes, campaign_id: UUID) -> CampaignView:
    """Nothing more goes out until it goes on. Its end does not move."""
    await pause_campaign(call.writing, _act(call, campaign_id))
    return await _shown(call, campaign_id)


@router.post("/campaigns/{campaign_id}/resume", summary="Go on with a campaign", operation_id="resumeCampaign")
async def resume(call: Writes, campaign_id: UUID) -> CampaignView:
    """Where it stood; nobody is told twice."""
    await resume_campaign(call.writing, _act(call, campaign_id))
    return await _shown(call, campaign_id)


@router.post("/campaigns/{campaign_id}/abort", summary="Abort a campaign", operation_id="abortCampaign")
async def abort(call: Writes, campaign_id: UUID) -> CampaignView:
    """For ever, at any moment: from the answer on nothing more goes out but what a worker is sending just now."""
    await abort_campaign(call.writing, _act(call, campaign_id))
    return await _shown(call, campaign_id)


@router.get("/campaigns/{campaign_id}/results", summary="What a campaign came to", operation_id="getCampaignResults")
async def results(call: Reads, campaign_id: UUID) -> CampaignResults:
    """By arm, with intervals, beside the holdout; and why something was not sent."""
    found = await campaign(call.reading, call.clinic_id, campaign_id, clinical=True)
    if found is None:
        raise NotFound
    return await campaign_results(call.reading, call.clinic_id, found, call.now, clinical=_clinical(call))


@router.get("/campaign-policy", summary="When a second person is needed", operation_id="getCampaignPolicy")
async def policy(call: Reads) -> CampaignPolicy:
    """The clinic's own rule, or the usual one."""
    return await campaign_policy(call.reading, call.clinic_id)


@router.put("/campaign-policy", summary="Say when a second person is needed", operation_id="setCampaignPolicy")
async def set_policy(
    call: Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)], body: CampaignPolicy
) -> CampaignPolicy:
    """It counts for what is launched and what begins from now on."""
    await set_campaign_policy(call.writing, call.clinic_id, body, call.actor, call.now)
    return await campaign_policy(call.writing, call.clinic_id)


def _clinical(call: StaffReads | StaffWrites) -> bool:
    return Permission.READ_CLINICAL in call.staff.permissions


def _act(call: StaffWrites, campaign_id: UUID) -> CampaignAct:
    return CampaignAct(call.clinic_id, campaign_id, call.staff.staff_id, call.now)


async def _shown(call: StaffWrites, campaign_id: UUID) -> CampaignView:
    await call.writing.flush()
    found = await campaign(call.writing, call.clinic_id, campaign_id, clinical=_clinical(call))
    assert found is not None
    return found
