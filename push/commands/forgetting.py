"""Lets go of what was told long ago, and of tries that are to begin anew: what points at a row goes before it."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select
from sqlmodel import col

from core.database import Sweeping
from push.commands.batch import UNTRACKED, keys, same_key
from push.outcome import OPEN
from push.tables import CallTask, DeliveryRow, NoticeRow, ReportRow, SaidRow

KEPT = timedelta(days=730)
"""What a patient was told stays in their inbox for two years; that it was sent stands in the events for ever."""
REPORTS_KEPT = timedelta(days=90)


async def forget_old_notices(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Let go of up to `limit` notices of two years ago, with their tries and calls, and of reports of three months
    ago."""
    old_reports = delete(ReportRow).where(col(ReportRow.taken_at) < now - REPORTS_KEPT)
    await sweeping.execute(old_reports, execution_options=UNTRACKED)
    over = (col(NoticeRow.next_at).is_(None), col(NoticeRow.expires_at) < now - KEPT)
    moving = select(col(DeliveryRow.id)).where(
        col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == NoticeRow.id,
        col(DeliveryRow.state).in_([state.value for state in OPEN]),
    )  # fmt: skip
    old = select(col(NoticeRow.clinic_id), col(NoticeRow.id)).where(*over, ~moving.exists()).limit(limit)
    found = [(clinic_id, row_id) for clinic_id, row_id in await sweeping.execute(old.with_for_update(skip_locked=True))]
    if not found:
        return 0
    await forget_deliveries(sweeping, await _of_notices(sweeping, DeliveryRow, found))
    await _delete(sweeping, CallTask, await _of_notices(sweeping, CallTask, found))
    await _delete(sweeping, NoticeRow, found)
    return len(found)


async def forget_deliveries(sweeping: Sweeping, deliveries: Sequence[tuple[UUID, UUID]]) -> None:
    """Of (clinic_id, id), and in which text each was said. The notices must be locked."""
    await _delete(sweeping, SaidRow, deliveries)
    await _delete(sweeping, DeliveryRow, deliveries)


async def _of_notices(sweeping: Sweeping, table: Any, notices: Sequence[tuple[UUID, UUID]]) -> list[tuple[UUID, UUID]]:
    names = keys(notices)
    same = and_(col(table.clinic_id) == names.c.clinic_id, col(table.notice_id) == names.c.id)
    statement = select(col(table.clinic_id), col(table.id)).join(names, same)
    return [(clinic_id, row_id) for clinic_id, row_id in await sweeping.execute(statement)]


async def _delete(sweeping: Sweeping, table: Any, rows: Sequence[tuple[UUID, UUID]]) -> None:
    if rows:
        await sweeping.execute(delete(table).where(same_key(table, keys(rows))), execution_options=UNTRACKED)
