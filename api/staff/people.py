"""`/v1/staff/people`, `/v1/staff/partner-apps`: who works here, which systems may push; and who no longer."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from clinic.commands import let_staff_go, tie_staff
from clinic.queries import Colleague, colleagues
from clinic.queries.people import MOST_TIED
from core.values import Value
from identity.commands import revoke_partner_app
from identity.permissions import Permission
from identity.queries import PartnerAppView, partner_apps

router = APIRouter(prefix="/v1/staff", tags=["people"], route_class=StrictRoute)

Knows = Annotated[StaffReads, staff_reads(Permission.MANAGE_STAFF)]
Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_STAFF)]


class Colleagues(Value):
    items: list[Colleague] = Field(max_length=200)
    next_cursor: str | None


class Branches(Value):
    branch_ids: list[UUID] = Field(
        max_length=MOST_TIED, description="Of the clinic; none: conversations of all branches are theirs."
    )


class PartnerApps(Value):
    items: list[PartnerAppView] = Field(max_length=200)
    next_cursor: str | None


@router.get("/people", summary="Who works here", operation_id="listStaff")
async def list_people(ports: PortsHere, call: Knows, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Colleagues:
    """Everybody who has not left, with what they may do, in the order in which they came."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "staff", call.clinic_id), cursor, limit,
        lambda place, most: colleagues(call.reading, after=id_of(place), limit=most),
        lambda colleague: [str(colleague.staff_id)],
    )  # fmt: skip
    return Colleagues(items=items, next_cursor=following)


@router.put("/people/{staff_id}/branches", status_code=204, summary="Tie somebody to branches", operation_id="tieStaff")
async def tie(call: Manages, staff_id: UUID, body: Branches) -> Response:
    """Say whose conversations are theirs: those of these branches, of none, and whatever is assigned to them. All else
    of the chat is from then on as if it were not there; their desks sit down anew within a second.
    """
    await tie_staff(call.writing, call.clinic_id, staff_id, body.branch_ids, call.actor, call.now)
    return Response(status_code=204)


@router.delete("/people/{staff_id}", status_code=204, summary="Let somebody go", operation_id="letStaffGo")
async def let_go(call: Manages, staff_id: UUID) -> Response:
    """End a person's work here: every desk they are signed in at is signed out at once. The last manager stays."""
    await let_staff_go(call.writing, call.clinic_id, staff_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/partner-apps", summary="The clinic's own systems", operation_id="listPartnerApps")
async def list_apps(ports: PortsHere, call: Knows, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> PartnerApps:
    """Every app that may push facts in, in the order in which they came; no secret is told."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "partner apps", call.clinic_id), cursor, limit,
        lambda place, most: partner_apps(call.reading, call.clinic_id, after=id_of(place), limit=most),
        lambda app: [str(app.app_id)],
    )  # fmt: skip
    return PartnerApps(items=items, next_cursor=following)


@router.delete(
    "/partner-apps/{app_id}", status_code=204, summary="Revoke a partner app", operation_id="revokePartnerApp"
)
async def revoke_app(call: Manages, app_id: UUID) -> Response:
    """Shut a partner app out: its secret and the tokens it holds stop at once."""
    await revoke_partner_app(call.writing, call.clinic_id, app_id, call.actor, call.now)
    return Response(status_code=204)
