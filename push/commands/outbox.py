"""Puts notices into the outbox, in the transaction of what they are about, and takes them back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.events import SYSTEM, Happening, record
from core.ids import new_id
from push.commands.batch import UNTRACKED
from push.notice import Notice
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow


async def enqueue(writing: Writing, clinic_id: UUID, notices: Sequence[Notice], now: datetime) -> dict[str, UUID]:
    """The id of each notice by its dedupe key. A key that is known already names the notice it named before."""
    if not notices:
        return {}
    rows = [_row(clinic_id, notice, now) for notice in notices]
    fresh = insert(NoticeRow).on_conflict_do_nothing(index_elements=["clinic_id", "dedupe_key"])
    await writing.execute(fresh, rows)
    names = sorted({notice.dedupe_key for notice in notices})
    named = select(col(NoticeRow.dedupe_key), col(NoticeRow.id)).where(
        col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.dedupe_key) == func.any(names)
    )
    return dict(row for row in await writing.execute(named))


def _row(clinic_id: UUID, notice: Notice, now: datetime) -> dict[str, Any]:
    hours = notice.hours
    return {
        "clinic_id": clinic_id,
        "id": new_id(),
        "patient_id": notice.patient_id,
        "kind": notice.kind.value,
        "purpose": notice.purpose.value,
        "dedupe_key": notice.dedupe_key,
        "link": notice.link,
        "not_before": notice.not_before,
        "expires_at": notice.expires_at,
        "hours_zone": hours.zone if hours else None,
        "hours_opens": hours.opens if hours else None,
        "hours_closes": hours.closes if hours else None,
        "hours_weekdays": sorted(hours.weekdays) if hours else None,
        "cause_id": notice.cause_id,
        "state": "due",
        "reason": "",
        "next_at": notice.not_before,
        "created_at": now,
    }


async def cancel(writing: Writing, clinic_id: UUID, cause_ids: Sequence[UUID], reason: str, now: datetime) -> int:
    """Take back what these causes still wanted to say; how many notices that were. `reason` is a stable code.

    Exit wins over send: this waits for the rows that a worker is claiming, and a worker passes by the rows
    that are locked here, or reads them as cancelled. What a worker already holds is on its way and is not
    called back; if its send does not succeed, it is not repeated.
    """
    causes = (col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.cause_id) == func.any(list(cause_ids)))
    standing = (
        select(NoticeRow).where(*causes, col(NoticeRow.state) == "due").order_by(col(NoticeRow.id)).with_for_update()
    )
    notices = (await writing.execute(standing)).scalars().all()
    if not notices:
        return 0
    ids = [notice.id for notice in notices]
    ended = update(NoticeRow).where(col(NoticeRow.clinic_id) == clinic_id, col(NoticeRow.id) == func.any(ids))
    await writing.execute(ended.values(state="cancelled", reason=reason, next_at=None), execution_options=UNTRACKED)
    waiting = update(DeliveryRow).where(
        col(DeliveryRow.clinic_id) == clinic_id,
        col(DeliveryRow.notice_id) == func.any(ids),
        col(DeliveryRow.state) == DeliveryState.DUE.value,
    )
    suppressed = {"state": DeliveryState.SUPPRESSED.value, "reason": reason}
    await writing.execute(waiting.values(suppressed), execution_options=UNTRACKED)
    happenings = [suppression(notice, reason) for notice in notices]
    await record(writing, clinic_id, SYSTEM, happenings, now)
    return len(notices)


def suppression(notice: NoticeRow, reason: str) -> Happening:
    """What was not sent, and why: as much a fact as what was."""
    facts = {"kind": notice.kind, "purpose": notice.purpose, "reason": reason}
    return Happening("push.suppressed", notice.id, notice.patient_id, facts, notice.cause_id)
