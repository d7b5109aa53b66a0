"""The verbs of a drawing: keep a new version, claim one for the worker, record that it was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from core.database import Sweeping, Writing
from core.errors import Conflict, NotFound, Stale
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id
from media.commands.files import leave_files
from media.commands.showing import locked_picture
from media.drawing import Scale, Shape, check_shapes, scale_of
from media.kinds import PictureKind, PictureState, Variant
from media.queries.drawings import shapes_of
from media.storage import drawn_key, file_key
from media.tables import Drawing, Picture

LEASE = timedelta(minutes=2)


class DrawingStale(Stale):
    """Somebody changed the drawing since."""

    slug = "drawing-stale"


class PictureNotReady(Conflict):
    """It was not looked into yet, or is held in quarantine: there is nothing to draw on."""

    slug = "picture-not-ready"


@dataclass(frozen=True, slots=True)
class ClaimedDrawing:
    """One version that is ours to draw until the lease ends; `attempts` counts this one."""

    clinic_id: UUID
    drawing_id: UUID
    picture_id: UUID
    version: int
    shapes: tuple[Shape, ...]
    sha256: str
    scale: Scale | None
    attempts: int

    @property
    def drawn_on(self) -> str:
        """Where the preview lies."""
        return file_key(self.clinic_id, self.sha256, Variant.PREVIEW_1024)

    @property
    def key(self) -> str:
        return drawn_key(self.clinic_id, self.picture_id, self.version)


async def draw(
    writing: Writing, picture_id: UUID, base: int, shapes: Sequence[Shape], made_by: UUID, actor: Actor, now: datetime
) -> None:
    """Keep a drawing made from version `base` (0: from nothing); the drawn copy follows. No shapes: it is taken away.

    Raises `NotFound`, `PictureNotReady`, `DrawingStale` (the latest version is another), `Invalid`.
    """
    row = await locked_picture(writing, picture_id)
    if row.kind == PictureKind.VOICE.value:
        raise NotFound
    if row.state != PictureState.READY.value:
        raise PictureNotReady
    check_shapes(shapes, scale_of(row.width, row.height, row.row_spacing_mm, row.column_spacing_mm))
    latest = select(func.coalesce(func.max(col(Drawing.version)), 0)).where(col(Drawing.picture_id) == picture_id)
    if (await writing.execute(latest)).scalar_one() != base:
        raise DrawingStale
    writing.add(
        Drawing(
            clinic_id=row.clinic_id,
            id=new_id(),
            picture_id=picture_id,
            version=base + 1,
            shapes=[shape.model_dump(mode="json") for shape in shapes],
            made_by=made_by,
            made_at=now,
            drawn_at=None if shapes else now,
        )
    )
    if not shapes:
        await forget_drawn(writing, row)
    await writing.flush()
    told = Happening("picture.drawn", picture_id, patient_id=row.patient_id, facts={"version": base + 1})
    await record(writing, row.clinic_id, actor, [told], now)


async def forget_drawn(writing: Writing, row: Picture) -> None:
    """The drawn copy of this locked picture is shown no more, and none that is being drawn now will be."""
    if row.drawn is not None:
        await leave_files(writing, [(row.clinic_id, drawn_key(row.clinic_id, row.id, row.drawn))])
    row.drawn = row.size_drawn = None
    waiting = (
        col(Drawing.clinic_id) == row.clinic_id, col(Drawing.picture_id) == row.id, col(Drawing.drawn_at).is_(None),
    )  # fmt: skip
    given_up = update(Drawing).where(*waiting).values(drawn_at=col(Drawing.made_at))
    await writing.execute(given_up.execution_options(synchronize_session=False))


async def claim_drawings(sweeping: Sweeping, now: datetime, limit: int) -> list[ClaimedDrawing]:
    """Take up to `limit` versions that wait, oldest first, of all clinics; other workers skip them for `LEASE`."""
    waiting = (
        select(col(Drawing.clinic_id), col(Drawing.id))
        .where(col(Drawing.drawn_at).is_(None), col(Drawing.lease_until).is_(None) | (col(Drawing.lease_until) <= now))
        .order_by(col(Drawing.made_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("waiting")
    )
    taken = (
        update(Drawing)
        .where(col(Drawing.clinic_id) == waiting.c.clinic_id, col(Drawing.id) == waiting.c.id)
        .where(col(Picture.clinic_id) == col(Drawing.clinic_id), col(Picture.id) == col(Drawing.picture_id))
        .values(lease_until=now + LEASE, attempts=Drawing.attempts + 1)
        .returning(Drawing, Picture)
        .execution_options(synchronize_session=False, populate_existing=True)
    )
    return [_claimed(drawing, picture) for drawing, picture in await sweeping.execute(taken)]


def _claimed(drawing: Drawing, picture: Picture) -> ClaimedDrawing:
    scale = scale_of(picture.width, picture.height, picture.row_spacing_mm, picture.column_spacing_mm)
    return ClaimedDrawing(
        drawing.clinic_id, drawing.id, drawing.picture_id, drawing.version, tuple(shapes_of(drawing)), picture.sha256,
        scale, drawing.attempts,
    )  # fmt: skip


async def excuse_drawings(sweeping: Sweeping, claimed: Sequence[ClaimedDrawing]) -> None:
    """A try that failed for what is no drawing's fault does not count."""
    ids = [each.drawing_id for each in claimed]
    still = (col(Drawing.id) == func.any(ids), col(Drawing.drawn_at).is_(None), col(Drawing.attempts) > 0)
    less = update(Drawing).where(*still).values(attempts=Drawing.attempts - 1)
    await sweeping.execute(less.execution_options(synchronize_session=False))


async def record_drawn(sweeping: Sweeping, claimed: ClaimedDrawing, size: int | None, now: datetime) -> bool:
    """The drawn copy is stored (`size` None: it could not be drawn). False: it is not wanted any more.

    The picture is locked first, as by everybody who changes its drawing: a version that was taken away, or belongs
    to a record it was moved from, never comes back.
    """
    mine = (col(Picture.clinic_id) == claimed.clinic_id, col(Picture.id) == claimed.picture_id)
    locked = select(Picture).where(*mine).with_for_update().execution_options(populate_existing=True)
    row = (await sweeping.execute(locked)).scalar_one_or_none()
    settled = (
        update(Drawing)
        .where(col(Drawing.clinic_id) == claimed.clinic_id, col(Drawing.id) == claimed.drawing_id)
        .where(col(Drawing.drawn_at).is_(None))
        .values(drawn_at=now, lease_until=None)
        .returning(col(Drawing.id))
        .execution_options(synchronize_session=False)
    )
    wanted = (await sweeping.execute(settled)).scalar_one_or_none() is not None
    if row is None or not wanted or size is None or (row.drawn or 0) >= claimed.version:
        if size is not None and (row is None or row.drawn != claimed.version):
            await leave_files(sweeping, [(claimed.clinic_id, claimed.key)])
        return False
    if row.drawn is not None:
        await leave_files(sweeping, [(row.clinic_id, drawn_key(row.clinic_id, row.id, row.drawn))])
    row.drawn, row.size_drawn = claimed.version, size
    await sweeping.flush()
    told = Happening("picture.drawing_ready", row.id, patient_id=row.patient_id, facts={"version": claimed.version})
    await record(sweeping, row.clinic_id, SYSTEM, [told], now)
    return True
