"""The verbs of series: make one, say what it is of, show it to the patient, take it away."""

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlmodel import col

from clinic.commands import hold_patient
from clinic.commands.hiding import check_old_enough
from clinic.queries import Viewer, visit_view
from core.database import Writing
from core.dates import latest_today
from core.errors import Fault, Invalid, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from media.kinds import PictureState
from media.queries.series import series_row
from media.series import Phase, Protocol, check_before, follows
from media.tables import Picture, Series, SeriesView


@dataclass(frozen=True, slots=True)
class SeriesTold:
    """What the clinic says of a series: when it was taken, what it belongs to. Ids are of the same patient.

    That `plan_id` and its stage are the patient's is the caller's to know: plans are kept above.
    """

    title: str = ""
    phase: Phase | None = None
    before_id: UUID | None = None
    taken_on: date | None = None
    appointment_id: UUID | None = None
    plan_id: UUID | None = None
    plan_stage: int | None = None
    teeth: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        return {**asdict(self), "phase": self.phase and self.phase.value, "teeth": list(self.teeth)}


async def make_series(
    writing: Writing, clinic_id: UUID, patient_id: UUID, protocol: Protocol, told: SeriesTold, actor: Actor,
    now: datetime, *, private: bool = False,
) -> UUID:  # fmt: skip
    """An empty series, not shown to the patient yet; its id.

    Raises `NotFound`, `Invalid` for ties it cannot have, `TooYoungForPrivate`.
    """
    await hold_patient(writing, patient_id)
    if private:
        await check_old_enough(writing, patient_id, now)
    await check_told(writing, patient_id, protocol, told, None, now)
    row = Series(
        clinic_id=clinic_id, id=new_id(), patient_id=patient_id, protocol=protocol.value, made_at=now,
        private=private, **told.columns(),
    )  # fmt: skip
    writing.add(row)
    await writing.flush()
    await tell(writing, row, "made", actor, now, protocol=protocol.value)
    return row.id


async def change_series(
    writing: Writing, patient_id: UUID, series_id: UUID, told: SeriesTold, actor: Actor, now: datetime
) -> bool:
    """Describe a series anew; whether anything changed. Its protocol stays. Raises as `make_series`."""
    row = await held_series(writing, patient_id, series_id, and_also=told.before_id)
    await check_told(writing, patient_id, Protocol(row.protocol), told, row, now)
    return await describe(writing, row, told, actor, now)


async def held_series(writing: Writing, patient_id: UUID, series_id: UUID, *, and_also: UUID | None = None) -> Series:
    """A series of this patient, locked until the commit (and another one of theirs with it). Raises `NotFound`.

    The record is held first, as by everybody: what is told of one series may touch those that name it.
    """
    await hold_patient(writing, patient_id)
    for each in sorted({series_id, and_also or series_id}):  # in one order for everybody
        await series_row(writing, patient_id, each, for_update=True)
    row = await series_row(writing, patient_id, series_id)
    if row is None:
        raise NotFound
    return row


async def describe(writing: Writing, row: Series, told: SeriesTold, actor: Actor, now: datetime) -> bool:
    """Write what was told into a row that is held; whether anything changed."""
    new = told.columns()
    changed = sorted(name for name, value in new.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, new[name])
    if changed:
        await tell(writing, row, "changed", actor, now, members=changed)
    return bool(changed)


async def check_told(
    writing: Writing, patient_id: UUID, protocol: Protocol, told: SeriesTold, row: Series | None, now: datetime
) -> None:
    """Whether a series (`row` where it is there already) may be described so. Raises `Invalid`."""
    if told.taken_on is not None and told.taken_on > latest_today(now):
        raise Invalid(Fault("/taken_on", "in-the-future"))
    if told.plan_stage is not None and told.plan_id is None:
        raise Invalid(Fault("/plan_stage", "without-plan"))
    if told.appointment_id is not None and not await _is_visit(writing, patient_id, told.appointment_id):
        raise Invalid(Fault("/appointment_id", "unknown-reference"))
    if told.before_id is not None:
        before = await series_row(writing, patient_id, told.before_id, for_update=True)
        known = before and (Protocol(before.protocol), Phase(before.phase) if before.phase else None)
        check_before(protocol, told.phase, known or None)
    if row is not None and not await _stays_before(writing, row, told.phase):
        raise Invalid(Fault("/phase", "not-earlier"))


async def _is_visit(writing: Writing, patient_id: UUID, appointment_id: UUID) -> bool:
    return await visit_view(writing, appointment_id, Viewer(), patient_id) is not None


async def _stays_before(writing: Writing, row: Series, phase: Phase | None) -> bool:
    """Whether every series that names this one as its "before" still may. Who would name it waits for its lock."""
    later = select(col(Series.phase)).where(col(Series.clinic_id) == row.clinic_id, col(Series.before_id) == row.id)
    return all(follows(phase, Phase(each) if each else None) for each in (await writing.execute(later)).scalars())


async def release_series(
    writing: Writing, patient_id: UUID, series_id: UUID, comment: str | None, actor: Actor, now: datetime
) -> None:
    """Show a series to the patient, with all its pictures that do not stand in quarantine. Raises `NotFound`.

    Released again it says the new comment and nothing else: a picture that was hidden since, or came in since, stays
    as it is.
    """
    row = await held_series(writing, patient_id, series_id)
    if row.released_at is not None:
        await say(writing, row, comment, actor, now)
        return
    # Pictures first: who shows a single one holds it before what it changes of its series.
    in_it = select(col(SeriesView.picture_id)).where(col(SeriesView.series_id) == row.id)
    await release_pictures(writing, row, col(Picture.id).in_(in_it), actor, now)
    row.released_at, row.comment = now, comment
    await tell(writing, row, "released", actor, now)


async def say(writing: Writing, row: Series, comment: str | None, actor: Actor, now: datetime) -> bool:
    """What is said of a series that is shown and held; whether that is something else than before."""
    if row.comment == comment:
        return False
    row.comment = comment
    await tell(writing, row, "commented", actor, now)
    return True


async def release_pictures(
    writing: Writing, row: Series, which: ColumnElement[bool], actor: Actor, now: datetime
) -> None:
    """Show pictures of a series that are not shown, but for those in quarantine; each tells of itself."""
    unseen = (
        select(col(Picture.id))
        .where(
            which,
            col(Picture.patient_id) == row.patient_id,
            col(Picture.state) != PictureState.QUARANTINED.value,
            col(Picture.released_at).is_(None),
        )
        .order_by(col(Picture.id))
        .with_for_update()
        .cte("unseen")
    )
    released = (
        update(Picture)
        .where(col(Picture.clinic_id) == row.clinic_id, col(Picture.id) == unseen.c.id)
        .values(released_at=now)
        .returning(col(Picture.id))
        .execution_options(synchronize_session=False)
    )
    shown = (await writing.execute(released)).scalars().all()
    told = [Happening("picture.released", each, row.patient_id, {"series_id": str(row.id)}) for each in shown]
    await record(writing, row.clinic_id, actor, told, now)


async def hide_series(writing: Writing, patient_id: UUID, series_id: UUID, actor: Actor, now: datetime) -> None:
    """The patient no longer sees it as a series; its pictures stay as they are. Raises `NotFound`."""
    row = await held_series(writing, patient_id, series_id)
    if row.released_at is not None:
        row.released_at = None
        await tell(writing, row, "hidden", actor, now)


async def remove_series(writing: Writing, patient_id: UUID, series_id: UUID, actor: Actor, now: datetime) -> None:
    """Forget a series; its pictures stay, and what named it as its "before" no longer does. Raises `NotFound`.

    Those that it hid stay hidden, each by itself now.
    """
    row = await held_series(writing, patient_id, series_id)
    hidden = select(col(Picture.id)).where(col(Picture.patient_id) == patient_id, col(Picture.hidden_by) == series_id)
    held = hidden.order_by(col(Picture.id)).with_for_update().cte("held")
    alone = update(Picture).where(col(Picture.clinic_id) == row.clinic_id, col(Picture.id) == held.c.id)
    await writing.execute(alone.values(hidden_by=None).execution_options(synchronize_session=False))
    await writing.execute(update(Series).where(col(Series.before_id) == series_id).values(before_id=None))
    await tell(writing, row, "removed", actor, now)
    await writing.delete(row)


async def tell(writing: Writing, row: Series, what: str, actor: Actor, now: datetime, **facts: Any) -> None:
    """Record `series.<what>`."""
    happening = Happening(f"series.{what}", row.id, patient_id=row.patient_id, facts=facts)
    await record(writing, row.clinic_id, actor, [happening], now)
