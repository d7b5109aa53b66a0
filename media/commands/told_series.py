"""Takes a whole series in as a clinic's own system tells it, by its names; telling it again changes nothing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from clinic.commands import TooYoungForPrivate, hold_patient
from clinic.commands.hiding import check_old_enough
from core.database import Writing
from core.errors import Conflict, Fault, Invalid
from core.events import Actor
from core.ids import new_id
from media.commands.pictures import Kept
from media.commands.places import Placed, arrange, places_held
from media.commands.series import (
    SeriesTold,
    check_told,
    describe,
    hide_series,
    release_pictures,
    release_series,
    say,
    tell,
)
from media.kinds import PictureKind
from media.series import Protocol, view_named
from media.tables import Picture, Series
from media.upload import ExternalName


@dataclass(frozen=True, slots=True)
class ToldView:
    """What one view holds: a picture by its external id, None: it is left out."""

    view: str
    picture: str | None


@dataclass(frozen=True, slots=True)
class WholeSeries:
    """A series as the other system knows it; `before` is that system's name of a series. What is not in `views` is
    taken out. `unknown` names ties that were told and that nobody here knows: those stay as they are."""

    protocol: Protocol
    told: SeriesTold
    before: str | None
    released: bool
    comment: str | None
    private: bool
    views: Sequence[ToldView]
    unknown: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class TakenSeries:
    """What became of it; `faults` name what of it was not taken in, with pointers into the body."""

    series_id: UUID
    kept: Kept
    faults: list[Fault]


class SeriesDiffers(Conflict):
    """The name is taken by a series of another patient or protocol."""

    slug = "series-differs"


async def take_series(
    writing: Writing, clinic_id: UUID, patient_id: UUID, name: ExternalName, whole: WholeSeries, actor: Actor,
    now: datetime,
) -> TakenSeries:  # fmt: skip
    """Make or bring up to date a series of this name. Raises `NotFound`, `SeriesDiffers`, `Invalid`.

    A mark of privacy is set and never taken off here. Pictures are released with the series as it is released, and
    those that come into it later as they come: what staff hid by itself stays hidden.
    """
    await hold_patient(writing, patient_id)
    whole, too_young = await _old_enough(writing, patient_id, whole, now)
    row, is_new = await _row(writing, clinic_id, patient_id, name, whole, now)
    whole = replace(whole, told=_with_known(row, whole))
    told, faults = await _with_before(writing, row, name.source, whole, now)
    if is_new:
        await tell(writing, row, "made", actor, now, protocol=row.protocol)
    changed = await describe(writing, row, told, actor, now)
    changed |= await _hide_from_guardians(writing, row, whole)
    put, late = await _views(writing, row, name.source, whole, actor, now)
    pictures = [placed.picture_id for placed in put.values() if placed is not None and placed.picture_id is not None]
    changed |= bool(put) | await _released(writing, row, whole, pictures, actor, now)
    await writing.flush()
    kept = Kept.CREATED if is_new else Kept.UPDATED if changed else Kept.UNCHANGED
    return TakenSeries(row.id, kept, too_young + faults + late)


async def _old_enough(
    writing: Writing, patient_id: UUID, whole: WholeSeries, now: datetime
) -> tuple[WholeSeries, list[Fault]]:
    """Of a child nothing is hidden from a guardian: the series is taken in without the mark, and a fault says so."""
    if whole.private:
        try:
            await check_old_enough(writing, patient_id, now)
        except TooYoungForPrivate:
            return replace(whole, private=False), [Fault("/private", TooYoungForPrivate.slug)]
    return whole, []


def _with_known(row: Series, whole: WholeSeries) -> SeriesTold:
    """What was told, and of ties that nobody here knows what is known already."""
    told = replace(whole.told, **{name: getattr(row, name) for name in whole.unknown})
    return told if told.plan_id == row.plan_id or "plan_stage" not in whole.unknown else replace(told, plan_stage=None)


async def _row(
    writing: Writing, clinic_id: UUID, patient_id: UUID, name: ExternalName, whole: WholeSeries, now: datetime
) -> tuple[Series, bool]:
    """The series of this name, held; of two that make it at once the second waits and finds the first one's.

    Tied and private from its first moment, or a guardian would be told that there was something.
    """
    fresh = insert(Series).values(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, source=name.source, external_id=name.external_id,
        protocol=whole.protocol.value, made_at=now, private=whole.private, **whole.told.columns(),
    )  # fmt: skip
    fresh = fresh.on_conflict_do_nothing(index_elements=["clinic_id", "source", "external_id"])
    made = (await writing.execute(fresh.returning(col(Series.id)))).scalar_one_or_none()
    same = (col(Series.source) == name.source, col(Series.external_id) == name.external_id)
    row = (await writing.execute(select(Series).where(*same).with_for_update())).scalar_one_or_none()
    if row is None or (row.patient_id, row.protocol) != (patient_id, whole.protocol.value):
        raise SeriesDiffers
    return row, made is not None


async def _with_before(
    writing: Writing, row: Series, source: str, whole: WholeSeries, now: datetime
) -> tuple[SeriesTold, list[Fault]]:
    """What was told, with the series to compare it with; a fault where it cannot be that one: then it keeps its own."""
    await check_told(writing, row.patient_id, whole.protocol, whole.told, row, now)
    if whole.before is None:
        return whole.told, []
    try:
        return await _compared(writing, row, source, whole.before, whole, now), []
    except Invalid as refused:
        faults = [Fault("/before", fault.code) for fault in refused.faults]
    try:
        told = replace(whole.told, before_id=row.before_id)
        await check_told(writing, row.patient_id, whole.protocol, told, row, now)
    except Invalid:  # by the phase it has now it comes before that one
        return whole.told, faults
    return told, faults


async def _compared(
    writing: Writing, row: Series, source: str, before: str, whole: WholeSeries, now: datetime
) -> SeriesTold:
    """What was told, with the series of the name `before`. Raises `Invalid`."""
    named = (col(Series.source) == source, col(Series.external_id) == before)
    mine = select(col(Series.id)).where(col(Series.patient_id) == row.patient_id, *named)
    before_id = (await writing.execute(mine)).scalar_one_or_none()
    if before_id is None:
        raise Invalid(Fault("/before", "unknown-reference"))
    told = replace(whole.told, before_id=before_id)
    await check_told(writing, row.patient_id, whole.protocol, told, row, now)
    return told


async def _hide_from_guardians(writing: Writing, row: Series, whole: WholeSeries) -> bool:
    if row.private or not whole.private:
        return False
    row.private = True
    await writing.flush()
    return True


async def _views(
    writing: Writing, row: Series, source: str, whole: WholeSeries, actor: Actor, now: datetime
) -> tuple[dict[str, Placed | None], list[Fault]]:
    """Put the good views in; those that are not told of are emptied, bad ones stay as they were."""
    names = {told.picture for told in whole.views if told.picture is not None}
    pictures = await _pictures(writing, row.patient_id, source, names)
    times = Counter(told.view for told in whole.views)
    shown = Counter(told.picture for told in whole.views if told.picture is not None)
    new: dict[str, Placed | None] = dict.fromkeys(await places_held(writing, row))
    faults = []
    for index, told in enumerate(whole.views):
        code = _fault(told, whole.protocol, pictures, times, shown)
        if code is None:
            new[told.view] = Placed(None if told.picture is None else pictures[told.picture][0])
        else:
            new.pop(told.view, None)
            faults.append(Fault(f"/views/{index}/{code[0]}", code[1]))
    return await arrange(writing, row, new, actor, now), faults


def _fault(
    told: ToldView, protocol: Protocol, pictures: dict[str, tuple[UUID, PictureKind]], times: Counter[str],
    shown: Counter[str],
) -> tuple[str, str] | None:  # fmt: skip
    """Which member of a view is wrong, and how."""
    view = view_named(protocol, told.view)
    if view is None:
        return "view", "unknown-view"
    if times[told.view] > 1:
        return "view", "given-twice"
    if told.picture is None:
        return None
    if shown[told.picture] > 1:
        return "picture", "given-twice"
    if told.picture not in pictures:
        return "picture", "unknown-reference"
    return None if view.kind in (None, pictures[told.picture][1]) else ("picture", "another-kind")


async def _pictures(
    writing: Writing, patient_id: UUID, source: str, names: set[str]
) -> dict[str, tuple[UUID, PictureKind]]:
    """Pictures of this patient by their external ids, held in one order so that they stay theirs until the commit."""
    statement = (
        select(col(Picture.external_id), col(Picture.id), col(Picture.kind))
        .where(
            col(Picture.patient_id) == patient_id,
            col(Picture.source) == source,
            col(Picture.external_id) == func.any(sorted(names)),
        )
        .order_by(col(Picture.id))
        .with_for_update(read=True)
    )
    found = await writing.execute(statement)
    return {str(name): (row_id, PictureKind(kind)) for name, row_id, kind in found}


async def _released(
    writing: Writing, row: Series, whole: WholeSeries, put: list[UUID], actor: Actor, now: datetime
) -> bool:
    """As it is told; of a series that is shown already, only what came in just now is released with it."""
    is_shown = row.released_at is not None
    if not whole.released:
        await hide_series(writing, row.patient_id, row.id, actor, now)
        return is_shown
    if not is_shown:
        await release_series(writing, row.patient_id, row.id, whole.comment, actor, now)
        return True
    await release_pictures(writing, row, col(Picture.id).in_(put), actor, now)
    return await say(writing, row, whole.comment, actor, now)
