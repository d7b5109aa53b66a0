"""Makes tasks, each once, and changes them: taken, given back, done, tried again, altered, called off.

Who may do what stands in the condition of one UPDATE: of two at once one gets it, and the other is refused.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Update, and_, case, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.queries.tasks import LIVE, Doer, TaskView, for_everybody_of, gone, task, within_reach
from automation.tables import Task, TaskTry
from automation.task import (
    AGAIN,
    MOST_TRIES,
    OUTCOMES,
    TaskDraft,
    TaskKind,
    TaskOrigin,
    TaskOutcome,
    TaskState,
    told_cause,
)
from clinic.queries.desk import branches_of
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound
from core.events import Actor, ActorKind, Happening, record, record_across
from core.ids import new_id

UNTRACKED = {"synchronize_session": False}
LONGEST_WAIT = timedelta(days=366)
TOLD = (col(Task.clinic_id), col(Task.id), col(Task.patient_id), col(Task.origin), col(Task.cause_id))


class TaskNotOpen(Conflict):
    """Somebody has it, it is for others, or it is over."""

    slug = "task-not-open"


class TaskNotTaken(Conflict):
    """Only who has taken a call may put it off."""

    slug = "task-not-taken"


@dataclass(frozen=True, slots=True)
class Act:
    """Somebody acts on one task of their clinic."""

    clinic_id: UUID
    task_id: UUID
    doer: Doer
    language: str
    now: datetime

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.STAFF, self.doer.staff_id)


async def make_tasks(
    writing: Writing, drafts: Sequence[tuple[UUID, TaskDraft]], actor: Actor, now: datetime
) -> list[UUID]:
    """Takes (clinic_id, draft), gives the ids of those that are new.

    What there is already under its (origin, cause, seq), or lives for the same `about`, stays as it is. Three
    statements, whatever the number.
    """
    if not drafts:
        return []
    patients = {(clinic_id, draft.patient_id) for clinic_id, draft in drafts if draft.patient_id is not None}
    branches = await branches_of(writing, sorted(patients)) if patients else {}
    # In one order, so that two transactions that make the same tasks wait for each other and never in a ring.
    ordered = sorted(drafts, key=lambda pair: (pair[0], pair[1].origin.value, pair[1].cause_id, pair[1].seq))
    rows = [
        _row(clinic_id, draft, branches.get((clinic_id, draft.patient_id or draft.cause_id)), actor, now)
        for clinic_id, draft in ordered
    ]
    fresh = insert(Task).on_conflict_do_nothing().returning(col(Task.id)).execution_options(render_nulls=True)
    made = set((await writing.execute(fresh, rows)).scalars())
    told = [(each["clinic_id"], _made(each)) for each in rows if each["id"] in made]
    await record_across(writing, actor, told, now)
    return sorted(made)


def _row(clinic_id: UUID, draft: TaskDraft, home: UUID | None, actor: Actor, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id, "id": new_id(), "kind": draft.kind.value, "title": draft.title,
        "description": draft.description, "script": draft.script, "patient_id": draft.patient_id,
        "branch_id": draft.branch_id or home, "assignee_id": draft.whose.assignee_id, "preset": draft.whose.preset,
        "team_id": draft.whose.team_id, "origin": draft.origin.value, "cause_id": draft.cause_id, "seq": draft.seq,
        "about": draft.about, "due_at": draft.due_at, "remind_at": draft.remind_at, "expires_at": draft.expires_at,
        "state": TaskState.OPEN.value, "calls_back": draft.calls_back, "made_at": now,
        "made_by": actor.id if actor.kind is ActorKind.STAFF else None,
    }  # fmt: skip


def _made(row: dict[str, Any]) -> Happening:
    cause = told_cause(row["origin"], row["cause_id"])
    return Happening("task.made", row["id"], row["patient_id"], {"kind": row["kind"]}, cause)


def happened(kind: str, facts: dict[str, str], row: Row[UUID, UUID, UUID | None, str, UUID]) -> tuple[UUID, Happening]:
    """What to tell of a task that a statement changed, by its `TOLD` columns."""
    clinic_id, task_id, patient_id, origin, cause_id = row
    return clinic_id, Happening(kind, task_id, patient_id, facts, told_cause(origin, cause_id))


async def take_task(writing: Writing, act: Act) -> TaskView:
    """Say that one is at it; again changes nothing. Raises `NotFound`, `TaskNotOpen`."""
    news = {"state": TaskState.TAKEN.value, "taken_by": act.doer.staff_id, "taken_at": act.now}
    taken = _the_task(act).where(or_(_free(act.doer), _mine(act.doer))).values(news)
    return await _changed(writing, act, taken, "task.taken", {})


async def release_task(writing: Writing, act: Act) -> TaskView:
    """Give it back to those it is for. Raises `NotFound`, `TaskNotTaken`."""
    news = {"state": TaskState.OPEN.value, "taken_by": None, "taken_at": None}
    given = _the_task(act).where(_mine(act.doer)).values(news)
    return await _changed(writing, act, given, "task.released", {}, TaskNotTaken)


async def end_task(writing: Writing, act: Act, outcome: TaskOutcome, note: str) -> TaskView:
    """Say once what came of it. Raises `NotFound`, `TaskNotOpen`, and `Invalid` for an outcome of another kind."""
    of_kind = [kind.value for kind in TaskKind if outcome in OUTCOMES[kind]]
    to_be_said = and_(
        col(Task.state) == TaskState.DONE.value, col(Task.said_by_call), col(Task.ended_by) == act.doer.staff_id
    )
    mine = _the_task(act).where(or_(_free(act.doer), _mine(act.doer), to_be_said), col(Task.kind).in_(of_kind))
    ended = mine.values(
        state=TaskState.DONE.value, outcome=outcome.value, note=note, said_by_call=False,
        ended_by=act.doer.staff_id, ended_at=func.coalesce(col(Task.ended_at), act.now),
    )  # fmt: skip
    return await _changed(writing, act, ended, "task.done", {"outcome": outcome.value}, kinds=of_kind)


async def try_again(writing: Writing, act: Act, outcome: TaskOutcome, note: str, again_at: datetime) -> TaskView:
    """This call came to nothing yet: the same task is due again. Only who has taken it may say so, and so only once.

    Raises `NotFound`, `TaskNotTaken`, and `Invalid` for a time that is not ahead or an outcome that ends.
    """
    if not act.now < again_at <= act.now + LONGEST_WAIT:
        raise Invalid(Fault("/again_at", "not-ahead"))
    if outcome not in AGAIN:
        raise Invalid(Fault("/outcome", "ends-it"))
    held = _the_task(act).where(
        _mine(act.doer), col(Task.kind) == TaskKind.CALL.value, col(Task.tries) < MOST_TRIES
    )  # fmt: skip
    news = held.values(
        state=TaskState.OPEN.value, taken_by=None, taken_at=None, due_at=again_at, tries=Task.tries + 1,
        calls_back=True, remind_at=None, reminded_at=None,
        expires_at=case((col(Task.expires_at).is_not(None), func.greatest(col(Task.expires_at), again_at))),
    )  # fmt: skip
    facts = {"outcome": outcome.value}
    found = await _changed(writing, act, news, "task.tried", facts, TaskNotTaken, kinds=[TaskKind.CALL.value])
    made = insert(TaskTry).values(
        clinic_id=act.clinic_id, id=new_id(), task_id=act.task_id, number=found.tries, outcome=outcome.value,
        note=note, staff_id=act.doer.staff_id, at=act.now,
    )  # fmt: skip
    await writing.execute(made)
    return found


async def cancel_task(writing: Writing, act: Act) -> TaskView:
    """Nobody need do it any more. Raises `NotFound`, `TaskNotOpen` where it is over."""
    over = _the_task(act).where(col(Task.state).in_(LIVE))
    news = {"state": TaskState.CANCELLED.value, "ended_at": act.now, "ended_by": act.doer.staff_id}
    return await _changed(writing, act, over.values(news), "task.cancelled", {})


async def call_off(
    writing: Writing, causes: Iterable[tuple[UUID, UUID]], origin: TaskOrigin, now: datetime, *, taken: bool = True
) -> int:
    """What was made of these causes, of (clinic_id, cause_id), and is not over, need not be done any more.

    Without `taken` what somebody is at stays theirs.
    """
    pairs = sorted(set(causes))
    if not pairs:
        return 0
    live = (
        select(col(Task.clinic_id), col(Task.id))
        .where(
            col(Task.clinic_id).in_({clinic_id for clinic_id, _ in pairs}), col(Task.origin) == origin.value,
            col(Task.cause_id).in_([cause_id for _, cause_id in pairs]),
            col(Task.state).in_(LIVE if taken else (TaskState.OPEN.value,)),
        )
        .order_by(col(Task.clinic_id), col(Task.id))
        .with_for_update()
        .cte("live")
    )  # fmt: skip
    over = (
        update(Task)
        .where(col(Task.clinic_id) == live.c.clinic_id, col(Task.id) == live.c.id)
        .values(state=TaskState.CANCELLED.value, ended_at=now)
        .returning(*TOLD)
    )
    gone_now = (await writing.execute(over, execution_options=UNTRACKED)).all()
    told = [happened("task.cancelled", {}, row) for row in gone_now]
    await record_across(writing, Actor(ActorKind.AUTOMATION), told, now)
    return len(gone_now)


def _the_task(act: Act) -> Update:
    named = (col(Task.clinic_id) == act.clinic_id, col(Task.id) == act.task_id)
    return update(Task).where(*named, within_reach(act.doer.staff_id))


def _mine(doer: Doer) -> ColumnElement[bool]:
    return and_(col(Task.state) == TaskState.TAKEN.value, col(Task.taken_by) == doer.staff_id)


def _free(doer: Doer) -> ColumnElement[bool]:
    """SQL: it is this doer's to take. What somebody had who has left is everybody's."""
    named = or_(col(Task.assignee_id) == doer.staff_id, gone(Task.assignee_id), for_everybody_of(doer))
    left = and_(col(Task.state) == TaskState.TAKEN.value, gone(Task.taken_by))
    return or_(and_(col(Task.state) == TaskState.OPEN.value, named), left)


async def _changed(
    writing: Writing, act: Act, statement: Update, kind: str, facts: dict[str, str],
    refusal: type[Conflict] = TaskNotOpen, kinds: Sequence[str] = tuple(TaskKind),
) -> TaskView:  # fmt: skip
    changed = statement.values(version=Task.version + 1).returning(col(Task.patient_id))
    row = (await writing.execute(changed, execution_options=UNTRACKED)).one_or_none()
    found = await task(writing, act.clinic_id, act.doer.staff_id, act.task_id, act.language)
    if found is None:
        raise NotFound
    if row is None:
        raise Invalid(Fault("/outcome", "of-another-kind")) if found.kind.value not in kinds else refusal
    told = Happening(kind, act.task_id, found.patient_id, facts, told_cause(found.origin, found.cause_id))
    await record(writing, act.clinic_id, act.actor, [told], act.now)
    return found
