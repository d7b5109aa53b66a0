"""Lets patients out of journeys: state, timer and log in one statement; what was made for them is taken back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, Select, delete, func, insert, literal, select, update
from sqlmodel import col

from automation.commands.taking_back import take_back
from automation.journey.words import EnrolmentState, ExitReason, Verdict
from automation.queries.days import AS_OF
from automation.tables import Enrolment, Timer, Touchpoint
from core.database import Writing
from push.commands.batch import UUIDS, batch_of


async def leave(
    writing: Writing, found: Select[Any], reason: ExitReason, values: Mapping[str, Any], now: datetime
) -> list[tuple[UUID, UUID]]:
    """Let out who is active of `found`, of (clinic_id, enrolment_id), with the parameters `values`; who they were."""
    rows = await writing.execute(_leaving(found, reason), {**values, "as_of": now})
    left = [(clinic_id, enrolment_id) for clinic_id, enrolment_id in rows]
    await take_back(writing, left, reason, now)
    return left


async def let_out(
    writing: Writing, who: list[tuple[UUID, UUID]], reason: ExitReason, now: datetime
) -> list[tuple[UUID, UUID]]:
    """Let these out, of (clinic_id, enrolment_id); gives those who were in. Staff's way, and that of a stopped one."""
    if not who:
        return []
    names = batch_of({"clinic_id": UUIDS, "id": UUIDS})
    ordered = sorted(set(who), key=lambda pair: (pair[0].int, pair[1].int))
    values = {"batch_clinic_id": [pair[0] for pair in ordered], "batch_id": [pair[1] for pair in ordered]}
    found = select(col(Enrolment.clinic_id), col(Enrolment.id)).join_from(
        names, Enrolment, (col(Enrolment.clinic_id) == names.c.clinic_id) & (col(Enrolment.id) == names.c.id)
    )
    active: Any = found.where(col(Enrolment.state) == EnrolmentState.ACTIVE.value)
    return await leave(writing, active, reason, values, now)


def _leaving(found: Select[Any], reason: ExitReason) -> Select[UUID, UUID]:
    ordered = found.order_by(col(Enrolment.clinic_id), col(Enrolment.id)).with_for_update(of=Enrolment).cte("found")
    gone = (
        update(Enrolment)
        .where(col(Enrolment.clinic_id) == ordered.c.clinic_id, col(Enrolment.id) == ordered.c.id)
        .values(
            state=EnrolmentState.EXITED.value, exited_at=AS_OF, exit_reason=reason.value, seq=Enrolment.seq + 1,
            waiting=False,
        )
        .returning(col(Enrolment.clinic_id), col(Enrolment.id), col(Enrolment.step), col(Enrolment.seq))
        .cte("gone")
    )  # fmt: skip
    untimed = delete(Timer).where(col(Timer.clinic_id) == gone.c.clinic_id, col(Timer.enrolment_id) == gone.c.id)
    lines = logged(gone, gone.c.seq - 1, literal(Verdict.EXITED.value), reason.value)
    return select(gone.c.clinic_id, gone.c.id).add_cte(untimed.cte("untimed"), lines)


def logged(rows: CTE, seq: Any, verdict: Any, reason: str = "") -> CTE:
    """SQL: a line of the log for each of these enrolments."""
    values: dict[str, Any] = {
        "clinic_id": rows.c.clinic_id, "id": func.id_made_at(AS_OF), "enrolment_id": rows.c.id, "seq": seq,
        "step": rows.c.step, "verdict": verdict, "reason": literal(reason), "at": AS_OF,
    }  # fmt: skip
    lines = insert(Touchpoint).from_select(list(values), select(*values.values()), include_defaults=False)
    return lines.cte("logged")
