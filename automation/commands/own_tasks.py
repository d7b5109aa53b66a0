"""Tasks that staff makes and alters by hand."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlmodel import col

from automation.commands.tasks import UNTRACKED, Act, TaskNotOpen, make_tasks
from automation.queries.tasks import LIVE, TaskView, task, within_reach
from automation.queries.teams import team_exists, who_work_here
from automation.tables import Task
from automation.task import TaskDraft, TaskKind, TaskOrigin, Whose
from clinic.queries import patient_card
from clinic.queries.desk import known_branches
from core.database import Writing
from core.errors import Fault, Invalid, NotFound, Stale
from core.events import Happening, record


@dataclass(frozen=True, slots=True)
class TaskWords:
    """All that staff says of a task and may say anew."""

    title: str
    description: str
    script: str
    whose: Whose
    due_at: datetime
    remind_at: datetime | None


async def make_own_task(
    writing: Writing, act: Act, kind: TaskKind, words: TaskWords, patient_id: UUID | None, branch_id: UUID | None
) -> TaskView:
    """`act.task_id` is the caller's own name for it: the same again gives the same task. Raises `Invalid`."""
    await _check(writing, act.clinic_id, words.whose)
    faults = []
    if patient_id is not None and await patient_card(writing, patient_id) is None:
        faults.append(Fault("/patient_id", "unknown-reference"))
    if branch_id is not None and branch_id not in await known_branches(writing, act.clinic_id):
        faults.append(Fault("/branch_id", "unknown-reference"))
    if faults:
        raise Invalid(*faults)
    draft = TaskDraft(
        kind, words.title, words.due_at, TaskOrigin.HAND, act.task_id, patient_id=patient_id, branch_id=branch_id,
        whose=words.whose, description=words.description, script=words.script, remind_at=words.remind_at,
    )  # fmt: skip
    await make_tasks(writing, [(act.clinic_id, draft)], act.actor, act.now)
    named = (col(Task.origin) == TaskOrigin.HAND.value, col(Task.cause_id) == act.task_id)
    mine = select(col(Task.id)).where(col(Task.clinic_id) == act.clinic_id, *named)
    made = (await writing.execute(mine)).scalar_one()
    return await _shown(writing, act, made)


async def change_task(writing: Writing, act: Act, version: int, words: TaskWords) -> TaskView:
    """Say all of it anew; whoever has taken it keeps it, unless it is another's now.

    Raises `NotFound`, `Stale`, `TaskNotOpen` where it is over, and `Invalid`.
    """
    before = await task(writing, act.clinic_id, act.doer.staff_id, act.task_id, act.language)
    if before is None:
        raise NotFound
    await _check(writing, act.clinic_id, words.whose)
    whose = words.whose
    news = {
        "title": words.title, "description": words.description, "script": words.script, "due_at": words.due_at,
        "remind_at": words.remind_at, "reminded_at": None, "assignee_id": whose.assignee_id, "preset": whose.preset,
        "team_id": whose.team_id, "version": col(Task.version) + 1,
    }  # fmt: skip
    if Whose(before.assignee_id, before.preset, before.team_id) != whose and before.taken_by != whose.assignee_id:
        news |= {"state": "open", "taken_by": None, "taken_at": None}
    if before.expires_at is not None and words.due_at > before.expires_at:
        raise Invalid(Fault("/due_at", "after-it-is-over"))
    named = (col(Task.clinic_id) == act.clinic_id, col(Task.id) == act.task_id, col(Task.version) == version)
    changed = update(Task).where(*named, col(Task.state).in_(LIVE), within_reach(act.doer.staff_id)).values(news)
    done = await writing.execute(changed.returning(col(Task.id)), execution_options=UNTRACKED)
    if done.scalar_one_or_none() is None:
        after = await task(writing, act.clinic_id, act.doer.staff_id, act.task_id, act.language)
        raise Stale if after is not None and after.version != version else TaskNotOpen
    await record(
        writing, act.clinic_id, act.actor, [Happening("task.changed", act.task_id, before.patient_id)], act.now
    )  # fmt: skip
    return await _shown(writing, act, act.task_id)


async def _shown(writing: Writing, act: Act, task_id: UUID) -> TaskView:
    """Nobody makes a task, or sends one to where, they do not see it themselves."""
    found = await task(writing, act.clinic_id, act.doer.staff_id, task_id, act.language)
    if found is None:
        raise Invalid(Fault("/branch_id", "beyond-your-branches"))
    return found


async def _check(writing: Writing, clinic_id: UUID, whose: Whose) -> None:
    if whose.assignee_id is not None and not await who_work_here(writing, clinic_id, [whose.assignee_id]):
        raise Invalid(Fault("/assignee_id", "unknown-reference"))
    if whose.team_id is not None and not await team_exists(writing, clinic_id, whose.team_id):
        raise Invalid(Fault("/team_id", "unknown-reference"))
