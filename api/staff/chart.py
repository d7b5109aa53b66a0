"""`/v1/staff/patients/{patient_id}/chart`: the tooth chart for those who treat; every look is recorded."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Request, status

from api.patient.chart import In, Lit, On, Since, Svg, Until, drawn, language_asked
from api.strict import StrictRoute
from api.transaction import StaffWrites, staff_writes
from cabinet.chart_changes import ChartChanges
from cabinet.commands.chart_entry import NewFinding, RecordedFinding, record_finding
from cabinet.odontogram import Odontogram
from cabinet.perio import PerioExamView
from cabinet.queries.chart import chart_changes, tooth_chart
from cabinet.queries.perio import perio_exam
from cabinet.tooth import Notation
from identity.permissions import Permission

router = APIRouter(prefix="/v1/staff/patients/{patient_id}", tags=["patients"], route_class=StrictRoute)

Reads = Annotated[StaffWrites, staff_writes(Permission.READ_CLINICAL)]
Writes = Annotated[StaffWrites, staff_writes(Permission.WRITE_CHART)]


@router.get("/chart", summary="A patient's tooth chart", operation_id="getChartAsStaff")
async def chart(call: Reads, request: Request, patient_id: UUID, on: On = None) -> Odontogram:
    """The chart on a date. That it was read, by whom and when, stays in the patient's events."""
    found = await tooth_chart(call.writing, patient_id, on, call.now, language_asked(request))
    await call.note_read("chart", patient_id)
    return found


@router.get(
    "/chart.svg",
    summary="A patient's tooth chart as a picture",
    operation_id="getChartPictureAsStaff",
    response_class=Svg,
)
async def picture(
    call: Reads, request: Request, patient_id: UUID, on: On = None, notation: In = Notation.FDI, highlight: Lit = None
) -> Svg:
    """The chart as the patient sees it."""
    language = language_asked(request)
    found = await tooth_chart(call.writing, patient_id, on, call.now, language)
    await call.note_read("chart", patient_id)
    return drawn(found, language, notation, highlight, on)


@router.get("/chart/changes", summary="What changed in a patient's teeth", operation_id="listChartChangesAsStaff")
async def changed(call: Reads, request: Request, patient_id: UUID, since: Since, until: Until = None) -> ChartChanges:
    """What changed between two dates, tooth by tooth and in words."""
    found = await chart_changes(call.writing, patient_id, since, until, language_asked(request), call.now)
    await call.note_read("chart", patient_id)
    return found


@router.get("/chart/perio", summary="A patient's gums", operation_id="getPerioExamAsStaff")
async def gums(call: Reads, request: Request, patient_id: UUID, on: On = None) -> PerioExamView:
    """The examination of the gums that holds on a date."""
    found = await perio_exam(call.writing, patient_id, on, language_asked(request), call.now)
    await call.note_read("chart", patient_id)
    return found


@router.post(
    "/findings",
    summary="Record a finding on a tooth",
    operation_id="recordFinding",
    status_code=status.HTTP_201_CREATED,
)
async def found(call: Writes, patient_id: UUID, finding: NewFinding) -> RecordedFinding:
    """Add a finding to the chart, or go on from one: `finding_id` names the finding that this corrects (same status)
    or continues (planned, then completed; `resolved`; `entered_in_error`). Findings of the clinic's own system are
    changed there."""
    return await record_finding(call.writing, call.clinic_id, patient_id, finding, call.actor, call.now)
