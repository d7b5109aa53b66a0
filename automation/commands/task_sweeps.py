"""What time and push do to tasks: reminders fall due, tasks outlive their sense, calls are wanted or no longer."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, select, update
from sqlmodel import col

from automation.commands.tasks import TOLD, UNTRACKED, call_off, happened, make_tasks
from automation.queries.tasks import LIVE
from automation.tables import Task
from automation.task import TaskDraft, TaskKind, TaskOrigin, TaskState
from core.database import Sweeping
from core.events import SYSTEM, record_across
from push.commands.call_tasks import WantedCall, hand_over_calls

CALLED_WITHIN = timedelta(hours=4)
"""A call of the ladder is the last that is tried: it is due soon, and in any case before there is no sense in it."""


async def take_over_calls(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Make a task of every call that push wants, and call off those that it wants no longer; how many were news."""
    news = await hand_over_calls(sweeping, limit)
    drafts = [(call.clinic_id, _draft(call)) for call in news if call.wanted and call.due_until > now]
    await make_tasks(sweeping, drafts, SYSTEM, now)
    over = [(call.clinic_id, call.notice_id) for call in news if not call.wanted]
    await call_off(sweeping, over, TaskOrigin.LADDER, now)
    return len(news)


def _draft(call: WantedCall) -> TaskDraft:
    due_at = min(call.made_at + CALLED_WITHIN, call.due_until)
    return TaskDraft(
        TaskKind.CALL,
        "",
        due_at,
        TaskOrigin.LADDER,
        call.notice_id,
        patient_id=call.patient_id,
        expires_at=call.due_until,
    )


async def remind_of_tasks(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Say once, as an event, that the moment of a reminder has come; how many."""
    waits = and_(col(Task.reminded_at).is_(None), col(Task.remind_at) <= now, col(Task.state).in_(LIVE))
    return await _sweep(sweeping, waits, {"reminded_at": now}, "task.reminded", now, limit)


async def miss_tasks(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """End what nobody did while it made sense; how many."""
    outlived = and_(col(Task.expires_at) <= now, col(Task.state).in_(LIVE))
    news = {"state": TaskState.MISSED.value, "ended_at": now}
    return await _sweep(sweeping, outlived, news, "task.missed", now, limit)


async def _sweep(
    sweeping: Sweeping, which: Any, news: dict[str, Any], kind: str, now: datetime, limit: int
) -> int:  # fmt: skip
    found = (
        select(col(Task.clinic_id), col(Task.id)).where(which).limit(limit).with_for_update(skip_locked=True).cte("due")
    )
    changed = (
        update(Task)
        .where(col(Task.clinic_id) == found.c.clinic_id, col(Task.id) == found.c.id)
        .values(news)
        .returning(*TOLD)
    )
    rows = (await sweeping.execute(changed, execution_options=UNTRACKED)).all()
    await record_across(sweeping, SYSTEM, [happened(kind, {}, row) for row in rows], now)
    return len(rows)
