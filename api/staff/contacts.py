"""`/v1/staff/contact-policy`, `/v1/staff/call-tasks`: the rules of reaching people, and whom to call."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from core.values import Value
from identity.permissions import Permission
from push.commands.call_tasks import CallOutcome, end_call_task, take_call_task
from push.commands.contacts import set_contact_policy
from push.queries.call_tasks import CallTaskView, call_tasks
from push.queries.contacts import ContactPolicy, contact_policy

router = APIRouter(prefix="/v1/staff", tags=["reaching"], route_class=StrictRoute)
MayCall = Annotated[StaffWrites, staff_writes(Permission.REPLY)]


class CallTasks(Value):
    items: list[CallTaskView] = Field(max_length=200)
    next_cursor: str | None


class CallEnd(Value):
    outcome: CallOutcome = Field(examples=["reached"])


@router.get("/contact-policy", summary="The rules of reaching people", operation_id="getContactPolicy")
async def policy(call: Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]) -> ContactPolicy:
    """The clinic's own, or the usual ones."""
    return await contact_policy(call.reading, call.clinic_id)


@router.put("/contact-policy", summary="Set the rules of reaching people", operation_id="setContactPolicy")
async def set_policy(
    call: Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)], body: ContactPolicy
) -> ContactPolicy:
    """All rules at once. They count from now on, also for what is queued; what a patient wishes stands above them."""
    await set_contact_policy(call.writing, call.clinic_id, body, call.actor, call.now)
    return await contact_policy(call.writing, call.clinic_id)


@router.get("/call-tasks", summary="Whom to call", operation_id="listCallTasks")
async def tasks(
    ports: PortsHere,
    call: Annotated[StaffReads, staff_reads(Permission.READ_CONTACT)],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> CallTasks:
    """Patients whom nothing else has reached, what must be said soonest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "call tasks", call.clinic_id), cursor, limit,
        lambda place, most: call_tasks(
            call.reading, call.clinic_id, call.now, after=moment_and_id(place), limit=most
        ),
        lambda each: [each.due_until.isoformat(), str(each.task_id)],
    )  # fmt: skip
    return CallTasks(items=items, next_cursor=following)


@router.post("/call-tasks/{call_task_id}/take", summary="Take a call", operation_id="takeCallTask")
async def take(call: MayCall, call_task_id: UUID) -> CallTaskView:
    """Say that you call now. Of two colleagues one gets it; taking one's own again changes nothing."""
    return await take_call_task(call.writing, call.clinic_id, call_task_id, call.staff.staff_id, call.actor, call.now)


@router.post("/call-tasks/{call_task_id}/done", summary="Say what came of a call", operation_id="endCallTask")
async def done(call: MayCall, call_task_id: UUID, body: CallEnd) -> CallTaskView:
    """Once. `not_wanted` does not withdraw a consent: write that down with the patient."""
    return await end_call_task(
        call.writing, call.clinic_id, call_task_id, call.staff.staff_id, body.outcome, call.actor, call.now
    )
