"""The verbs of a series' places: put pictures into them, take them out, leave some out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.errors import Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from media.commands.series import held_series
from media.kinds import PictureKind
from media.series import Protocol, View, check_kind, view_named
from media.tables import Picture, Series, SeriesView


@dataclass(frozen=True, slots=True)
class Placed:
    """What a place shall hold: this picture, or (None) nothing, because it is left out."""

    picture_id: UUID | None


Arrangement = Mapping[str, Placed | None]
"""By view; None: the place is emptied."""


async def put_picture(
    writing: Writing, patient_id: UUID, series_id: UUID, view: str, picture_id: UUID, actor: Actor, now: datetime
) -> None:
    """Put a picture of this patient into a place, instead of what stood there; from another place it moves.

    Raises `NotFound` (series, view), `Invalid` (no such picture of this patient), `PictureOfAnotherKind`.
    """
    row = await held_series(writing, patient_id, series_id)
    place = _view(row, view)
    mine = (col(Picture.id) == picture_id, col(Picture.patient_id) == patient_id)
    # Held so that it stays this patient's until the commit.
    kind = (await writing.execute(select(col(Picture.kind)).where(*mine).with_for_update(read=True))).scalar()
    if kind is None:
        raise Invalid(Fault("/picture_id", "unknown-reference"))
    check_kind(place, PictureKind(kind))
    await arrange(writing, row, {view: Placed(picture_id)}, actor, now)


async def leave_out(
    writing: Writing, patient_id: UUID, series_id: UUID, view: str, actor: Actor, now: datetime
) -> None:
    """The clinic says that this view is not to be taken; a picture that stood there leaves. Raises `NotFound`."""
    row = await held_series(writing, patient_id, series_id)
    await arrange(writing, row, {_view(row, view).code: Placed(None)}, actor, now)


async def take_out(writing: Writing, patient_id: UUID, series_id: UUID, view: str, actor: Actor, now: datetime) -> None:
    """Empty a place; the picture itself stays the patient's. Raises `NotFound` where there is no such view."""
    row = await held_series(writing, patient_id, series_id)
    await arrange(writing, row, {_view(row, view).code: None}, actor, now)


def _view(row: Series, view: str) -> View:
    place = view_named(Protocol(row.protocol), view)
    if place is None:
        raise NotFound
    return place


async def arrange(
    writing: Writing, row: Series, new: Arrangement, actor: Actor, now: datetime
) -> dict[str, Placed | None]:
    """Bring the places of a series that is held to what is `new`, in three statements; what changed, by view.

    A picture stands in one place only: from one that is not named in `new` it moves.
    """
    held = await places_held(writing, row)
    put = {placed.picture_id for placed in new.values() if placed is not None} - {None}
    moved = {view: None for view, placed in held.items() if view not in new and placed.picture_id in put}
    changed = {view: placed for view, placed in {**moved, **new}.items() if held.get(view) != placed}
    await _empty(writing, row, [view for view in changed if view in held])
    await _fill(writing, row, {view: placed for view, placed in changed.items() if placed is not None})
    told = [_told(row, view, placed) for view, placed in changed.items()]
    await record(writing, row.clinic_id, actor, told, now)
    return changed


async def places_held(writing: Writing, row: Series) -> dict[str, Placed]:
    """What the places of a series hold, by view."""
    columns = (col(SeriesView.view), col(SeriesView.picture_id))
    mine = (col(SeriesView.clinic_id) == row.clinic_id, col(SeriesView.series_id) == row.id)
    return {view: Placed(picture_id) for view, picture_id in await writing.execute(select(*columns).where(*mine))}


async def _empty(writing: Writing, row: Series, views: list[str]) -> None:
    if views:
        mine = (col(SeriesView.clinic_id) == row.clinic_id, col(SeriesView.series_id) == row.id)
        await writing.execute(delete(SeriesView).where(*mine, col(SeriesView.view).in_(views)))


async def _fill(writing: Writing, row: Series, places: dict[str, Placed]) -> None:
    same: dict[str, Any] = {"clinic_id": row.clinic_id, "series_id": row.id}
    rows = [
        {**same, "id": new_id(), "view": view, "picture_id": placed.picture_id, "left_out": placed.picture_id is None}
        for view, placed in places.items()
    ]
    if rows:
        await writing.execute(insert(SeriesView).values(rows))


def _told(row: Series, view: str, placed: Placed | None) -> Happening:
    facts = {"view": view}
    if placed is None:
        return Happening("series.emptied", row.id, row.patient_id, facts)
    if placed.picture_id is None:
        return Happening("series.left_out", row.id, row.patient_id, facts)
    return Happening("series.filled", row.id, row.patient_id, {**facts, "picture_id": str(placed.picture_id)})
