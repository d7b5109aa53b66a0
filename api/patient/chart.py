"""`/v1/me/chart`: a patient's tooth chart, as data and as a picture, now or on a date past."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from api.problems import language_of
from api.strict import StrictRoute
from api.transaction import OwnReads, PatientReads, WardReads
from cabinet.chart_picture import chart_svg
from cabinet.chart_words import word
from cabinet.odontogram import Odontogram
from cabinet.queries.chart import tooth_chart
from core.moments import Day

router = APIRouter(tags=["chart"], route_class=StrictRoute)

On = Annotated[Day | None, Query(ge=date(1900, 1, 1), le=date(2200, 1, 1), description="The date; today if absent.")]


class Svg(Response):
    media_type = "image/svg+xml"


@router.get("/v1/me/chart", summary="My tooth chart", operation_id="getMyChart")
async def mine(call: OwnReads, on: On = None) -> Odontogram:
    """Every tooth with its state, surfaces and work: healthy, treated, planned. Teeth are named in FDI."""
    return await tooth_chart(call.reading, call.patient_id, on, call.now)


@router.get(
    "/v1/me/chart.svg", summary="My tooth chart as a picture", operation_id="getMyChartPicture", response_class=Svg
)
async def mine_drawn(call: OwnReads, request: Request, on: On = None) -> Svg:
    """The same chart as SVG with a legend and text alternatives, in the language of Accept-Language."""
    return await _drawn(call, request, on)


@router.get(
    "/v1/patients/{patient_id}/chart",  # noqa: FAST003  WardReads takes it
    summary="A ward's tooth chart",
    operation_id="getPatientChart",
)
async def wards(call: WardReads, on: On = None) -> Odontogram:
    """The chart of a record this account may open: own or a ward's."""
    return await tooth_chart(call.reading, call.patient_id, on, call.now)


@router.get(
    "/v1/patients/{patient_id}/chart.svg",  # noqa: FAST003  WardReads takes it
    summary="A ward's tooth chart as a picture",
    operation_id="getPatientChartPicture",
    response_class=Svg,
)
async def wards_drawn(call: WardReads, request: Request, on: On = None) -> Svg:
    """The chart of a record this account may open, as SVG."""
    return await _drawn(call, request, on)


async def _drawn(call: PatientReads, request: Request, on: date | None) -> Svg:
    language = language_of(request.headers.get("accept-language", ""))
    chart = await tooth_chart(call.reading, call.patient_id, on, call.now)
    picture = chart_svg(chart, word("pattern", "title", language), language)
    return Svg(picture, headers={"content-language": language})
