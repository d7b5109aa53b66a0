"""`/v1/staff/surveys`: what patients are asked, what they answered, and results of groups of five and more."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field

from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, moment_and_id, page_of
from api.ports import PortsHere
from api.strict import StrictRoute
from api.survey_links import survey_link
from api.transaction import StaffReads, StaffWrites, staff_reads, staff_writes
from automation.commands.surveys import Asking, ask_survey, end_survey, make_survey
from automation.queries.surveys import (
    MOST_ANSWERED,
    MOST_GROUPS,
    AnsweredSurveyView,
    GroupResult,
    ResultsBy,
    SurveyView,
    answers_of_patient,
    survey,
    survey_results,
    surveys,
)
from automation.survey import SurveyFacts
from clinic.queries import patient_card
from core.errors import Fault, Invalid, NotFound
from core.moments import Moment
from core.values import Value
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff", tags=["surveys"], route_class=StrictRoute)

Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_JOURNEYS)]
Reads = Annotated[StaffReads, staff_reads(Permission.WRITE_JOURNEYS)]

_EXAMPLE: dict[str, Any] = {
    "name": "After a visit", "about": "branch", "titles": [{"language": "en", "text": "How was it?"}],
    "questions": [
        {
            "key": "recommend", "kind": "nps",
            "texts": [{"language": "en", "text": "How likely would you recommend us?"}],
        }
    ],
}  # fmt: skip


class SurveyToMake(SurveyFacts):
    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class Surveys(Value):
    items: list[SurveyView] = Field(max_length=200)
    next_cursor: str | None


class SurveyResults(Value):
    items: list[GroupResult] = Field(max_length=MOST_GROUPS)


class SurveyToAsk(Value):
    client_id: UUID = Field(description="The caller's own name for it: said twice, the patient is asked once.")
    survey_id: UUID
    appointment_id: UUID | None = Field(default=None, description="Of this patient, and not a private one.")


class SurveyAsked(Value):
    invitation_id: UUID
    link: str = Field(description="Answers without signing in; hand it to this patient alone.")


class AnsweredSurveys(Value):
    items: list[AnsweredSurveyView] = Field(max_length=MOST_ANSWERED)


@router.get("/surveys", summary="Surveys", operation_id="listSurveys")
async def listed(ports: PortsHere, call: Reads, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None) -> Surveys:
    """The clinic's, newest first, also those that were ended."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "surveys", call.clinic_id), cursor, limit,
        lambda place, most: surveys(call.reading, call.clinic_id, after=moment_and_id(place), limit=most),
        lambda each: [each.made_at.isoformat(), str(each.survey_id)],
    )  # fmt: skip
    return Surveys(items=items, next_cursor=following)


@router.post("/surveys", status_code=201, summary="Make a survey", operation_id="makeSurvey")
async def make(call: Writes, body: SurveyToMake) -> SurveyView:
    """It never changes: for another wording make another one and end this."""
    return await make_survey(call.writing, call.clinic_id, body, call.actor, call.now)


@router.post("/surveys/{survey_id}/end", status_code=204, summary="End a survey", operation_id="endSurvey")
async def end(call: Writes, survey_id: UUID) -> Response:
    """Nobody is asked any more, and what was asked is not answered any more. Results stay."""
    await end_survey(call.writing, call.clinic_id, survey_id, call.actor, call.now)
    return Response(status_code=204)


@router.get("/surveys/{survey_id}/results", summary="Results of a survey", operation_id="getSurveyResults")
async def results(
    call: Reads,
    survey_id: UUID,
    since: Annotated[Moment, Query()],
    until: Annotated[Moment, Query()],
    by: Annotated[ResultsBy, Query()] = ResultsBy.CLINIC,
) -> SurveyResults:
    """By clinic, branch or practitioner. Of fewer than five people nothing is told, nor what would tell it."""
    if since >= until:
        raise Invalid(Fault("/until", "before-since"))
    found = await survey(call.reading, call.clinic_id, survey_id)
    if found is None:
        raise NotFound
    return SurveyResults(items=await survey_results(call.reading, call.clinic_id, found, by, since, until))


@router.post(
    "/patients/{patient_id}/survey-invitations", status_code=201, summary="Ask a patient", operation_id="askSurvey"
)
async def ask(
    ports: PortsHere, call: Annotated[StaffWrites, staff_writes(Permission.REPLY)], patient_id: UUID, body: SurveyToAsk
) -> SurveyAsked:
    """Tells the patient's phone where they agreed to it; the link may be handed over besides."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    asking = Asking(body.survey_id, patient_id, body.client_id, body.appointment_id)
    invitation_id = await ask_survey(call.writing, call.clinic_id, asking, call.actor, call.now)
    if invitation_id is None:
        raise Invalid(Fault("/survey_id", "not-to-be-asked"))
    return SurveyAsked(invitation_id=invitation_id, link=survey_link(ports, call.clinic_id, invitation_id))


@router.get(
    "/patients/{patient_id}/survey-answers", summary="What a patient answered", operation_id="listSurveyAnswers"
)
async def answers(
    call: Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)], patient_id: UUID
) -> AnsweredSurveys:
    """With every word, newest first. The patient is told of the look."""
    if await patient_card(call.writing, patient_id) is None:
        raise NotFound
    await call.note_read("survey_answers", patient_id)
    return AnsweredSurveys(items=await answers_of_patient(call.writing, call.clinic_id, patient_id))
