"""`/v1/staff/journeys/{journey_id}`: a version with who stands where, and everything that is done with it."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api.staff.journey_drafts import Digest, JourneyCheck, checked
from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.enrolments import enter_by_hand
from automation.commands.publishing import UNDONE, Deed, pause, publish, publish_again, resume, stop
from automation.journey.words import MOST_STEPS, Carrying, JourneyState, TriggerKind
from automation.queries.journey_known import faults_here
from automation.queries.journey_versions import (
    MOST_VERSIONS,
    Choice,
    JourneyView,
    StepCount,
    VersionCard,
    journey_versions,
    one_journey,
    publishing_choices,
    step_counts,
)
from automation.queries.journeys import journey_row
from core.errors import Conflict, NotFound
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/journeys/{journey_id}", tags=["journeys"], route_class=StrictRoute)

Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]
Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]

MOST_PUT_ON = 1_000
_STALE: dict[int | str, dict[str, Any]] = {412: {"description": "A colleague changed it since you read it."}}
_EXAMPLE: dict[str, Any] = {"digest": "0" * 64, "carrying": "move"}


class WholeJourney(Value):
    version: JourneyView
    counts: list[StepCount] = Field(max_length=10 * MOST_STEPS)


class JourneyVersions(Value):
    items: list[VersionCard] = Field(max_length=MOST_VERSIONS)


class PublishingPreview(Value):
    check: JourneyCheck | None = Field(description="Null where the document is of a format that is read no more.")
    choices: list[Choice] = Field(max_length=len(Carrying))


class JourneyToPublish(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    digest: Digest
    carrying: Carrying = Field(default=Carrying.NEWCOMERS, description="What becomes of who is on an older version.")


class JourneyToBringBack(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"running_digest": "0" * 64, "carrying": "newcomers"}]})

    running_digest: Digest | None = Field(default=None, description="Of what runs now; absent where nothing does.")
    carrying: Carrying = Carrying.NEWCOMERS


class JourneyTakesNobody(Conflict):
    """It does not run, or people come in by its trigger alone."""

    slug = "journey-takes-nobody"


class PatientsToPutOn(Value):
    patient_ids: list[UUID] = Field(min_length=1, max_length=MOST_PUT_ON)


class PutOn(Value):
    """Of who came in."""

    enrolment_ids: list[UUID] = Field(max_length=MOST_PUT_ON)


@router.get("", summary="A journey", operation_id="getJourney")
async def one(call: Reads, journey_id: UUID) -> WholeJourney:
    """A version or draft: its document, and of each step how many stand on it and how often it was passed."""
    found = await one_journey(call.reading, call.clinic_id, journey_id)
    return WholeJourney(
        version=found, counts=await step_counts(call.reading, call.clinic_id, journey_id, clinical=_clinical(call))
    )


@router.get("/versions", summary="Versions of a journey", operation_id="listJourneyVersions")
async def versions(call: Reads, journey_id: UUID) -> JourneyVersions:
    """All of the journey that this one is of: a draft first, then the newest."""
    return JourneyVersions(
        items=await journey_versions(call.reading, call.clinic_id, journey_id, clinical=_clinical(call))
    )


@router.get("/publishing", summary="What publishing would do", operation_id="previewPublishing")
async def preview(call: Reads, journey_id: UUID) -> PublishingPreview:
    """For what it would be refused now, and how many patients each choice would leave, move, restart or let out."""
    found = await one_journey(call.reading, call.clinic_id, journey_id)
    check = None
    if found.journey is not None:
        check = checked(found.journey, await faults_here(call.reading, call.clinic_id, found.journey, call.now, UNDONE))
    choices = await publishing_choices(call.reading, call.clinic_id, journey_id, clinical=_clinical(call))
    return PublishingPreview(check=check, choices=choices)


@router.post("/publish", summary="Publish a draft", operation_id="publishJourney", responses=_STALE)
async def publish_draft(call: Writes, journey_id: UUID, body: JourneyToPublish) -> JourneyView:
    """It takes people in from the next minute on, in the place of the version before it, and never changes again.

    Refused with every fault of it. A journey that is halted stays halted.
    """
    return await publish(call.writing, _deed(call), journey_id, body.digest, body.carrying)


@router.post("/publish-again", summary="Bring a version back", operation_id="publishJourneyAgain", responses=_STALE)
async def bring_back(call: Writes, journey_id: UUID, body: JourneyToBringBack) -> JourneyView:
    """An earlier version runs again, under a new number."""
    return await publish_again(call.writing, _deed(call), journey_id, body.running_digest or "", body.carrying)


@router.post("/pause", summary="Halt a journey", operation_id="pauseJourney")
async def halt(call: Writes, journey_id: UUID) -> JourneyView:
    """Nobody comes in and nobody moves on until it is resumed. Older versions that run out go on."""
    return await pause(call.writing, _deed(call), journey_id)


@router.post("/resume", summary="Let a journey go on", operation_id="resumeJourney")
async def go_on(call: Writes, journey_id: UUID) -> JourneyView:
    """Whatever became due meanwhile is due now, within the journey's hours."""
    return await resume(call.writing, _deed(call), journey_id)


@router.post("/stop", summary="End a journey", operation_id="stopJourney")
async def end(call: Writes, journey_id: UUID) -> JourneyView:
    """For good: everybody is let out, whichever version they are on, and what waits to be sent is taken back."""
    return await stop(call.writing, _deed(call), journey_id)


def _clinical(call: StaffReads) -> bool:
    return Permission.READ_CLINICAL in call.staff.permissions


def _deed(call: StaffWrites) -> Deed:
    return Deed(call.clinic_id, call.actor, call.now)


@router.post("/patients", summary="Put patients on a journey", operation_id="putOnJourney")
async def put_on(call: Writes, journey_id: UUID, body: PatientsToPutOn) -> PutOn:
    """Of a journey that is entered by hand. Left out are who is on it, was lately, or does not match its criteria."""
    row = await journey_row(call.writing, call.clinic_id, journey_id)
    if row is None:
        raise NotFound
    if row.state != JourneyState.ACTIVE.value or row.definition["trigger"]["kind"] != TriggerKind.MANUAL.value:
        raise JourneyTakesNobody
    came = await enter_by_hand(call.writing, call.clinic_id, row.key, body.patient_ids, call.now)
    return PutOn(enrolment_ids=came)
