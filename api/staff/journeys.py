"""`/v1/staff/journeys`: launch a journey, see who is on it, and why it reached somebody."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field

from api.strict import StrictRoute
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands import start_journey
from automation.queries.journeys import (
    MOST_ENROLMENTS,
    MOST_JOURNEYS,
    EnrolmentCard,
    JourneyCard,
    enrolments_of_patient,
    journey_cards,
)
from automation.templates import TEMPLATES, JourneyTemplate
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["journeys"], route_class=StrictRoute)


class JourneyLaunch(Value):
    template: JourneyTemplate


class Journeys(Value):
    items: list[JourneyCard] = Field(max_length=MOST_JOURNEYS)


class Enrolments(Value):
    items: list[EnrolmentCard] = Field(max_length=MOST_ENROLMENTS)


@router.post("/journeys", status_code=201, summary="Launch a journey", operation_id="launchJourney")
async def launch(
    call: Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)], body: JourneyLaunch
) -> JourneyCard:
    """A draft of a ready journey, published at once, unless it runs already or somebody is writing its next version.

    Who matches its segment is taken in from the next minute on.
    """
    return await start_journey(call.writing, call.clinic_id, TEMPLATES[body.template].draft("en"), call.now, call.actor)


@router.get("/journeys", summary="Journeys and their counts", operation_id="listJourneys")
async def journeys(call: Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]) -> Journeys:
    """The clinic's journeys, newest first, with how many are on each, left it, and came to its end."""
    return Journeys(
        items=await journey_cards(call.reading, clinical=Permission.READ_CLINICAL in call.staff.permissions)
    )


@router.get("/patients/{patient_id}/enrolments", summary="Journeys of a patient", operation_id="listEnrolments")
async def enrolments(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID
) -> Enrolments:
    """Which journeys this patient is or was on, where they stand, and the facts of today that speak for it.

    Being on a recall says what was not treated: a clinical fact. That it was read stays in the patient's events.
    """
    cards = await enrolments_of_patient(call.writing, call.clinic_id, patient_id, call.now)
    await call.note_read("enrolments", patient_id)
    return Enrolments(items=cards)
