"""What is known of series: their places with the pictures in them, how far each is, before and after side by side."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, and_, select
from sqlmodel import col

from core.database import Reading
from core.moments import Moment
from core.values import Int32, Value
from media.kinds import PictureKind, PictureState
from media.series import MOST_VIEWS, Phase, PlaceState, Progress, Protocol, View, pairs, progress, views_of
from media.sheet_content import SheetContent, SheetPlace
from media.tables import Picture, Series, SeriesView
from media.view_words import protocol_name, view_name

MOST_TEETH = 52


class PlacedPicture(Value):
    """A picture in its place; to a patient it is always ready and released. `blurhash` stands in while it loads."""

    picture_id: UUID
    kind: PictureKind
    state: PictureState
    released_at: Moment | None
    width: Int32 | None
    height: Int32 | None
    blurhash: str | None = Field(examples=["LEHV6nWB2yk8pyo0adR*.7kCMdnj"])
    taken_on: date | None


class SeriesPlace(Value):
    """One view of the series and where it stands in the contact sheet, counted from 1: the patient's right is left."""

    view: str = Field(examples=["upper-right-molars"])
    name: str = Field(description="In the language asked for.", examples=["Upper right molars"])
    kind: PictureKind | None = Field(description="What belongs here; null: either.")
    row: Int32
    column: Int32
    teeth: list[str] = Field(max_length=MOST_TEETH, description="FDI, as they stand in the picture from the left.")
    state: PlaceState
    picture: PlacedPicture | None


class SeriesBrief(Value):
    """A series in short: `taken` of `expected` views are there; what the clinic leaves out is not expected."""

    series_id: UUID
    protocol: Protocol
    protocol_name: str = Field(description="In the language asked for.", examples=["Orthodontic photos"])
    title: str = Field(description="The clinic's own, may be empty.")
    phase: Phase | None
    before_id: UUID | None = Field(description="The series this one is to be compared with, where it may be seen.")
    taken_on: date | None
    appointment_id: UUID | None
    plan_id: UUID | None
    plan_stage: Int32 | None
    teeth: list[str] = Field(max_length=MOST_TEETH, description="FDI.")
    made_at: Moment
    released_at: Moment | None
    comment: str | None = Field(description="The clinic's, to the patient.")
    private: bool
    taken: Int32
    expected: Int32
    left_out: Int32
    is_complete: bool
    cover: PlacedPicture | None = Field(description="The first picture in it.")


class SeriesPair(Value):
    """One view before and after."""

    view: str
    name: str
    before: PlacedPicture
    after: PlacedPicture


class SeriesDetail(SeriesBrief):
    """A series with every place in the protocol's order, and pairs with the series before it where both have a view."""

    places: list[SeriesPlace] = Field(max_length=MOST_VIEWS)
    pairs: list[SeriesPair] = Field(max_length=MOST_VIEWS)


@dataclass(frozen=True, slots=True)
class _Held:
    """What a place holds: a picture that may be seen, or that it is left out."""

    picture: Picture | None
    left_out: bool

    @property
    def state(self) -> PlaceState:
        # What stands in quarantine may never be a picture: somebody decides, or another one is taken.
        if self.picture is not None and self.picture.state != PictureState.QUARANTINED.value:
            return PlaceState.TAKEN
        return PlaceState.LEFT_OUT if self.left_out else PlaceState.MISSING


_NOTHING = _Held(None, left_out=False)
_Places = dict[str, _Held]


async def series_of(
    reading: Reading, patient_id: UUID, language: str, *, shown: bool, before: UUID | None, limit: int
) -> list[SeriesBrief]:
    """A patient's series, latest first, past the series `before`. `shown`: only what the patient may see, here and
    below."""
    past = [] if before is None else [col(Series.id) < before]
    rows = await _rows(reading, patient_id, *past, shown=shown, limit=limit)
    seen = await _seen(reading, patient_id, _earlier(rows), shown=shown)
    held = await _held(reading, [row.id for row in rows], shown=shown)
    return [SeriesBrief(**_brief(row, held[row.id], seen, language)) for row in rows]


async def series_named(
    reading: Reading, patient_id: UUID, names: Collection[UUID], language: str, *, shown: bool
) -> list[SeriesDetail]:
    """Those of these series that are the patient's, in full."""
    rows = await _rows(reading, patient_id, col(Series.id).in_(names), shown=shown, limit=len(names))
    seen = await _seen(reading, patient_id, _earlier(rows), shown=shown)
    held = await _held(reading, [*(row.id for row in rows), *seen], shown=shown)
    return [_detail(row, held, seen, language) for row in rows]


async def series_detail(
    reading: Reading, patient_id: UUID, series_id: UUID, language: str, *, shown: bool
) -> SeriesDetail | None:
    found = await series_named(reading, patient_id, [series_id], language, shown=shown)
    return found[0] if found else None


async def sheet_content(reading: Reading, series_id: UUID, *, shown: bool) -> SheetContent | None:
    """What the contact sheet of a series shows at this moment; None: there is no such series to be seen."""
    which = (col(Series.id) == series_id, *_released(shown=shown))
    row = (await reading.execute(select(Series).where(*which))).scalar_one_or_none()
    if row is None:
        return None
    held = (await _held(reading, [series_id], shown=shown))[series_id]
    protocol = Protocol(row.protocol)
    places = tuple(_sheet_place(view, held.get(view.code, _NOTHING)) for view in views_of(protocol, held))
    return SheetContent(
        row.patient_id, series_id, protocol, Phase(row.phase) if row.phase else None, row.taken_on, places
    )


def _sheet_place(view: View, held: _Held) -> SheetPlace:
    # A picture that waits or stands in quarantine has no preview.
    is_ready = held.picture is not None and held.picture.state == PictureState.READY.value
    return SheetPlace(view, held.state, held.picture.sha256 if held.picture is not None and is_ready else None)


async def series_row(reading: Reading, patient_id: UUID, series_id: UUID, *, for_update: bool = False) -> Series | None:
    """The row itself, for the commands of this package."""
    mine = select(Series).where(col(Series.id) == series_id, col(Series.patient_id) == patient_id)
    if for_update:
        mine = mine.with_for_update().execution_options(populate_existing=True)
    return (await reading.execute(mine)).scalar_one_or_none()


def _released(*, shown: bool) -> tuple[ColumnElement[bool], ...]:
    return (col(Series.released_at).is_not(None),) if shown else ()


async def _rows(
    reading: Reading, patient_id: UUID, *which: ColumnElement[bool], shown: bool, limit: int
) -> Sequence[Series]:
    mine = select(Series).where(col(Series.patient_id) == patient_id, *which, *_released(shown=shown))
    return (await reading.execute(mine.order_by(col(Series.id).desc()).limit(limit))).scalars().all()


def _earlier(rows: Sequence[Series]) -> set[UUID]:
    return {row.before_id for row in rows if row.before_id is not None}


async def _seen(reading: Reading, patient_id: UUID, names: Collection[UUID], *, shown: bool) -> set[UUID]:
    if not names:
        return set()
    mine = (col(Series.patient_id) == patient_id, col(Series.id).in_(names), *_released(shown=shown))
    return set((await reading.execute(select(col(Series.id)).where(*mine))).scalars())


async def _held(reading: Reading, names: Collection[UUID], *, shown: bool) -> dict[UUID, _Places]:
    """What the places of these series hold, in one statement. A picture of another patient is never among it."""
    held: dict[UUID, _Places] = defaultdict(dict)
    if not names:
        return held
    seen = [col(Picture.state) == PictureState.READY.value, col(Picture.released_at).is_not(None)] if shown else []
    of_it = (col(Picture.clinic_id) == SeriesView.clinic_id, col(Picture.id) == SeriesView.picture_id)
    whose = and_(col(Series.clinic_id) == SeriesView.clinic_id, col(Series.id) == SeriesView.series_id)
    statement = (
        select(col(SeriesView.series_id), col(SeriesView.view), col(SeriesView.left_out), Picture)
        .join(Series, whose)
        .outerjoin(Picture, and_(*of_it, col(Picture.patient_id) == Series.patient_id, *seen))
        .where(col(SeriesView.series_id).in_(names))
    )
    for series_id, view, left_out, picture in await reading.execute(statement):
        held[series_id][view] = _Held(picture, left_out)
    return held


def _brief(row: Series, held: _Places, seen: Collection[UUID], language: str) -> dict[str, Any]:
    protocol = Protocol(row.protocol)
    in_order = [held.get(view.code, _NOTHING) for view in views_of(protocol, held)]
    told = ("title", "taken_on", "appointment_id", "plan_id", "plan_stage", "teeth", "made_at")
    return {
        **{name: getattr(row, name) for name in (*told, "released_at", "comment", "private")},
        **_counts(progress(each.state for each in in_order)),
        "series_id": row.id,
        "before_id": row.before_id if row.before_id in seen else None,
        "protocol": protocol,
        "protocol_name": protocol_name(protocol, language),
        "phase": Phase(row.phase) if row.phase else None,
        "cover": next((_picture(each.picture) for each in in_order if each.picture is not None), None),
    }


def _counts(far: Progress) -> dict[str, Any]:
    counts = {"taken": far.taken, "expected": far.expected, "left_out": far.left_out}
    return {**counts, "is_complete": far.is_complete}


def _detail(row: Series, by_series: dict[UUID, _Places], seen: Collection[UUID], language: str) -> SeriesDetail:
    held = by_series[row.id]
    earlier = by_series[row.before_id] if row.before_id is not None and row.before_id in seen else {}
    views = views_of(Protocol(row.protocol), held)
    return SeriesDetail(
        **_brief(row, held, seen, language),
        places=[_place(view, held.get(view.code, _NOTHING), language) for view in views],
        pairs=[
            SeriesPair(view=view.code, name=view_name(view, language), before=_picture(before), after=_picture(after))
            for view, before, after in pairs(views, _pictures(earlier), _pictures(held))
        ],
    )


def _pictures(held: _Places) -> dict[str, Picture]:
    return {view: each.picture for view, each in held.items() if each.picture is not None}


def _place(view: View, held: _Held, language: str) -> SeriesPlace:
    return SeriesPlace(
        view=view.code,
        name=view_name(view, language),
        kind=view.kind,
        row=view.row,
        column=view.column,
        teeth=list(view.teeth),
        state=held.state,
        picture=None if held.picture is None else _picture(held.picture),
    )


def _picture(row: Picture) -> PlacedPicture:
    return PlacedPicture(
        picture_id=row.id,
        kind=PictureKind(row.kind),
        state=PictureState(row.state),
        released_at=row.released_at,
        width=row.width,
        height=row.height,
        blurhash=row.blurhash,
        taken_on=row.taken_on,
    )
