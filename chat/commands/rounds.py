"""What time does to cases, over all clinics: put-off ones come back, late ones are raised, open ones find somebody.

Each round takes conversations and their cases that nobody else is changing (SKIP LOCKED), so any number of workers may
run at once, and nobody who writes waits for them. One statement finds, one changes, one tells the logs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from chat.case import HIGHEST_PRIORITY
from chat.desk import Member, Unassigned, after_working_time, rotate
from chat.queries.desk import working_days
from chat.reach_sql import stands_sql
from clinic.queries.desk import branch_hours, who_may_reply
from core.database import Sweeping
from core.events import SYSTEM, Happening, record_across
from core.moments import LATEST

# Live cases whose rows, and whose conversations' rows, are now ours: {} is what they must be like.
_TAKEN = """
select k.clinic_id, k.id, k.branch_id, k.topic, k.waiting_since, d.escalate_minutes, c.patient_id
from chat_case k
join conversation c on c.clinic_id = k.clinic_id and c.id = k.conversation_id
left join chat_desk d on d.clinic_id = k.clinic_id
where k.closed_at is null and {}
order by {} limit :most
for no key update of c, k skip locked
"""
_TOLD = """
select chat_case_log(t.clinic_id, t.case_id, :kind, null, false, :now)
from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[])) t(clinic_id, case_id)
"""
_OF_THESE = """
from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[])) t(clinic_id, case_id)
where k.clinic_id = t.clinic_id and k.id = t.case_id
"""
_LATE = text(
    _TAKEN.format(
        "k.escalates_at <= :now and k.waiting_since is not null and k.escalated_at is null"
        " and d.escalate_minutes is not null and k.planned_at >= d.changed_at",
        "k.escalates_at",
    )
)
_RESTED = text(_TAKEN.format("k.state = 'snoozed' and k.snoozed_until <= :now", "k.snoozed_until"))
_UNPLANNED = text(
    _TAKEN.format(
        "k.waiting_since <= :now and k.escalated_at is null and d.escalate_minutes is not null"
        " and (k.escalates_at is null or k.planned_at < d.changed_at)",
        "k.waiting_since",
    )
)
_OPEN = text(
    _TAKEN.format(
        f"""k.state = 'open' and k.assignee_id is null and d.assigning = 'rotation' and k.escalated_at is null
        and k.opened_at <= :now and exists (
            select from chat_rota r join staff s on s.clinic_id = r.clinic_id and s.id = r.staff_id
            where r.clinic_id = k.clinic_id and not r.paused and s.left_at is null
                and 'chat.reply' = any (s.permissions)
                and (r.branch_ids = '{{}}' or k.branch_id = any (r.branch_ids))
                and {stands_sql("k.branch_id", "null::uuid", "s")}
                and (r.topics = '{{}}' or k.topic = any (r.topics))
        )""",
        "k.opened_at, k.id",
    )
)

_LEFT = text(
    _TAKEN.format(
        """k.state = 'assigned' and k.opened_at <= :now and not exists (
            select from staff s where s.clinic_id = k.clinic_id and s.id = k.assignee_id
                and s.left_at is null and 'chat.reply' = any (s.permissions)
        )""",
        "k.opened_at, k.id",
    )
)


@dataclass(slots=True)
class _Rota:
    """Who of a clinic may be given something, and the number of the last case that anybody on the rota was given."""

    members: list[Member] = field(default_factory=list)
    last: int = 0


async def open_left(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Give back to all what belongs to somebody who has left or may answer no more; how many."""
    rows = await _taken(sweeping, _LEFT, now, most)
    changed = f"update chat_case k set assignee_id = null, state = 'open' {_OF_THESE}"  # noqa: S608
    return await _changed(sweeping, rows, changed, "assign", now)


async def wake_snoozed(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Bring back what was put off until now; how many."""
    rows = await _taken(sweeping, _RESTED, now, most)
    changed = f"""update chat_case k set snoozed_until = null,
        state = case when k.assignee_id is null then 'open' else 'assigned' end {_OF_THESE}"""  # noqa: S608
    return await _changed(sweeping, rows, changed, "state", now)


async def plan_escalations(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Say of everybody who waits when it will have been too long, by their branch's working time; of how many."""
    rows = await _taken(sweeping, _UNPLANNED, now, most)
    if not rows:
        return 0
    days = await working_days(sweeping, {row.clinic_id for row in rows})
    hours = await branch_hours(sweeping, days, {row.branch_id for row in rows if row.branch_id})
    due = []
    for row in rows:
        place = hours.get(row.branch_id)
        allowed = timedelta(minutes=row.escalate_minutes)
        at = row.waiting_since + allowed if place is None else after_working_time(place, row.waiting_since, allowed)
        due.append(LATEST if at is None else at)
    planned = """update chat_case k set escalates_at = t.due, planned_at = :now
        from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[]), cast(:due as timestamptz[]))
            t(clinic_id, case_id, due)
        where k.clinic_id = t.clinic_id and k.id = t.case_id"""
    await sweeping.execute(text(planned), {**_named(rows), "due": due, "now": now})
    return len(rows)


async def escalate(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Raise what nobody answered in time, and give it to whom the desk says, or to everybody; how many.

    Once for each wait: an answer ends it, and the patient's next message begins another.
    """
    rows = await _taken(sweeping, _LATE, now, most)
    changed = """update chat_case k set escalated_at = :now, priority = :priority, assignee_id = s.id,
        state = case when s.id is null then 'open' else 'assigned' end, queued_at = coalesce(k.queued_at, :now)
        from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[])) t(clinic_id, case_id)
        left join chat_desk d on d.clinic_id = t.clinic_id
        left join staff s on s.clinic_id = t.clinic_id and s.id = d.escalate_to and s.left_at is null
            and 'chat.reply' = any (s.permissions)
        where k.clinic_id = t.clinic_id and k.id = t.case_id"""
    done = await _changed(sweeping, rows, changed, "state", now, priority=HIGHEST_PRIORITY, now=now)
    told = [(row.clinic_id, Happening("case.escalated", row.id, patient_id=row.patient_id)) for row in rows]
    await record_across(sweeping, SYSTEM, told, now)
    return done


async def assign_by_rotation(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Give open cases to the rotas of their clinics, fairly; how many found somebody."""
    rows = await _taken(sweeping, _OPEN, now, most)
    if not rows:
        return 0
    rotas = await _rotas(sweeping, {row.clinic_id for row in rows})
    given = [
        (clinic_id, turn)
        for clinic_id, rota in rotas.items()
        for turn in rotate(_of(clinic_id, rows), rota.members, rota.last)
    ]
    if not given:
        return 0
    values: dict[str, Any] = {
        "clinics": [clinic_id for clinic_id, _ in given],
        "cases": [turn.case_id for _, turn in given],
        "people": [turn.staff_id for _, turn in given],
        "turns": [turn.number for _, turn in given],
    }
    table = """unnest(
            cast(:clinics as uuid[]), cast(:cases as uuid[]), cast(:people as uuid[]), cast(:turns as bigint[]))
        t(clinic_id, case_id, staff_id, turn)"""
    cases = f"""update chat_case k set assignee_id = t.staff_id, state = 'assigned' from {table}
        where k.clinic_id = t.clinic_id and k.id = t.case_id"""  # noqa: S608
    turns = f"""update chat_rota r set turn = t.turn
        from (select clinic_id, staff_id, max(turn) as turn from {table} group by clinic_id, staff_id) t
        where r.clinic_id = t.clinic_id and r.staff_id = t.staff_id"""  # noqa: S608
    await sweeping.execute(text(cases).bindparams(**values))
    await sweeping.execute(text(turns).bindparams(**values))
    told = {"clinics": values["clinics"], "cases": values["cases"], "kind": "assign", "now": now}
    await sweeping.execute(text(_TOLD), told)
    return len(given)


def _of(clinic_id: UUID, rows: Sequence[Row[Any]]) -> list[Unassigned]:
    return [Unassigned(row.id, row.branch_id, row.topic) for row in rows if row.clinic_id == clinic_id]


async def _rotas(sweeping: Sweeping, clinic_ids: set[UUID]) -> dict[UUID, _Rota]:
    """Who is on each clinic's rota and may be given something; all rows stay locked, so turns are given in a row."""
    locked = """select r.clinic_id, r.staff_id, r.branch_ids, r.topics, r.turn, r.paused from chat_rota r
        where r.clinic_id = any(cast(:clinics as uuid[])) order by r.clinic_id, r.staff_id for no key update"""
    rows = (await sweeping.execute(text(locked), {"clinics": sorted(clinic_ids)})).all()
    able = await who_may_reply(sweeping, {row.staff_id for row in rows if not row.paused})
    rotas: dict[UUID, _Rota] = {}
    for row in rows:
        rota = rotas.setdefault(row.clinic_id, _Rota())
        rota.last = max(rota.last, row.turn)
        if row.staff_id in able:
            tied = able[row.staff_id]
            rota.members.append(Member(row.staff_id, frozenset(row.branch_ids), frozenset(row.topics), row.turn, tied))
    return rotas


async def _taken(sweeping: Sweeping, statement: Any, now: datetime, most: int) -> Sequence[Row[Any]]:
    return (await sweeping.execute(statement, {"now": now, "most": most})).all()


async def _changed(
    sweeping: Sweeping, rows: Sequence[Row[Any]], statement: str, kind: str, at: datetime, **values: Any
) -> int:
    if rows:
        await sweeping.execute(text(statement), {**_named(rows), **values})
        await sweeping.execute(text(_TOLD), {**_named(rows), "kind": kind, "now": at})
    return len(rows)


def _named(rows: Sequence[Row[Any]]) -> dict[str, Any]:
    return {"clinics": [row.clinic_id for row in rows], "cases": [row.id for row in rows]}
