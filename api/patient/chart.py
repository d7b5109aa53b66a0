"""`/v1/me/chart`: a patient's tooth chart, as data, as a picture and as what changed, now or on a date past."""

from datetime import date
from typing import Annotated

from fastapi import Query, Request, Response

from api.patient.record import RecordRoutes
from api.problems import language_of
from api.transaction import PatientReads, record_asked, record_reads
from cabinet.chart_changes import ChartChanges
from cabinet.chart_picture import Highlight, chart_svg
from cabinet.chart_words import word
from cabinet.odontogram import Odontogram
from cabinet.perio import PerioExamView
from cabinet.queries.chart import chart_changes, tooth_chart
from cabinet.queries.perio import perio_exam
from cabinet.tooth import Notation
from clinic.household import AccessScope
from core.moments import Day

routes = RecordRoutes("chart")

Reads = Annotated[PatientReads, record_reads(AccessScope.VIEW_CHART)]

FIRST, LAST = date(1900, 1, 1), date(2200, 1, 1)
On = Annotated[Day | None, Query(ge=FIRST, le=LAST, description="The date; today if absent.")]
Since = Annotated[Day, Query(ge=FIRST, le=LAST, description="The chart of this date is compared …")]
Until = Annotated[Day | None, Query(ge=FIRST, le=LAST, description="… with the chart of this one; today if absent.")]
In = Annotated[Notation, Query(description="How the teeth are named in the picture.")]
Lit = Annotated[Highlight | None, Query(description="`planned`: all but the teeth with planned work stands back.")]


class Svg(Response):
    media_type = "image/svg+xml"


def language_asked(request: Request) -> str:
    return language_of(request.headers.get("accept-language", ""))


def drawn(
    chart: Odontogram,
    language: str,
    notation: Notation,
    highlight: Highlight | None,
    on: date | None,
    *,
    own: bool = False,
) -> Svg:
    """The picture as it is sent, to patients (`own`: of themselves) and to staff alike; of a date past it bears it."""
    title = word("pattern", "title" if own else "teeth", language)
    dated = title if on is None else f"{title}, {on.isoformat()}"
    return Svg(chart_svg(chart, dated, language, notation, highlight), headers={"content-language": language})


@routes.get("/chart", summary="My tooth chart", operation_id="getMyChart")
async def teeth(call: Reads, request: Request, on: On = None) -> Odontogram:
    """Every tooth with its state, surfaces and work: healthy, treated, planned. Teeth are named in FDI, with their
    Universal and Palmer names beside; texts are in the language of Accept-Language."""
    return await tooth_chart(call.reading, call.patient_id, on, call.now, language_asked(request))


@routes.get("/chart.svg", summary="My tooth chart as a picture", operation_id="getMyChartPicture", response_class=Svg)
async def picture(
    call: Reads, request: Request, on: On = None, notation: In = Notation.FDI, highlight: Lit = None
) -> Svg:
    """The same chart as SVG with a legend and text alternatives, in the language of Accept-Language."""
    language = language_asked(request)
    chart = await tooth_chart(call.reading, call.patient_id, on, call.now, language)
    return drawn(chart, language, notation, highlight, on, own=record_asked(request) is None)


@routes.get("/chart/changes", summary="What changed in my teeth", operation_id="listMyChartChanges")
async def changed(call: Reads, request: Request, since: Since, until: Until = None) -> ChartChanges:
    """What changed between two dates, tooth by tooth and in words: what was found, treated, lost, came through."""
    return await chart_changes(call.reading, call.patient_id, since, until, language_asked(request), call.now)


@routes.get("/chart/perio", summary="My gums", operation_id="getMyPerioExam")
async def gums(call: Reads, request: Request, on: On = None) -> PerioExamView:
    """The examination of the gums that holds on a date: six sites of each tooth."""
    return await perio_exam(call.reading, call.patient_id, on, language_asked(request), call.now)
