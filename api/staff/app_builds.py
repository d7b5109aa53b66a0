"""`/v1/staff/app-builds`: the clinic's apps: how they look, where their links lead, which versions are served."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from core.errors import NotFound
from core.values import Int32, Value
from identity.permissions import Permission
from push.app_build import BuildDraft
from push.commands.builds import end_build, make_build, replace_build
from push.queries.builds import BuildView, build_view, build_views

router = APIRouter(prefix="/v1/staff/app-builds", tags=["lines"], route_class=StrictRoute)

Reads = Annotated[StaffReads, staff_reads(Permission.MANAGE_CHANNELS)]
Writes = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CHANNELS)]


class BuildChange(Value):
    """The whole build anew, and the version that it was made from."""

    version: Annotated[Int32, Field(ge=1, examples=[1])]
    draft: BuildDraft


class Builds(Value):
    items: list[BuildView] = Field(max_length=200)
    next_cursor: str | None


@router.get("", summary="The clinic's apps", operation_id="listAppBuilds")
async def list_builds(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Builds:
    """In the order in which they were made. Their credentials are the lines of their name."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "app builds", call.clinic_id), cursor, limit,
        lambda place, most: build_views(call.reading, id_of(place), most),
        lambda build: [str(build.build_id)],
    )  # fmt: skip
    return Builds(items=items, next_cursor=following)


@router.post("", status_code=201, summary="Make an app build", operation_id="makeAppBuild")
async def make(call: Writes, body: BuildDraft) -> BuildView:
    """From now on the app is told this before anybody signs in."""
    return await make_build(call.writing, call.clinic_id, body, call.actor, call.now)


@router.get("/{build_id}", summary="An app build", operation_id="getAppBuild")
async def get_build(call: Reads, build_id: UUID) -> BuildView:
    """As it is now."""
    found = await build_view(call.reading, build_id)
    if found is None:
        raise NotFound
    return found


@router.put("/{build_id}", summary="Replace an app build", operation_id="replaceAppBuild")
async def replace(call: Writes, build_id: UUID, body: BuildChange) -> BuildView:
    """Versions below `minimum_version` register no phone any more: `app-too-old`."""
    return await replace_build(call.writing, call.clinic_id, build_id, body.version, body.draft, call.actor, call.now)


@router.delete("/{build_id}", status_code=204, summary="End an app build", operation_id="endAppBuild")
async def end(call: Writes, build_id: UUID) -> Response:
    """Its phones and its lines stay; any version of it will do from now on."""
    await end_build(call.writing, call.clinic_id, build_id, call.actor, call.now)
    return Response(status_code=204)
