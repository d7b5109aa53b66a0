"""`/v1/staff/journey-drafts`: a journey is written, checked as often as one likes, changed and thrown away."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import ConfigDict, Field

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.drafts import change_draft, delete_draft, make_draft
from automation.commands.publishing import UNDONE
from automation.journey.document import Journey
from automation.journey.ways import reach
from automation.queries.journey_known import faults_here
from automation.queries.journey_versions import JourneyView
from core.errors import Fault
from core.values import Int32, Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["journeys"], route_class=StrictRoute)

MOST_FAULTS = 500
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="Of the document that you have read.")]

Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]
Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]

_EXAMPLE: dict[str, Any] = {
    "format": "enamel/journey/2", "key": "thanks", "name": "Thanks after a first visit", "purpose": "service",
    "trigger": {"kind": "date", "fact": "visit_done", "days": 1, "at": "10:00"}, "again_after_days": 365,
    "steps": [{"id": "thank", "kind": "message", "notice": "note"}],
}  # fmt: skip


class JourneyToWrite(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"journey": _EXAMPLE}]})

    journey: Journey


class JourneyToChange(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"digest": "0" * 64, "journey": _EXAMPLE}]})

    digest: Digest
    journey: Journey


class JourneyFault(Value):
    """What is wrong, and where in the document (RFC 6901)."""

    pointer: str = Field(max_length=500, examples=["/steps/3/next"])
    code: str = Field(max_length=100, examples=["not-a-later-step"])


class JourneyReach(Value):
    """What it may come to for one patient at most. Time that a step waits for a visit is not in `days`."""

    messages: Int32
    days: Int32
    around_visit: bool


class JourneyCheck(Value):
    """Without faults it can be published; with some there is no `reach`."""

    faults: list[JourneyFault] = Field(max_length=MOST_FAULTS)
    reach: JourneyReach | None


@router.post("/journey-drafts", status_code=201, summary="Write a journey", operation_id="makeJourneyDraft")
async def make(call: Writes, body: JourneyToWrite) -> JourneyView:
    """A new one, or, under the key of one that there is, its next version. Nobody is reached before it is published."""
    return await make_draft(call.writing, call.clinic_id, body.journey, call.actor, call.now)


@router.put("/journey-drafts/{journey_id}", summary="Change a draft", operation_id="changeJourneyDraft")
async def change(call: Writes, journey_id: UUID, body: JourneyToChange) -> JourneyView:
    """All of it anew, but its key. Refused where a colleague changed it since you read it."""
    return await change_draft(call.writing, call.clinic_id, journey_id, body.digest, body.journey, call.now)


@router.delete(
    "/journey-drafts/{journey_id}", status_code=204, summary="Throw a draft away", operation_id="deleteJourneyDraft"
)
async def delete(call: Writes, journey_id: UUID) -> Response:
    """What was published stays."""
    await delete_draft(call.writing, call.clinic_id, journey_id)
    return Response(status_code=204)


@router.post("/journeys/check", summary="Check a journey", operation_id="checkJourney")
async def check(call: Reads, body: JourneyToWrite) -> JourneyCheck:
    """For what it would be refused in this clinic now, and what it may come to for a patient; nothing is kept."""
    faults = await faults_here(call.reading, call.clinic_id, body.journey, call.now, UNDONE)
    return checked(body.journey, faults)


def checked(journey: Journey, faults: list[Fault]) -> JourneyCheck:
    told = [JourneyFault(pointer=each.pointer, code=each.code) for each in faults[:MOST_FAULTS]]
    if told:
        return JourneyCheck(faults=told, reach=None)
    most = reach(journey)
    return JourneyCheck(
        faults=[], reach=JourneyReach(messages=most.messages, days=most.days, around_visit=most.around_visit)
    )
