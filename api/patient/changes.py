"""`/v1/me/changes`: everything new since an app last asked, so that it can show a record without a network."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from pydantic import Field

from api.caller import PatientClaims
from api.paging import DEFAULT_LIMIT, Cursor, Limit, List, cursor_of, place_of
from api.patient.record import RecordRoutes
from api.ports import Ports, ports_of
from api.strict import DocumentRoute
from api.transaction import PatientReads, record_asked, record_opened, record_to_open, scope_of
from api.viewer import AskedZone, viewer_of
from cabinet.odontogram import Odontogram
from cabinet.plan_view import PlanView
from cabinet.queries.account import Account, account
from cabinet.queries.cards import MOST_CARDS, CardView, cards
from cabinet.queries.chart import tooth_chart
from cabinet.queries.coupons import MOST_COUPONS, CouponView, coupons
from cabinet.queries.documents import DocumentView, documents_named
from cabinet.queries.plans import plans_named
from cabinet.queries.points import PointsView, points
from cabinet.queries.promotions import MOST_PROMOTIONS, PromotionView, promotions
from clinic.household import AccessScope, Relation
from clinic.queries import Viewer, VisitView
from clinic.queries.changes import Mark, Marks, Place, marks_since
from clinic.queries.requests import RequestView, requests_named
from clinic.queries.visits import visits_named
from clinic.queries.waiting import MOST_ENTRIES, MOST_OFFERS, Entry, Offer, entries_of, offers_of
from core import clock
from core.errors import Gone
from core.values import Value
from media.attached import AttachedVoice
from media.queries import Picture, pictures_named, voices_named
from media.queries.series import SeriesDetail, series_named

routes = RecordRoutes("cabinet")


class ChangesStartOver(Gone):
    """The database was restored, or the caller sees more or less of the record than before: begin without a cursor."""

    slug = "changes-start-over"


class WaitingList(Value):
    """What is waited for and what was offered, latest first."""

    entries: list[Entry] = Field(max_length=MOST_ENTRIES)
    offers: list[Offer] = Field(max_length=MOST_OFFERS)


class Shown(Value):
    """The members a change may have: the one that `kind` names is there, the others are null."""

    account: Account | None = None
    cards: list[CardView] | None = Field(default=None, max_length=MOST_CARDS)
    chart: Odontogram | None = None
    coupons: list[CouponView] | None = Field(default=None, max_length=MOST_COUPONS)
    document: DocumentView | None = None
    picture: Picture | None = None
    plan: PlanView | None = Field(default=None, description="What is paid of it stands in `account`.")
    points: PointsView | None = None
    promotions: list[PromotionView] | None = Field(default=None, max_length=MOST_PROMOTIONS)
    request: RequestView | None = None
    series: SeriesDetail | None = None
    visit: VisitView | None = None
    voice: AttachedVoice | None = Field(default=None, description="A voice message; the thread says which.")
    waiting_list: WaitingList | None = None


class Changed(Shown):
    """One thing as it is now, in the member that `kind` names; `gone`: there is nothing of it to see any more.

    Visits, plans, pictures, voices, series, documents and requests come one by one, by their `id`. The other kinds
    come whole, by the patient's: what comes replaces everything the app holds of that kind. Skip a kind you do not
    know.
    """

    kind: str
    id: UUID
    gone: bool


class Changes(Value):
    """Everything that changed since the cursor; keep `next_cursor` for the next time. `more`: ask again at once."""

    items: list[Changed] = Field(max_length=200)
    next_cursor: str
    more: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Who reads, and how things are to be said."""

    call: PatientReads
    viewer: Viewer
    ports: Ports


One = Callable[[Asked, Collection[UUID]], Awaitable[dict[UUID, Any]]]
Whole = Callable[[Asked], Awaitable[Any]]


async def _visits(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    found = await visits_named(asked.call.reading, asked.call.patient_id, names, asked.viewer)
    return {visit.appointment_id: visit for visit in found}


async def _plans(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    call = asked.call
    found = await plans_named(call.reading, call.patient_id, names, call.now, with_account=False)
    return {plan.plan_id: plan for plan in found}


async def _pictures(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    found = await pictures_named(asked.call.reading, asked.call.patient_id, names)
    return {picture.picture_id: picture for picture in found}


async def _voices(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    return {voice.id: voice for voice in await voices_named(asked.call.reading, asked.call.patient_id, names)}


async def _series(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    found = await series_named(asked.call.reading, asked.call.patient_id, names, asked.viewer.language, shown=True)
    return {series.series_id: series for series in found}


async def _documents(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    found = await documents_named(asked.call.reading, asked.call.patient_id, names, asked.call.now)
    return {document.document_id: document for document in found}


async def _requests(asked: Asked, names: Collection[UUID]) -> dict[UUID, Any]:
    found = await requests_named(asked.call.reading, asked.call.patient_id, asked.call.scopes, names)
    return {request.request_id: request for request in found}


async def _chart(asked: Asked) -> Odontogram:
    return await tooth_chart(asked.call.reading, asked.call.patient_id, None, asked.call.now, asked.viewer.language)


async def _account(asked: Asked) -> Account | None:
    return await account(asked.call.reading, asked.call.patient_id, asked.call.now)


async def _promotions(asked: Asked) -> list[PromotionView]:
    return await promotions(asked.call.reading, asked.call.patient_id, asked.call.now)


async def _coupons(asked: Asked) -> list[CouponView]:
    return await coupons(asked.call.reading, asked.ports.keys.secrets, asked.call.patient_id, asked.call.now)


async def _cards(asked: Asked) -> list[CardView]:
    return await cards(asked.call.reading, asked.call.patient_id, asked.call.now)


async def _points(asked: Asked) -> PointsView:
    return await points(asked.call.reading, asked.call.clinic_id, asked.call.patient_id, asked.call.now)


async def _waiting_list(asked: Asked) -> WaitingList:
    reading, patient_id, now = asked.call.reading, asked.call.patient_id, asked.call.now
    return WaitingList(
        entries=await entries_of(reading, patient_id, now),
        offers=await offers_of(reading, patient_id, asked.viewer, now),
    )


# Of each kind: what somebody else's access must extend to (None: nothing in particular), and how it is read.
ONE_BY_ONE: dict[str, tuple[AccessScope | None, One]] = {
    "visit": (None, _visits),
    "plan": (AccessScope.VIEW_PLAN, _plans),
    "picture": (AccessScope.VIEW_MEDIA, _pictures),
    "voice": (AccessScope.CHAT, _voices),
    "series": (AccessScope.VIEW_MEDIA, _series),
    "document": (AccessScope.VIEW_DOCUMENTS, _documents),
    "request": (None, _requests),
}
WHOLE: dict[str, tuple[AccessScope | None, Whole]] = {
    "chart": (AccessScope.VIEW_CHART, _chart),
    "account": (AccessScope.PAY, _account),
    "promotions": (None, _promotions),
    "coupons": (None, _coupons),
    "cards": (AccessScope.PAY, _cards),
    "points": (AccessScope.PAY, _points),
    "waiting_list": (AccessScope.BOOK, _waiting_list),
}


_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_OVER: dict[int | str, dict[str, Any]] = {
    410: {"description": "Restored since, or the access has changed: begin without a cursor.", "content": _PROBLEM}
}


@routes.get(
    "/changes", summary="My changes", operation_id="listMyChanges", response_model=Changes, responses=_OVER,
    route_class_override=DocumentRoute,
)  # fmt: skip
async def changes(
    request: Request, claims: PatientClaims, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, zone: AskedZone = None
) -> Response:
    """Without a cursor: everything there is. With one: what changed since; what is gone comes as a tombstone.

    Something may come twice, never not at all: keep the latest copy by kind and id. The chat has a resume of its own.
    """
    ports, asked, now = ports_of(request), record_asked(request), clock.now()
    mine = List(ports.keys.secrets.cursor_key, "changes", asked or claims.subject_id)
    place = _place(place_of(mine, cursor))
    marks = await marks_since(
        ports.database, claims.clinic_id, claims.subject_id, claims.session_id, asked, place, limit + 1, now
    )
    if marks is None:
        async with ports.database.reading(scope_of(claims)) as reading:
            await record_to_open(reading, claims, asked, now)
        raise ChangesStartOver  # opened in between
    if cursor is not None and not _goes_on(place, marks):
        raise ChangesStartOver
    page, more = marks.items[:limit], len(marks.items) > limit
    following = cursor_of(mine, _text(_following(place, marks, page[-1] if more else None)))
    items = await _shown(ports, claims, viewer_of(request, zone), marks, page, now) if page else []
    told = Changes(items=items, next_cursor=following, more=more)
    return Response(told.model_dump_json(), media_type="application/json")


def _goes_on(place: Place, marks: Marks) -> bool:
    """Whether what the cursor saw is in this database's past: one that was put back from a snapshot knows less of it,
    though nobody said so."""
    seen = place.xid if place.horizon is None else place.horizon
    return (place.epoch, place.sight) == (marks.epoch, marks.sight) and seen <= marks.running


def _following(place: Place, marks: Marks, last: Mark | None) -> Place:
    """Where to go on: past the page's last mark while there is more, else where this walk's first page was read."""
    horizon = marks.running if place.horizon is None else place.horizon
    here = {"epoch": marks.epoch, "sight": marks.sight}
    if last is None:
        return Place(xid=horizon, **here)
    return Place(xid=last.xid, kind=last.kind, id=last.id, horizon=horizon, **here)


def _place(told: list[str] | None) -> Place:
    if told is None:
        return Place()
    xid, kind, thing, horizon, epoch, sight = told
    last = int(horizon) if horizon else None
    return Place(xid=int(xid), kind=kind, id=UUID(thing), horizon=last, epoch=epoch, sight=sight)


def _text(place: Place) -> list[str]:
    horizon = "" if place.horizon is None else str(place.horizon)
    return [str(place.xid), place.kind, str(place.id), horizon, place.epoch, place.sight]


async def _shown(
    ports: Ports, claims: PatientClaims, viewer: Viewer, marks: Marks, page: list[Mark], now: datetime
) -> list[Changed]:
    """The things behind the marks, read with one statement or two for each kind that is among them."""
    named: dict[str, list[UUID]] = defaultdict(list)
    for mark in page:
        named[mark.kind].append(mark.id)
    async with ports.database.reading(scope_of(claims)) as reading:
        opened = await record_opened(reading, claims, marks.patient_id, now)
        asked = Asked(PatientReads(reading, claims, opened.patient_id, now, opened.scopes), viewer, ports)
        found = {kind: await _of_kind(asked, kind, names, marks) for kind, names in named.items()}
    return [_changed(mark, found[mark.kind].get(mark.id)) for mark in page]


async def _of_kind(asked: Asked, kind: str, names: list[UUID], marks: Marks) -> dict[UUID, Any]:
    need, *_ = ONE_BY_ONE.get(kind) or WHOLE[kind]
    if need is not None and marks.relation is not Relation.SELF and need not in marks.scopes:
        return {}
    if kind in ONE_BY_ONE:
        return await ONE_BY_ONE[kind][1](asked, names)
    return dict.fromkeys(names, await WHOLE[kind][1](asked))


def _changed(mark: Mark, thing: Any) -> Changed:
    return Changed(kind=mark.kind, id=mark.id, gone=thing is None, **({} if thing is None else {mark.kind: thing}))
