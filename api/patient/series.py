"""`/v1/me/series`: a patient's pictures in their known order, view by view, before and after side by side."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.caller import PatientClaims
from api.holders import to_opener
from api.media import PictureLink
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.record import RecordRoutes
from api.ports import PortsHere
from api.sheets import linked_sheet
from api.transaction import PatientReads, RecordAsked, record_opened, record_reads, scope_of
from api.viewer import LanguageHere
from clinic.household import AccessScope
from core import clock
from core.errors import NotFound
from core.values import Value
from media.queries.series import SeriesBrief, SeriesDetail, series_detail, series_of

routes = RecordRoutes("series")

Reads = Annotated[PatientReads, record_reads(AccessScope.VIEW_MEDIA)]


class SeriesPage(Value):
    items: list[SeriesBrief] = Field(max_length=200)
    next_cursor: str | None


@routes.get("/series", summary="My series of pictures", operation_id="listMySeries")
async def shown(
    ports: PortsHere, call: Reads, language: LanguageHere, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> SeriesPage:
    """Photo protocols and series of X-rays that the clinic released, latest first."""
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "shown series", call.patient_id), cursor, limit,
        lambda place, most: series_of(
            call.reading, call.patient_id, language, shown=True, before=id_of(place), limit=most
        ),
        lambda series: [str(series.series_id)],
    )  # fmt: skip
    return SeriesPage(items=items, next_cursor=following)


@routes.get("/series/{series_id}", summary="One of my series", operation_id="getMySeries")
async def one(call: Reads, language: LanguageHere, series_id: UUID) -> SeriesDetail:
    """Every view in its order: with its picture, or that it is missing or was left out. Pairs with the series before.

    A picture opens by a link of its own: `…/pictures/{picture_id}/links`.
    """
    found = await series_detail(call.reading, call.patient_id, series_id, language, shown=True)
    if found is None:
        raise NotFound
    return found


@routes.post("/series/{series_id}/links", summary="Open my contact sheet", operation_id="linkMySeriesSheet")
async def link(
    ports: PortsHere, claims: PatientClaims, asked: RecordAsked, language: LanguageHere, series_id: UUID
) -> PictureLink:
    """A link to all of it in one picture (WebP), names in the language asked for; good for five minutes."""
    now = clock.now()
    async with ports.database.reading(scope_of(claims)) as reading:
        opened = await record_opened(reading, claims, asked, now, AccessScope.VIEW_MEDIA)
    given_to = to_opener(claims, opened)
    return await linked_sheet(ports, claims.clinic_id, opened.patient_id, series_id, language, given_to, now)
