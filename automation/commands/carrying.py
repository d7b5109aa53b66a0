"""Carries patients from one version of a journey to another, or out of it: set-wise, in batches, by any worker.

What is to become of them stands on the version that they are on (`carries`), so a crash loses nothing: whoever is not
carried yet is found again. Enrolments are held in one order and those that another transaction moves at this moment
are passed over; then their messages, then their timers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CTE,
    ColumnElement,
    Select,
    Update,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONPATH, insert
from sqlalchemy.orm import aliased
from sqlmodel import col

from automation.commands.taking_back import take_back, take_words_back
from automation.journey.words import Carrying, EnrolmentState, ExitReason, JourneyState, Verdict
from automation.queries.days import AS_OF
from automation.queries.unsaid import unsaid
from automation.tables import Enrolment, JourneyRow, Timer, Touchpoint
from core.database import Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from push.commands.batch import keys, same_key

UNTRACKED = {"synchronize_session": False}
_TAKES = (JourneyState.ACTIVE.value, JourneyState.PAUSED.value)
_OLD, _NEW = aliased(JourneyRow, name="old"), aliased(JourneyRow, name="new")


class NotOnJourney(Conflict):
    """They have left it already, or come to its end."""

    slug = "not-on-the-journey"


async def carry_over(writing: Writing, now: datetime, limit: int) -> int:
    """Carry up to `limit` patients of each kind, of every clinic in reach; how many there were."""
    carried = 0
    for carrying in (Carrying.LEAVE, Carrying.RESTART, Carrying.MOVE):
        waiting = (await writing.execute(_waiting(carrying, limit))).all()
        carried += len(waiting)
        late = [(row[0], row[1]) for row in waiting if row[2] != EnrolmentState.ACTIVE.value]
        await take_words_back(writing, late, ExitReason.STOPPED, now)
        found = [(row[0], row[1]) for row in waiting if row[2] == EnrolmentState.ACTIVE.value]
        if not found:
            continue
        if carrying is not Carrying.MOVE:
            await take_back(writing, found, ExitReason.STOPPED, now)
        statement = left(found) if carrying is Carrying.LEAVE else _moved(found, anew=carrying is Carrying.RESTART)
        await writing.execute(statement, {"as_of": now})
    if carried < limit:
        await writing.execute(_over(), {"as_of": now}, execution_options=UNTRACKED)
    return carried


async def take_out(writing: Writing, clinic_id: UUID, enrolment_id: UUID, actor: Actor, now: datetime) -> None:
    """Let one patient out by hand. Raises `NotFound`, `NotOnJourney`."""
    mine = (col(Enrolment.clinic_id) == clinic_id, col(Enrolment.id) == enrolment_id)
    held = select(col(Enrolment.patient_id), col(Enrolment.state)).where(*mine).with_for_update()
    found = (await writing.execute(held)).one_or_none()
    if found is None:
        raise NotFound
    if found.state != EnrolmentState.ACTIVE.value:
        raise NotOnJourney
    names = [(clinic_id, enrolment_id)]
    await take_back(writing, names, ExitReason.STOPPED, now)
    await writing.execute(left(names), {"as_of": now})
    told = Happening("enrolment.stopped", enrolment_id, patient_id=found.patient_id)
    await record(writing, clinic_id, actor, [told], now)


def left(found: Sequence[tuple[UUID, UUID]]) -> Select[Any]:
    """One statement that lets these enrolments out as stopped by staff; they are held already. Takes `as_of`."""
    names = keys(found)
    news = {
        "state": EnrolmentState.EXITED.value, "exited_at": AS_OF, "exit_reason": ExitReason.STOPPED.value,
        "waiting": False, "seq": Enrolment.seq + 1,
    }  # fmt: skip
    gone = update(Enrolment).where(same_key(Enrolment, names)).values(news).returning(*_RETURNED).cte("gone")
    untimed = delete(Timer).where(_of(Timer, gone)).cte("untimed")
    logged = _logged(gone, Verdict.EXITED, literal(ExitReason.STOPPED.value))
    return select(func.count()).select_from(gone).add_cte(untimed, logged)


_RETURNED = (col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.step), col(Enrolment.seq))


def _waiting(carrying: Carrying, limit: int) -> Select[UUID, UUID, str]:
    """Who is to be carried so, each held; of what staff stopped also who came to its end while something waits that was
    said to them."""
    who = col(Enrolment.state) == EnrolmentState.ACTIVE.value
    if carrying is Carrying.LEAVE:
        stopped = col(_OLD.state) == JourneyState.STOPPED.value
        who = or_(who, and_(stopped, col(Enrolment.state) == EnrolmentState.COMPLETED.value, unsaid()))
    statement = (
        select(col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.state))
        .join(_OLD, _of_old())
        .where(col(_OLD.carries) == carrying.value, who)
    )
    if carrying is not Carrying.LEAVE:
        statement = statement.join(_NEW, _successor())
    if carrying is Carrying.MOVE:
        statement = statement.where(_has_step())
    ordered = statement.order_by(col(Enrolment.clinic_id), col(Enrolment.id)).limit(limit)
    return ordered.with_for_update(of=Enrolment, skip_locked=True)


def _of_old() -> ColumnElement[bool]:
    """The version that the enrolment is on."""
    return and_(col(_OLD.clinic_id) == Enrolment.clinic_id, col(_OLD.id) == Enrolment.journey_id)


def _successor() -> ColumnElement[bool]:
    """The version that takes people in now."""
    return and_(col(_NEW.clinic_id) == _OLD.clinic_id, col(_NEW.key) == _OLD.key, col(_NEW.state).in_(_TAKES))


def _has_step() -> ColumnElement[bool]:
    named = func.jsonb_build_array(func.jsonb_build_object("id", Enrolment.step))
    return col(_NEW.definition)["steps"].contains(named)


def _step_of(journey: Any) -> ColumnElement[Any]:
    """The step that the enrolment stands on, as this version says it."""
    path = cast("$.steps[*] ? (@.id == $id)", JSONPATH)
    return func.jsonb_path_query_first(journey.definition, path, func.jsonb_build_object("id", Enrolment.step))


def _moved(found: Sequence[tuple[UUID, UUID]], *, anew: bool) -> Select[Any]:
    """One statement: the new version has them, and a line says so. A step that reads otherwise there begins anew."""
    names = keys(found)
    begins = literal(True) if anew else _step_of(_OLD).is_distinct_from(_step_of(_NEW))
    first = col(_NEW.definition)["steps"][0]["id"].astext
    source = (
        select(
            col(Enrolment.clinic_id), col(Enrolment.id), col(_NEW.id).label("journey_id"), begins.label("begins"),
            (first if anew else col(Enrolment.step)).label("step"),
        )
        .join(names, same_key(Enrolment, names))
        .join(_OLD, _of_old())
        .join(_NEW, _successor())
        .cte("source")
    )  # fmt: skip
    news = {
        "journey_id": source.c.journey_id, "step": source.c.step, "seq": Enrolment.seq + 1,
        "waiting": and_(col(Enrolment.waiting), ~source.c.begins),
        "step_since": case((source.c.begins, AS_OF), else_=col(Enrolment.step_since)),
    }  # fmt: skip
    here = and_(col(Enrolment.clinic_id) == source.c.clinic_id, col(Enrolment.id) == source.c.id)
    changed = update(Enrolment).where(here).values(news).returning(*_RETURNED, source.c.begins).cte("changed")
    timed = update(Timer).where(_of(Timer, changed), changed.c.begins).values(due_at=AS_OF).cte("timed")
    logged = _logged(changed, Verdict.MIGRATED, literal(Carrying.RESTART.value if anew else ""))
    return select(func.count()).select_from(changed).add_cte(timed, logged)


def _of(table: Any, rows: CTE) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == rows.c.clinic_id, col(table.enrolment_id) == rows.c.id)


def _logged(rows: CTE, verdict: Verdict, reason: ColumnElement[str]) -> CTE:
    lines = select(
        rows.c.clinic_id, func.id_made_at(AS_OF), rows.c.id, rows.c.seq - 1, rows.c.step, literal(verdict.value),
        reason, AS_OF,
    )  # fmt: skip
    columns = ["clinic_id", "id", "enrolment_id", "seq", "step", "verdict", "reason", "at"]
    return insert(Touchpoint).from_select(columns, lines, include_defaults=False).cte("logged")


def _over() -> Update:
    """What takes nobody in and has nobody on it ends."""
    stands = and_(
        col(Enrolment.clinic_id) == JourneyRow.clinic_id, col(Enrolment.journey_id) == JourneyRow.id,
        col(Enrolment.state) == EnrolmentState.ACTIVE.value,
    )  # fmt: skip
    return (
        update(JourneyRow)
        .where(
            or_(col(JourneyRow.state) == JourneyState.DRAINING.value, col(JourneyRow.carries).is_not(None)),
            ~exists().where(stands),
        )
        .values(state=JourneyState.STOPPED.value, carries=None, ended_at=func.coalesce(JourneyRow.ended_at, AS_OF))
    )
