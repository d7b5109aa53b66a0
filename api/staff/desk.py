"""`/v1/staff/desk`: how the desk works and who is on its rota."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from chat.commands.desk import pause_turns, set_desk, set_rota
from chat.desk_facts import MOST_MEMBERS, DeskSettings, RotaMember
from chat.queries.desk import desk_settings, rota_of
from core.errors import NotFound
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/desk", tags=["desk"], route_class=StrictRoute)

Replies = Annotated[StaffReads, staff_reads(Permission.REPLY)]
Manages = Annotated[StaffWrites, staff_writes(Permission.MANAGE_CLINIC)]


class Rota(Value):
    members: list[RotaMember] = Field(max_length=MOST_MEMBERS)


class Duty(Value):
    paused: bool = Field(description="True: no new case for now.")


@router.get("", summary="The desk", operation_id="getDesk")
async def settings(call: Replies) -> DeskSettings:
    """How it works: who gets a case, working days, how soon to answer, labels, topics, away texts."""
    return await desk_settings(call.reading, call.clinic_id)


@router.put("", summary="Set up the desk", operation_id="setDesk")
async def change(call: Manages, body: DeskSettings) -> DeskSettings:
    """Say all of it anew; patients who wait already wait by the new times."""
    await set_desk(call.writing, call.clinic_id, body, call.actor, call.now)
    return await desk_settings(call.writing, call.clinic_id)


@router.get("/rota", summary="The rota", operation_id="getRota")
async def rota(call: Replies) -> Rota:
    """Among whom open cases go round, where `assigning` is `rotation`."""
    return Rota(members=await rota_of(call.reading, call.clinic_id))


@router.put("/rota", summary="Set the rota", operation_id="setRota")
async def change_rota(call: Manages, body: Rota) -> Rota:
    """Say all of it anew. Whoever stays keeps their turn; who is new comes first."""
    await set_rota(call.writing, call.clinic_id, body.members, call.actor, call.now)
    return Rota(members=await rota_of(call.writing, call.clinic_id))


@router.put("/duty", summary="Pause my turns", operation_id="setMyDuty")
async def pause(call: Annotated[StaffWrites, staff_writes(Permission.REPLY)], body: Duty) -> Duty:
    """Whoever is on the rota says that they are away, or back."""
    if not await pause_turns(call.writing, call.clinic_id, call.staff.staff_id, paused=body.paused):
        raise NotFound
    return body
