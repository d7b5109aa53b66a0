"""`/v1/me/surveys`: what the clinic asks, and the one answer to it."""

from typing import Annotated
from uuid import UUID

from fastapi import Response
from pydantic import ConfigDict, Field

from api.patient.record import RecordRoutes
from api.transaction import PatientReads, PatientWrites, record_reads, record_writes
from automation.commands.surveys import answer_survey
from automation.queries.surveys import MOST_OPEN, InvitationView, asked, invitations
from automation.survey import MOST_QUESTIONS, SurveyReply
from clinic.household import AccessScope
from core.errors import NotFound
from core.values import Value

routes = RecordRoutes("surveys")


class OpenSurveys(Value):
    items: list[InvitationView] = Field(max_length=MOST_OPEN)


class SurveyAnswers(Value):
    model_config = ConfigDict(json_schema_extra={"examples": [{"answers": [{"question": "recommend", "number": 9}]}]})

    answers: list[SurveyReply] = Field(max_length=MOST_QUESTIONS)


@routes.get("/surveys", summary="My open surveys", operation_id="listMySurveys")
async def listed(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)]) -> OpenSurveys:
    """What I am asked and have not answered yet, each with the address for public reviews, whatever I answer."""
    return OpenSurveys(items=await invitations(call.reading, call.clinic_id, call.patient_id, call.now))


@routes.get("/surveys/{invitation_id}", summary="My survey", operation_id="getMySurvey")
async def one(call: Annotated[PatientReads, record_reads(AccessScope.CHAT)], invitation_id: UUID) -> InvitationView:
    """One asking, answered or not; what was answered is not shown again."""
    found = await invitations(call.reading, call.clinic_id, call.patient_id, call.now, invitation_id)
    if not found:
        raise NotFound
    return found[0]


@routes.post(
    "/surveys/{invitation_id}/answers", status_code=204, summary="Answer my survey", operation_id="answerMySurvey"
)
async def answer(
    call: Annotated[PatientWrites, record_writes(AccessScope.CHAT)], invitation_id: UUID, body: SurveyAnswers
) -> Response:
    """Once. The clinic reads it with the patient's name."""
    seen = await invitations(call.writing, call.clinic_id, call.patient_id, call.now, invitation_id)
    found = await asked(call.writing, call.clinic_id, invitation_id) if seen else None
    if found is None:
        raise NotFound
    await answer_survey(call.writing, call.clinic_id, found, body.answers, call.actor, call.now)
    return Response(status_code=204)
