"""Calls that are wanted: the last way to reach somebody is a person of the clinic with a phone.

Push says that a call is wanted, and that it is no longer. What staff sees, takes and does is a task of automation,
which takes every news of these rows over once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, insert, select, update
from sqlmodel import col

from core.database import Sweeping, Writing
from core.events import Happening
from core.ids import new_id
from push.commands.batch import UNTRACKED, keys
from push.commands.heads import AnyNotice
from push.tables import CallTask


@dataclass(frozen=True, slots=True)
class WantedCall:
    """News of a call: it is wanted until `due_until`, or, not `wanted`, no longer."""

    clinic_id: UUID
    notice_id: UUID
    patient_id: UUID
    kind: str
    made_at: datetime
    due_until: datetime
    wanted: bool


async def make_call_tasks(sweeping: Sweeping, notices: Sequence[AnyNotice], now: datetime) -> None:
    rows = [
        {
            "clinic_id": notice.clinic_id, "id": new_id(), "patient_id": notice.patient_id, "notice_id": notice.id,
            "kind": notice.kind, "purpose": notice.purpose, "cause_id": notice.cause_id, "state": "open",
            "made_at": now, "due_until": notice.expires_at,
        }
        for notice in notices
    ]  # fmt: skip
    if rows:
        await sweeping.execute(insert(CallTask).execution_options(render_nulls=True), rows)


def call_happening(notice: AnyNotice) -> Happening:
    facts = {"kind": notice.kind, "purpose": notice.purpose}
    return Happening("push.call_wanted", notice.id, notice.patient_id, facts, notice.cause_id)


async def end_call_tasks(writing: Writing, notices: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Nobody need call any more about these notices, of (clinic_id, id)."""
    if not notices:
        return
    names = keys(notices)
    same = (col(CallTask.clinic_id) == names.c.clinic_id, col(CallTask.notice_id) == names.c.id)
    over = update(CallTask).where(*same, col(CallTask.state) == "open")
    news = {"state": "cancelled", "ended_at": now, "handed_over": False}
    await writing.execute(over.values(news), execution_options=UNTRACKED)


async def hand_over_calls(sweeping: Sweeping, limit: int) -> list[WantedCall]:
    """What is new of up to `limit` wanted calls, each news once: to be dealt with in the caller's transaction.

    A call that is cancelled while this is not yet committed waits for it, and is news again.
    """
    fresh = (
        select(col(CallTask.clinic_id), col(CallTask.id))
        .where(~col(CallTask.handed_over))
        .order_by(col(CallTask.made_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("fresh")
    )
    same = and_(col(CallTask.clinic_id) == fresh.c.clinic_id, col(CallTask.id) == fresh.c.id)
    told = update(CallTask).where(same).values(handed_over=True).returning(
        col(CallTask.clinic_id), col(CallTask.notice_id), col(CallTask.patient_id), col(CallTask.kind),
        col(CallTask.made_at), col(CallTask.due_until), col(CallTask.state) == "open",
    )  # fmt: skip
    rows = await sweeping.execute(told, execution_options=UNTRACKED)
    return [WantedCall(*row) for row in rows]
