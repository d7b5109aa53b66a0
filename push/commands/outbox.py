"""Puts notices into the outbox, in the transaction of what they are about, and takes them back."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from core.database import Writing
from core.events import SYSTEM, Happening, record_across
from core.ids import new_id
from push.commands.batch import TEXTS, UNTRACKED, UUIDS, batch, keys, same_key
from push.notice import Notice
from push.outcome import DeliveryState
from push.tables import DeliveryRow, NoticeRow


async def enqueue_across(
    writing: Writing, notices: Sequence[tuple[UUID, Notice]], now: datetime
) -> dict[tuple[UUID, str], UUID]:
    """Takes (clinic_id, notice), gives the id of each by (clinic_id, dedupe_key).

    A key that is known already names the notice it named before. Two statements, whatever the number of
    notices and of clinics.
    """
    if not notices:
        return {}
    # In one order, so that two transactions that enqueue the same keys wait for each other and never in a ring.
    ordered = sorted(notices, key=lambda pair: (pair[0], pair[1].dedupe_key))
    fresh = insert(NoticeRow).on_conflict_do_nothing(index_elements=["clinic_id", "dedupe_key"])
    rows = [_row(clinic_id, notice, now) for clinic_id, notice in ordered]
    await writing.execute(fresh.execution_options(render_nulls=True), rows)
    pairs = [(clinic_id, notice.dedupe_key) for clinic_id, notice in ordered]
    names = batch({"clinic_id": UUIDS, "dedupe_key": TEXTS}, pairs)
    same = and_(col(NoticeRow.clinic_id) == names.c.clinic_id, col(NoticeRow.dedupe_key) == names.c.dedupe_key)
    columns = (col(NoticeRow.clinic_id), col(NoticeRow.dedupe_key), col(NoticeRow.id))
    found = await writing.execute(select(*columns).join_from(names, NoticeRow, same))
    return {(clinic_id, dedupe_key): notice_id for clinic_id, dedupe_key, notice_id in found}


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
        "silent": notice.silent,
        "account_id": notice.account_id,
        "spared_session_id": notice.spared_session_id,
        "seq": notice.seq,
        "badges": None if notice.badges is None else {str(who): count for who, count in notice.badges.items()},
        "state": "due",
        "reason": "",
        "next_at": notice.not_before,
        "created_at": now,
    }


async def cancel_across(writing: Writing, causes: Sequence[tuple[UUID, UUID]], reason: str, now: datetime) -> int:
    """Take back what these causes, of (clinic_id, cause_id), still wanted to say; how many notices that were.

    `reason` is a stable code. At most four statements, whatever the number of causes and of clinics.

    Exit wins over send: this waits for the rows that a worker is claiming, and a worker passes by the rows
    that are locked here, or reads them as cancelled. What a worker already holds is on its way and is not
    called back; if its send does not succeed, it is not repeated.
    """
    notices = await _lock_standing(writing, causes) if causes else ()
    if not notices:
        return 0
    names = keys((notice.clinic_id, notice.id) for notice in notices)
    ended = update(NoticeRow).where(same_key(NoticeRow, names))
    await writing.execute(ended.values(state="cancelled", reason=reason, next_at=None), execution_options=UNTRACKED)
    waiting = update(DeliveryRow).where(
        col(DeliveryRow.clinic_id) == names.c.clinic_id,
        col(DeliveryRow.notice_id) == names.c.id,
        col(DeliveryRow.state) == DeliveryState.DUE.value,
    )
    suppressed = {"state": DeliveryState.SUPPRESSED.value, "reason": reason}
    await writing.execute(waiting.values(suppressed), execution_options=UNTRACKED)
    happenings = [(notice.clinic_id, suppression(notice, reason)) for notice in notices]
    await record_across(writing, SYSTEM, happenings, now)
    return len(notices)


async def _lock_standing(writing: Writing, causes: Sequence[tuple[UUID, UUID]]) -> Sequence[NoticeRow]:
    names = keys(causes)
    same = and_(col(NoticeRow.clinic_id) == names.c.clinic_id, col(NoticeRow.cause_id) == names.c.id)
    standing = select(NoticeRow).join_from(names, NoticeRow, same).where(col(NoticeRow.state) == "due")
    ordered = standing.order_by(col(NoticeRow.clinic_id), col(NoticeRow.id)).with_for_update(of=NoticeRow)
    return (await writing.execute(ordered)).scalars().all()


def suppression(notice: NoticeRow, reason: str) -> Happening:
    """What was not sent, and why: as much a fact as what was."""
    facts = {"kind": notice.kind, "purpose": notice.purpose, "reason": reason}
    return Happening("push.suppressed", notice.id, notice.patient_id, facts, notice.cause_id)
