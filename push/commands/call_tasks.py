"""Call tasks: the last way to reach somebody is a person of the clinic with a phone."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Update, and_, insert, or_, update
from sqlmodel import col

from core.database import Sweeping, Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from core.ids import new_id
from push.commands.batch import UNTRACKED, keys
from push.commands.heads import AnyNotice
from push.queries.call_tasks import CallTaskView, call_task
from push.tables import CallTask


class CallTaskTaken(Conflict):
    """A colleague is calling, or it is over."""

    slug = "call-task-taken"


class CallOutcome(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    WRONG_NUMBER = "wrong_number"
    NOT_WANTED = "not_wanted"


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
    return Happening("call_task.made", notice.id, notice.patient_id, facts, notice.cause_id)


async def end_call_tasks(writing: Writing, notices: Sequence[tuple[UUID, UUID]], now: datetime) -> None:
    """Nobody need call any more about these notices, of (clinic_id, id)."""
    if not notices:
        return
    names = keys(notices)
    same = (col(CallTask.clinic_id) == names.c.clinic_id, col(CallTask.notice_id) == names.c.id)
    over = update(CallTask).where(*same, col(CallTask.state).in_(["open", "taken"]))
    await writing.execute(over.values(state="cancelled", ended_at=now), execution_options=UNTRACKED)


async def take_call_task(
    writing: Writing, clinic_id: UUID, task_id: UUID, staff_id: UUID, actor: Actor, now: datetime
) -> CallTaskView:
    """Say that one calls now; again changes nothing. Raises `NotFound`, `CallTaskTaken`."""
    taken = (
        _open_to(clinic_id, task_id, staff_id)
        .values(state="taken", taken_by=staff_id, taken_at=now)
        .returning(col(CallTask.patient_id))
    )
    patient_id = (await writing.execute(taken, execution_options=UNTRACKED)).scalar_one_or_none()
    return await _changed(writing, clinic_id, task_id, patient_id, "call_task.taken", {}, actor, now)


async def end_call_task(
    writing: Writing, clinic_id: UUID, task_id: UUID, staff_id: UUID, outcome: CallOutcome, actor: Actor, now: datetime
) -> CallTaskView:
    """Say what came of the call, once. Raises `NotFound`, `CallTaskTaken`."""
    open_to_me = or_(
        col(CallTask.state) == "open", (col(CallTask.state) == "taken") & (col(CallTask.taken_by) == staff_id)
    )
    mine = update(CallTask).where(col(CallTask.clinic_id) == clinic_id, col(CallTask.id) == task_id, open_to_me)
    news = {"state": "done", "outcome": outcome.value, "ended_by": staff_id, "ended_at": now}
    ended = mine.values(news).returning(col(CallTask.patient_id))
    patient_id = (await writing.execute(ended, execution_options=UNTRACKED)).scalar_one_or_none()
    facts = {"outcome": outcome.value}
    return await _changed(writing, clinic_id, task_id, patient_id, "call_task.done", facts, actor, now)


def _open_to(clinic_id: UUID, task_id: UUID, staff_id: UUID) -> Update:
    """SQL: the task, while it is nobody's or one's own: of two colleagues at once one gets it."""
    own = and_(col(CallTask.state) == "taken", col(CallTask.taken_by) == staff_id)
    free = or_(col(CallTask.state) == "open", own)
    return update(CallTask).where(col(CallTask.clinic_id) == clinic_id, col(CallTask.id) == task_id, free)


async def _changed(
    writing: Writing, clinic_id: UUID, task_id: UUID, patient_id: UUID | None, kind: str, facts: dict[str, str],
    actor: Actor, now: datetime,
) -> CallTaskView:  # fmt: skip
    found = await call_task(writing, clinic_id, task_id)
    if found is None:
        raise NotFound
    if patient_id is None:
        raise CallTaskTaken
    await record(writing, clinic_id, actor, [Happening(kind, task_id, patient_id, facts)], now)
    return found
