"""The verbs of a clinic's picture archives: name one, end it, let it rest after a failure, note that it answers."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Sweeping, Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from media.archives import Archives, Source
from media.dicomweb import Server, Trouble, check_sign_in, checked_address
from media.queries.elsewhere import SourceView, source_view
from media.tables import DicomwebSource

_FIRST_REST = timedelta(minutes=1)
_LONGEST_REST = timedelta(hours=1)


class SourceNameTaken(Conflict):
    slug = "dicomweb-source-name-taken"


async def name_source(
    writing: Writing, archives: Archives, clinic_id: UUID, name: str, server: Server, actor: Actor, now: datetime
) -> SourceView:
    """Note an archive of the clinic. Raises `AddressRefused`, `Invalid`, `SourceNameTaken`."""
    checked_address(server.address, plain_http=archives.plain_http)
    check_sign_in(server)
    source_id = new_id()
    fresh = insert(DicomwebSource).values(
        clinic_id=clinic_id,
        id=source_id,
        name=name,
        address=server.address,
        sign_in=server.sign_in.value,
        user_name=server.user_name or None,
        secret=archives.seal(clinic_id, source_id, server.address, server.secret) if server.secret else None,
        made_at=now,
        failures=0,
    )
    made = (await writing.execute(fresh.on_conflict_do_nothing().returning(DicomwebSource))).scalar_one_or_none()
    if made is None:
        raise SourceNameTaken
    await record(writing, clinic_id, actor, [Happening("dicomweb_source.named", source_id)], now)
    return source_view(made)


async def end_source(writing: Writing, clinic_id: UUID, source_id: UUID, actor: Actor, now: datetime) -> None:
    """Ask nothing there any more, and forget its secret. Pictures keep what was made of them. Again changes nothing.

    Raises `NotFound`.
    """
    statement = select(DicomwebSource).where(col(DicomwebSource.id) == source_id).with_for_update()
    row = (await writing.execute(statement)).scalar_one_or_none()
    if row is None:
        raise NotFound
    if row.ended_at is not None:
        return
    row.ended_at, row.secret, row.rests_until, row.trouble = now, None, None, None
    await record(writing, clinic_id, actor, [Happening("dicomweb_source.ended", source_id)], now)


async def rest_source(sweeping: Sweeping, source: Source, trouble: Trouble, now: datetime) -> None:
    """Leave it alone for a minute, after each further failure twice as long, an hour at most."""
    row = await _locked(sweeping, source)
    if row is None or row.ended_at is not None or (row.rests_until is not None and row.rests_until > now):
        return
    row.failures, row.trouble = row.failures + 1, trouble.value
    row.rests_until = now + min(_FIRST_REST * 2 ** min(row.failures - 1, 10), _LONGEST_REST)


async def source_answers(sweeping: Sweeping, source: Source) -> None:
    troubled = (
        col(DicomwebSource.clinic_id) == source.clinic_id, col(DicomwebSource.id) == source.source_id,
        func.coalesce(col(DicomwebSource.trouble), "") != "",
    )  # fmt: skip
    well = update(DicomwebSource).where(*troubled).values(failures=0, trouble=None, rests_until=None)
    await sweeping.execute(well.execution_options(synchronize_session=False))


async def _locked(sweeping: Sweeping, source: Source) -> DicomwebSource | None:
    mine = (col(DicomwebSource.clinic_id) == source.clinic_id, col(DicomwebSource.id) == source.source_id)
    return (await sweeping.execute(select(DicomwebSource).where(*mine).with_for_update())).scalar_one_or_none()
