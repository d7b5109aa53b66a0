"""What is known of the desk: its settings, rota and texts, and what patients are told of it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from chat.desk import Replies, closed_until, usual_reply
from chat.desk_facts import MOST_MEMBERS, CannedText, DeskSettings, DeskView, RotaMember
from chat.log import Thread
from chat.queries.presence import attended_desks
from chat.tables import CannedReply, ChatDesk, ChatPace, ChatRota
from clinic.queries.desk import branch_hours, branches_of
from core.database import Reading
from core.moments import Moment


class CannedReplyView(CannedText):
    reply_id: UUID
    changed_at: Moment


async def desk_settings(reading: Reading, clinic_id: UUID) -> DeskSettings:
    """How a clinic's desk works; the usual where it has said nothing."""
    found = (await reading.execute(_desks([clinic_id]))).one_or_none()
    if found is None:
        return DeskSettings()
    return DeskSettings.model_validate(found._asdict())


async def rota_of(reading: Reading, clinic_id: UUID) -> list[RotaMember]:
    statement = select(ChatRota).where(col(ChatRota.clinic_id) == clinic_id).order_by(col(ChatRota.staff_id))
    rows = (await reading.execute(statement.limit(MOST_MEMBERS))).scalars()
    return [
        RotaMember(staff_id=row.staff_id, branch_ids=row.branch_ids, topics=row.topics, paused=row.paused)
        for row in rows
    ]


async def working_days(reading: Reading, clinic_ids: Collection[UUID]) -> dict[UUID, frozenset[int]]:
    """The working days of those clinics that said which."""
    statement = select(col(ChatDesk.clinic_id), col(ChatDesk.weekdays)).where(
        col(ChatDesk.clinic_id).in_(list(clinic_ids))
    )
    return {clinic_id: frozenset(days) for clinic_id, days in await reading.execute(statement)}


async def desks_of(reading: Reading, threads: Collection[Thread], now: datetime) -> dict[Thread, DeskView]:
    """What each of these patients is told of their desk; with a `Sweeping` of any clinic."""
    branches = await branches_of(reading, list(threads))
    clinics = {thread.clinic_id for thread in threads}
    hours = await branch_hours(reading, await working_days(reading, clinics), set(branches.values()))
    paces = select(col(ChatPace.clinic_id), col(ChatPace.minutes), col(ChatPace.answers))
    rows = await reading.execute(paces.where(col(ChatPace.clinic_id).in_(clinics)))
    replies = {clinic_id: usual_reply(minutes, answers) for clinic_id, minutes, answers in rows}
    online = await attended_desks(reading, clinics, now)
    found = {}
    for thread in threads:
        if (branch := branches.get((thread.clinic_id, thread.patient_id))) is None:
            continue
        opens = closed_until(hours[branch], now)
        known = replies.get(thread.clinic_id, Replies.UNKNOWN)
        here = thread.clinic_id in online
        found[thread] = DeskView(open=hours[branch].open_at(now), opens_at=opens, online=here, replies=known)
    return found


async def canned_replies(
    reading: Reading, clinic_id: UUID, *, after: tuple[str, UUID] | None, limit: int
) -> list[CannedReplyView]:
    """The desk's texts by their titles, past the key `after`."""
    mine = select(CannedReply).where(col(CannedReply.clinic_id) == clinic_id)
    if after is not None:
        title, last_id = col(CannedReply.title), col(CannedReply.id)
        mine = mine.where((title > after[0]) | ((title == after[0]) & (last_id > after[1])))
    ordered = mine.order_by(col(CannedReply.title), col(CannedReply.id)).limit(limit)
    return [_canned(row) for row in (await reading.execute(ordered)).scalars()]


async def canned_reply(reading: Reading, clinic_id: UUID, reply_id: UUID) -> CannedReplyView | None:
    mine = (col(CannedReply.clinic_id) == clinic_id, col(CannedReply.id) == reply_id)
    fresh = {"populate_existing": True}  # commands change rows by statements
    row = (await reading.execute(select(CannedReply).where(*mine).execution_options(**fresh))).scalar_one_or_none()
    return None if row is None else _canned(row)


def _canned(row: CannedReply) -> CannedReplyView:
    values = {"title": row.title, "language": row.language, "body": row.body}
    return CannedReplyView.model_validate({**values, "reply_id": row.id, "changed_at": row.changed_at})


def _desks(clinic_ids: Collection[UUID]) -> Any:
    columns = [getattr(ChatDesk, name) for name in DeskSettings.model_fields]
    return select(*[col(each) for each in columns]).where(col(ChatDesk.clinic_id).in_(list(clinic_ids)))
