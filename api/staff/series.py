"""`/v1/staff/patients/{patient_id}/series`: staff arranges pictures into protocols and shows them to the patient."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field

from api.caller import StaffClaims
from api.holders import to_staff
from api.media import PictureLink
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, id_of, page_of
from api.patient.series import SeriesPage
from api.ports import PortsHere
from api.series import SeriesComment, SeriesDescription, ViewCode
from api.sheets import linked_sheet
from api.strict import StrictRoute
from api.teeth import fdi_codes
from api.transaction import StaffWrites, scope_of, staff_reads, staff_writes, standing_staff
from api.viewer import LanguageHere
from cabinet.queries.plans import plan_stages
from clinic.queries import home_branch
from core import clock
from core.errors import Fault, Invalid, NotFound
from core.events import Actor, ActorKind, Happening, record
from core.values import Int32, Value
from identity.permissions import Permission
from media.commands.places import leave_out, put_picture, take_out
from media.commands.series import (
    SeriesTold,
    change_series,
    hide_series,
    make_series,
    release_series,
    remove_series,
)
from media.kinds import PictureKind
from media.queries.series import MOST_TEETH, SeriesDetail, series_detail, series_of
from media.series import MOST_VIEWS, PROTOCOLS, Protocol
from media.view_words import protocol_name, view_name

router = APIRouter(prefix="/v1/staff", tags=["series"], route_class=StrictRoute)

Looks = Annotated[StaffWrites, staff_writes(Permission.READ_MEDIA)]
Arranges = Annotated[StaffWrites, staff_writes(Permission.WRITE_MEDIA)]
View = Annotated[ViewCode, Path(description="A view of the protocol; of a free series a number from 1 to 60.")]


class ProtocolView(Value):
    """One view of a protocol and where it stands in the contact sheet."""

    view: str
    name: str
    kind: PictureKind | None
    row: Int32
    column: Int32
    teeth: list[str] = Field(max_length=MOST_TEETH)


class SeriesProtocol(Value):
    """`views` in the order in which they are taken and shown; none of a free series."""

    protocol: Protocol
    name: str
    views: list[ProtocolView] = Field(max_length=MOST_VIEWS)


class SeriesProtocols(Value):
    items: list[SeriesProtocol] = Field(max_length=len(Protocol))


class NewSeries(SeriesDescription):
    protocol: Protocol
    private: bool = Field(default=False, description="Hidden from those who may open a ward's record.")


class PlaceContent(Value):
    picture_id: UUID | None = Field(
        description="A picture of the same patient; null: this view is left out.",
        examples=["01980f3e-7c1a-7d2b-9c3d-4e5f60718293"],
    )


class SeriesRelease(Value):
    comment: SeriesComment | None = None


@router.get(
    "/series-protocols", summary="Protocols of series", operation_id="listSeriesProtocols",
    dependencies=[staff_reads(Permission.READ_MEDIA)],
)  # fmt: skip
async def protocols(language: LanguageHere) -> SeriesProtocols:
    """Which series there are and what belongs into each."""
    return SeriesProtocols(items=[_protocol(each, language) for each in Protocol])


def _protocol(protocol: Protocol, language: str) -> SeriesProtocol:
    views = [
        ProtocolView(
            view=view.code, name=view_name(view, language), kind=view.kind, row=view.row, column=view.column,
            teeth=list(view.teeth),
        )
        for view in PROTOCOLS.get(protocol, ())
    ]  # fmt: skip
    return SeriesProtocol(protocol=protocol, name=protocol_name(protocol, language), views=views)


@router.get("/patients/{patient_id}/series", summary="A patient's series", operation_id="listSeries")
async def list_all(
    ports: PortsHere, call: Looks, language: LanguageHere, patient_id: UUID, limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> SeriesPage:  # fmt: skip
    """All of them, latest first, also those that are not released. That they were looked up is recorded."""
    if await home_branch(call.writing, patient_id) is None:
        raise NotFound
    items, following = await page_of(
        List(ports.keys.secrets.cursor_key, "kept series", patient_id), cursor, limit,
        lambda place, most: series_of(
            call.writing, patient_id, language, shown=False, before=id_of(place), limit=most
        ),
        lambda series: [str(series.series_id)],
    )  # fmt: skip
    await call.note_read("series", patient_id)
    return SeriesPage(items=items, next_cursor=following)


@router.post("/patients/{patient_id}/series", status_code=201, summary="Begin a series", operation_id="makeSeries")
async def make(call: Arranges, language: LanguageHere, patient_id: UUID, body: NewSeries) -> SeriesDetail:
    """An empty series of this protocol; the patient does not see it yet."""
    told = await _told(call, patient_id, body)
    series_id = await make_series(
        call.writing, call.clinic_id, patient_id, body.protocol, told, call.actor, call.now, private=body.private
    )
    return await _detail(call, patient_id, series_id, language)


@router.get("/patients/{patient_id}/series/{series_id}", summary="A series", operation_id="getSeries")
async def one(call: Looks, language: LanguageHere, patient_id: UUID, series_id: UUID) -> SeriesDetail:
    """Every view in its order, also with pictures that wait or are not released. That it was looked up is recorded."""
    return await _detail(call, patient_id, series_id, language)


@router.put("/patients/{patient_id}/series/{series_id}", summary="Describe a series", operation_id="changeSeries")
async def change(
    call: Arranges, language: LanguageHere, patient_id: UUID, series_id: UUID, body: SeriesDescription
) -> SeriesDetail:
    """All that is said of it at once: what is absent is taken off. Its protocol stays."""
    told = await _told(call, patient_id, body)
    await change_series(call.writing, patient_id, series_id, told, call.actor, call.now)
    return await _detail(call, patient_id, series_id, language)


@router.delete(
    "/patients/{patient_id}/series/{series_id}", status_code=204, summary="Remove a series",
    operation_id="removeSeries",
)  # fmt: skip
async def remove(call: Arranges, patient_id: UUID, series_id: UUID) -> Response:
    """Forget the series; its pictures stay."""
    await remove_series(call.writing, patient_id, series_id, call.actor, call.now)
    return Response(status_code=204)


@router.put(
    "/patients/{patient_id}/series/{series_id}/views/{view}", summary="Put a picture into a view",
    operation_id="putSeriesView",
)  # fmt: skip
async def put(
    call: Arranges, language: LanguageHere, patient_id: UUID, series_id: UUID, view: View, body: PlaceContent
) -> SeriesDetail:
    """In place of what stood there; a picture that stood in another view of this series moves. Null leaves it out."""
    if body.picture_id is None:
        await leave_out(call.writing, patient_id, series_id, view, call.actor, call.now)
    else:
        await put_picture(call.writing, patient_id, series_id, view, body.picture_id, call.actor, call.now)
    return await _detail(call, patient_id, series_id, language)


@router.delete(
    "/patients/{patient_id}/series/{series_id}/views/{view}", summary="Empty a view", operation_id="emptySeriesView"
)
async def empty(call: Arranges, language: LanguageHere, patient_id: UUID, series_id: UUID, view: View) -> SeriesDetail:
    """The picture leaves the series and stays the patient's; the view is missing again."""
    await take_out(call.writing, patient_id, series_id, view, call.actor, call.now)
    return await _detail(call, patient_id, series_id, language)


@router.post(
    "/patients/{patient_id}/series/{series_id}/release", summary="Show a series to its patient",
    operation_id="releaseSeries",
)  # fmt: skip
async def release(
    call: Arranges, language: LanguageHere, patient_id: UUID, series_id: UUID, body: SeriesRelease
) -> SeriesDetail:
    """With all its pictures but those in quarantine, and a comment.

    Again changes the comment alone. A picture that is put in later is not shown before it is released itself.
    """
    await release_series(call.writing, patient_id, series_id, body.comment, call.actor, call.now)
    return await _detail(call, patient_id, series_id, language)


@router.post("/patients/{patient_id}/series/{series_id}/hide", summary="Hide a series", operation_id="hideSeries")
async def hide(call: Arranges, language: LanguageHere, patient_id: UUID, series_id: UUID) -> SeriesDetail:
    """The patient no longer sees the series. Its pictures stay as they are: each is hidden by itself."""
    await hide_series(call.writing, patient_id, series_id, call.actor, call.now)
    return await _detail(call, patient_id, series_id, language)


@router.post(
    "/patients/{patient_id}/series/{series_id}/links", summary="Open a contact sheet", operation_id="linkSeriesSheet"
)
async def link(
    ports: PortsHere, claims: StaffClaims, language: LanguageHere, patient_id: UUID, series_id: UUID
) -> PictureLink:
    """A link to all of it in one picture (WebP), also with what is not released; good for five minutes."""
    now = clock.now()
    async with ports.database.writing(scope_of(claims)) as writing:
        staff = await standing_staff(writing, claims, Permission.READ_MEDIA)
        if await series_detail(writing, patient_id, series_id, language, shown=False) is None:
            raise NotFound
        looked = Happening("series.read", patient_id, patient_id=patient_id)
        await record(writing, claims.clinic_id, Actor(ActorKind.STAFF, staff.staff_id), [looked], now)
    return await linked_sheet(ports, claims.clinic_id, patient_id, series_id, language, to_staff(claims), now)


async def _told(call: StaffWrites, patient_id: UUID, body: SeriesDescription) -> SeriesTold:
    """Raises `Invalid` for a plan or stage that the patient does not have."""
    if body.plan_id is not None:
        stages = await plan_stages(call.writing, patient_id, body.plan_id)
        if stages is None:
            raise Invalid(Fault("/plan_id", "unknown-reference"))
        if body.plan_stage is not None and body.plan_stage > stages:
            raise Invalid(Fault("/plan_stage", "unknown-reference"))
    told = body.model_dump(include=set(SeriesDescription.model_fields) - {"teeth"})
    return SeriesTold(**told, teeth=fdi_codes(body.teeth))


async def _detail(call: StaffWrites, patient_id: UUID, series_id: UUID, language: str) -> SeriesDetail:
    """With the trace of a look: a change answers with all that a look shows."""
    await call.writing.flush()
    found = await series_detail(call.writing, patient_id, series_id, language, shown=False)
    if found is None:
        raise NotFound
    await call.note_read("series", patient_id)
    return found
