"""`/v1/staff/stranger-messages`: what came from addresses that are nobody's, or several people's."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from api.caller import StaffClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.ports import PortsHere
from api.saying import tell
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from chat.commands.told import post_as
from clinic.queries import patient_card
from core.clock import now
from core.errors import NotFound
from core.events import Actor, ActorKind
from core.values import Value
from identity.permissions import Permission
from push.commands.strangers import settle_stranger
from push.queries.strangers import StrangerMessage, stranger_messages

router = APIRouter(prefix="/v1/staff/stranger-messages", tags=["desk"], route_class=StrictRoute)


class StrangerMessages(Value):
    items: list[StrangerMessage] = Field(max_length=200)
    next_cursor: str | None


class Whose(Value):
    patient_id: UUID


@router.get("", summary="Messages of strangers", operation_id="listStrangerMessages")
async def listed(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.REPLY)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> StrangerMessages:
    """Oldest first; what nobody settles is forgotten after 30 days."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "stranger messages", call.clinic_id), cursor, limit,
        lambda place, most: stranger_messages(call.reading, call.clinic_id, after=id_of(place), limit=most),
        lambda item: [str(item.message_id)],
    )  # fmt: skip
    return StrangerMessages(items=items, next_cursor=following)


@router.post(
    "/{stranger_message_id}/patient", status_code=204, summary="Say whose it is", operation_id="assignStrangerMessage"
)
async def assign(ports: PortsHere, claims: StaffClaims, stranger_message_id: UUID, body: Whose) -> Response:
    """It moves into this patient's conversation, as theirs. The address stays nobody's: it may be others' phone."""
    at = now()
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.REPLY)
        if await patient_card(writing, body.patient_id) is None:
            raise NotFound
        actor = Actor(ActorKind.STAFF, staff.staff_id)
        told = await settle_stranger(writing, claims.clinic_id, stranger_message_id, body.patient_id, actor, at)
        sent = await post_as(writing, claims.clinic_id, told, body.patient_id, at)
    tell(ports, sent)
    return Response(status_code=204)


@router.delete("/{stranger_message_id}", status_code=204, summary="Put it away", operation_id="dismissStrangerMessage")
async def dismiss(call: Annotated[StaffWrites, staff_writes(Permission.REPLY)], stranger_message_id: UUID) -> Response:
    """It is nobody's: its words are forgotten."""
    await settle_stranger(call.writing, call.clinic_id, stranger_message_id, None, call.actor, call.now)
    return Response(status_code=204)
