"""Counts how soon desks first answer, in working time: what patients are promised."""

from datetime import datetime, timedelta

from sqlalchemy import text

from chat.desk import COUNTED, working_time
from chat.queries.desk import working_days
from clinic.queries.desk import branch_hours
from core.database import Sweeping

_COUNTED_ANEW = timedelta(hours=1)
_MINUTE = timedelta(minutes=1)

_UNCOUNTED = text("""
select k.clinic_id, k.id, k.branch_id, coalesce(k.queued_at, k.opened_at) as asked_at, k.first_reply_at
from chat_case k where k.first_reply_at is not null and k.reply_minutes is null
order by k.first_reply_at limit :most for no key update skip locked
""")
_COUNT = text("""
update chat_case k set reply_minutes = t.minutes
from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[]), cast(:minutes as int[])) t(clinic_id, case_id, minutes)
where k.clinic_id = t.clinic_id and k.id = t.case_id
""")
_MEDIAN = text("""
insert into chat_pace (clinic_id, minutes, answers, counted_at)
select w.clinic_id, coalesce(m.minutes, 0), m.answers, :now
from (
    select unnest(cast(:clinics as uuid[])) as clinic_id
    union select p.clinic_id from chat_pace p where p.counted_at < :stale
) w cross join lateral (
    select round(percentile_cont(0.5) within group (order by k.reply_minutes))::int as minutes,
        count(k.reply_minutes)::int as answers
    from chat_case k where k.clinic_id = w.clinic_id and k.opened_at > :since
) m order by w.clinic_id
on conflict (clinic_id) do update
set minutes = excluded.minutes, answers = excluded.answers, counted_at = excluded.counted_at
""")


async def count_pace(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Count the first answers given since, and the medians that change with them or with time; how many answers."""
    rows = (await sweeping.execute(_UNCOUNTED, {"most": most})).all()
    clinics = {row.clinic_id for row in rows}
    days = await working_days(sweeping, clinics)
    hours = await branch_hours(sweeping, days, {row.branch_id for row in rows if row.branch_id})
    minutes = []
    for row in rows:
        place = hours.get(row.branch_id)
        whole = row.first_reply_at - row.asked_at
        passed = whole if place is None else working_time(place, row.asked_at, row.first_reply_at)
        minutes.append(max(0, passed // _MINUTE))
    if rows:
        named = {"clinics": [row.clinic_id for row in rows], "cases": [row.id for row in rows]}
        await sweeping.execute(_COUNT, {**named, "minutes": minutes})
    span = {"now": now, "since": now - COUNTED, "stale": now - _COUNTED_ANEW}
    await sweeping.execute(_MEDIAN, {"clinics": sorted(clinics), **span})
    return len(rows)
