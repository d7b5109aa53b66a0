"""Says to who wrote while their branch is closed when somebody will answer: once in each closed period."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from sqlalchemy import Row, select, text
from sqlmodel import col

from chat.commands.speaking import made, named
from chat.conversation import Side, Via
from chat.desk import closed_until
from chat.tables import ChatDesk
from clinic.queries.desk import Tongues, branch_hours, tongues_of
from core.database import Sweeping
from core.moments import rfc3339

Texts = Mapping[str, str]

_WAITING = text("""
select k.clinic_id, k.id, k.conversation_id, c.patient_id, b.until
from unnest(cast(:branches as uuid[]), cast(:until as timestamptz[])) b(branch_id, until)
join chat_case k on k.branch_id = b.branch_id
join conversation c on c.clinic_id = k.clinic_id and c.id = k.conversation_id
where k.closed_at is null and k.waiting_since is not null and k.state <> 'bot'
    and (k.away_until is null or k.away_until < b.until)
order by k.waiting_since limit :most
for no key update of c, k skip locked
""")
_POSTED = text("""
select chat_post(r.clinic, r.patient, :side, r.clinic, '', r.client, r.digest, r.said, r.fresh, r.event, null, :now)
from json_to_recordset(cast(:rows as json))
    r(clinic uuid, patient uuid, client uuid, digest uuid, said jsonb, fresh uuid, event uuid)
""")
_TOLD = text("""
update chat_case k set away_until = t.until
from unnest(cast(:clinics as uuid[]), cast(:cases as uuid[]), cast(:until as timestamptz[]))
    t(clinic_id, case_id, until)
where k.clinic_id = t.clinic_id and k.id = t.case_id
""")


async def send_away_texts(sweeping: Sweeping, now: datetime, most: int) -> int:
    """Answer those who wait before a closed door, over all clinics, in their language; how many.

    The message's name is the conversation and the next opening: there is never a second one of a period.
    """
    desks = select(col(ChatDesk.clinic_id), col(ChatDesk.away), col(ChatDesk.weekdays))
    rows = (await sweeping.execute(desks.where(col(ChatDesk.away) != []))).all()
    away = {row.clinic_id: {each["language"]: each["text"] for each in row.away} for row in rows}
    hours = await branch_hours(sweeping, {row.clinic_id: frozenset(row.weekdays) for row in rows})
    closed = {branch: until for branch, place in hours.items() if (until := closed_until(place, now)) is not None}
    if not closed:
        return 0
    values = {"branches": list(closed), "until": list(closed.values()), "most": most}
    waiting = (await sweeping.execute(_WAITING, values)).all()
    if waiting:
        await _answer(sweeping, waiting, away, now)
    return len(waiting)


async def _answer(sweeping: Sweeping, waiting: Sequence[Row[Any]], away: Mapping[UUID, Texts], now: datetime) -> None:
    tongues = await tongues_of(sweeping, [(row.clinic_id, row.patient_id) for row in waiting])
    said = [_message(row, _chosen(away[row.clinic_id], tongues[row.clinic_id, row.patient_id])) for row in waiting]
    values = {"rows": json.dumps(said, default=str), "side": Side.SYSTEM.value, "now": now}
    await sweeping.execute(_POSTED, values)
    told = {"clinics": [row.clinic_id for row in waiting], "cases": [row.id for row in waiting]}
    await sweeping.execute(_TOLD, {**told, "until": [row.until for row in waiting]})


def _message(row: Row[Any], body: str) -> dict[str, Any]:
    client_id = uuid5(row.conversation_id, f"away until {rfc3339(row.until)}")
    said = {"body": body, "via": Via.APP.value}
    return {"clinic": row.clinic_id, "patient": row.patient_id, "said": said, **made(), **named(client_id, "msg", body)}


def _chosen(texts: Texts, tongues: Tongues) -> str:
    return texts.get(tongues.patient) or texts.get(tongues.clinic) or next(iter(texts.values()))
