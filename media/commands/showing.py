"""The verbs of showing: release a picture to its patient, hide it, correct what is said of it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import and_, delete, select
from sqlmodel import col

from clinic.commands import hold_patient
from core.database import Writing
from core.dates import latest_today
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from media.kinds import PictureKind, PictureState
from media.series import Protocol, view_named
from media.tables import Picture, Series, SeriesView


class PictureHeld(Conflict):
    """It stands in quarantine: somebody decides on it first."""

    slug = "picture-held"


async def locked_picture(writing: Writing, picture_id: UUID) -> Picture:
    """The row, held until the commit. Raises `NotFound`."""
    statement = select(Picture).where(col(Picture.id) == picture_id).with_for_update()
    row = (await writing.execute(statement.execution_options(populate_existing=True))).scalar_one_or_none()
    if row is None:
        raise NotFound
    return row


async def release_picture(writing: Writing, picture_id: UUID, comment: str | None, actor: Actor, now: datetime) -> None:
    """Show it to its patient with this comment (None: without one), as soon as it was looked into.

    Again changes the comment alone. Raises `NotFound`, `PictureHeld`.
    """
    row = await locked_picture(writing, picture_id)
    if row.state == PictureState.QUARANTINED.value:
        raise PictureHeld
    if row.released_at is not None and row.comment == comment:
        return
    kind = "picture.released" if row.released_at is None else "picture.commented"
    row.released_at, row.comment = row.released_at or now, comment
    await _note(writing, row, kind, actor, now)


async def hide_picture(writing: Writing, picture_id: UUID, actor: Actor, now: datetime) -> None:
    """Show it to its patient no more; links that were given are over with it. Again changes nothing."""
    row = await locked_picture(writing, picture_id)
    if row.released_at is None:
        return
    row.released_at = None
    await _note(writing, row, "picture.hidden", actor, now)


async def describe_picture(
    writing: Writing, picture_id: UUID, kind: PictureKind | None, taken_on: date | None, teeth: tuple[str, ...] | None,
    actor: Actor, now: datetime, *, undated: bool = False,
) -> None:  # fmt: skip
    """Correct what is said of it; what is None stays as it is, `undated` takes the date away.

    Of another kind, it leaves the places of series that take the old one. Raises `NotFound`, `Invalid` for a date to
    come, and for sound that shall be a picture or the other way round.
    """
    if taken_on is not None and taken_on > latest_today(now):
        raise Invalid(Fault("/taken_on", "in-the-future"))
    row = await _locked_with_series(writing, picture_id)
    if kind not in (None, PictureKind(row.kind)) and PictureKind.VOICE in (kind, PictureKind(row.kind)):
        raise Invalid(Fault("/kind", "unknown-reference"))
    new = (
        row.kind if kind is None else kind.value,
        None if undated else taken_on or row.taken_on,
        row.teeth if teeth is None else list(teeth),
    )
    if new == (row.kind, row.taken_on, row.teeth):
        return
    row.kind, row.taken_on, row.teeth = new
    await _note(writing, row, "picture.changed", actor, now)
    await leave_other_kinds(writing, row, actor, now)


async def _locked_with_series(writing: Writing, picture_id: UUID) -> Picture:
    """The row, after its patient's: as everybody locks who changes a series."""
    whose = select(col(Picture.patient_id)).where(col(Picture.id) == picture_id)
    patient_id = (await writing.execute(whose)).scalar_one_or_none()
    if patient_id is not None:
        await hold_patient(writing, patient_id)
    return await locked_picture(writing, picture_id)


async def leave_other_kinds(writing: Writing, row: Picture, actor: Actor, now: datetime) -> None:
    """Empty the places of series where this locked picture stands and that take none of its kind."""
    of_series = and_(col(Series.clinic_id) == col(SeriesView.clinic_id), col(Series.id) == col(SeriesView.series_id))
    stands = (
        select(col(SeriesView.id), col(Series.id), col(Series.protocol), col(SeriesView.view))
        .join(Series, of_series)
        .where(col(SeriesView.clinic_id) == row.clinic_id, col(SeriesView.picture_id) == row.id)
    )
    kind = PictureKind(row.kind)
    left = [
        (place_id, Happening("series.emptied", series_id, row.patient_id, {"view": view}))
        for place_id, series_id, protocol, view in await writing.execute(stands)
        if (place := view_named(Protocol(protocol), view)) is not None and place.kind not in (None, kind)
    ]
    if left:
        emptied = delete(SeriesView).where(col(SeriesView.id).in_([place_id for place_id, _ in left]))
        await writing.execute(emptied)
        await record(writing, row.clinic_id, actor, [told for _, told in left], now)


async def _note(writing: Writing, row: Picture, kind: str, actor: Actor, now: datetime) -> None:
    await writing.flush()
    await record(writing, row.clinic_id, actor, [Happening(kind, row.id, patient_id=row.patient_id)], now)
