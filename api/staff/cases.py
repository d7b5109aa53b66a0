"""`/v1/staff/conversations/{conversation_id}/…`: what the desk does with the case a conversation is in."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field, model_validator

from api.caller import StaffClaims
from api.looks import note_look_at_chat
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffWrites, scope_of, staff_writes, standing_staff
from chat.case import HIGHEST_PRIORITY, MOST_LABELS, CaseState
from chat.commands import cases
from chat.desk_facts import Key, Label
from chat.log import Thread
from chat.queries import head_for_staff, log_head
from chat.queries.cases import MOST_CASES, CaseView, cases_of
from clinic.queries import StaffStanding
from core.clock import now
from core.database import Writing
from core.events import Actor, ActorKind
from core.moments import Moment
from core.values import Int32, Value
from identity.permissions import Permission
from identity.tokens import Claims

router = APIRouter(prefix="/v1/staff", tags=["cases"], route_class=StrictRoute)


class Cases(Value):
    items: list[CaseView] = Field(max_length=MOST_CASES)


class Assignment(Value):
    staff_id: UUID | None = Field(description="Null: nobody, it is open to all.")


class CaseStateWanted(Value):
    """`open`: at work, with whoever has it. `snoozed` needs `until`."""

    state: CaseState = Field(description="`open`, `snoozed` or `closed`.", examples=["closed"])
    until: Moment | None = Field(default=None, description="When a snoozed one comes back by itself.")

    @model_validator(mode="after")
    def _can_be_asked_for(self) -> Self:
        if self.state not in (CaseState.OPEN, CaseState.SNOOZED, CaseState.CLOSED):
            raise ValueError("not to be set")
        if (self.state is CaseState.SNOOZED) != (self.until is not None):
            raise ValueError("until belongs to snoozed")
        return self


class Sorting(Value):
    priority: Annotated[Int32, Field(ge=0, le=HIGHEST_PRIORITY)] = Field(default=0, examples=[2])
    topic: Key | None = Field(default=None, description="One of the desk's.", examples=["pain"])
    branch_id: UUID | None = Field(default=None, description="As the topic says, or as it is, if absent.")


class Labels(Value):
    labels: list[Label] = Field(max_length=MOST_LABELS, description="All of them, from the desk's list.")


Acting = Callable[[Writing, StaffStanding, Actor, datetime], Awaitable[CaseView]]


async def _act(ports: PortsHere, claims: Claims, conversation_id: UUID, act: Acting) -> CaseView:
    """One change in one transaction; the sockets of all nodes hear of it after its commit."""
    at = now()
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.REPLY)
        changed = await act(writing, staff, Actor(ActorKind.STAFF, staff.staff_id), at)
        head = await log_head(writing, claims.clinic_id, conversation_id)
    assert head is not None
    ports.hub.changed(Thread(claims.clinic_id, head.patient_id))
    return changed


@router.get("/conversations/{conversation_id}/cases", summary="Cases of a conversation", operation_id="listCases")
async def listed(call: Annotated[StaffWrites, staff_writes(Permission.REPLY)], conversation_id: UUID) -> Cases:
    """Its cases, the newest first, with what the patient said of them; only the first can be live."""
    head = await head_for_staff(call.writing, call.clinic_id, conversation_id, call.staff.staff_id)
    await note_look_at_chat(call, head.patient_id)
    return Cases(items=await cases_of(call.writing, call.clinic_id, conversation_id))


@router.post("/conversations/{conversation_id}/take", summary="Take a case", operation_id="takeCase")
async def take(ports: PortsHere, claims: StaffClaims, conversation_id: UUID) -> CaseView:
    """Make it yours. Of two who take it at once one has it; the other is told who, in `taken_by` of `case-taken`."""

    async def act(writing: Writing, staff: StaffStanding, actor: Actor, at: datetime) -> CaseView:
        return await cases.take(writing, claims.clinic_id, conversation_id, staff.staff_id, actor, at)

    return await _act(ports, claims, conversation_id, act)


@router.put("/conversations/{conversation_id}/assignment", summary="Assign a case", operation_id="assignCase")
async def assign(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: Assignment) -> CaseView:
    """Give it to a colleague who may answer patients, from whomever; or back to all."""
    return await _act(ports, claims, conversation_id, _told(cases.assign, claims, conversation_id, body.staff_id))


@router.put("/conversations/{conversation_id}/state", summary="Set a case's state", operation_id="setCaseState")
async def set_state(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: CaseStateWanted) -> CaseView:
    """Have it at work (also one that was closed: within a week it is the same case), put it off, or close it."""
    if body.state is CaseState.OPEN:
        act = _told(cases.open_case, claims, conversation_id)
    elif body.state is CaseState.CLOSED:
        act = _told(cases.close, claims, conversation_id)
    else:
        act = _told(cases.snooze, claims, conversation_id, body.until)
    return await _act(ports, claims, conversation_id, act)


@router.put("/conversations/{conversation_id}/sorting", summary="Sort a case", operation_id="sortCase")
async def sort(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: Sorting) -> CaseView:
    """How urgent it is, what it is about, and whose branch's."""
    values = (body.priority, body.topic or "", body.branch_id)
    return await _act(ports, claims, conversation_id, _told(cases.sort_case, claims, conversation_id, *values))


@router.put("/conversations/{conversation_id}/labels", summary="Label a case", operation_id="labelCase")
async def label(ports: PortsHere, claims: StaffClaims, conversation_id: UUID, body: Labels) -> CaseView:
    """Set its labels, all at once."""
    return await _act(ports, claims, conversation_id, _told(cases.label, claims, conversation_id, body.labels))


def _told(command: Callable[..., Awaitable[CaseView]], claims: Claims, conversation_id: UUID, *values: Any) -> Acting:
    async def act(writing: Writing, _: StaffStanding, actor: Actor, at: datetime) -> CaseView:
        return await command(writing, claims.clinic_id, conversation_id, *values, actor, at)

    return act
