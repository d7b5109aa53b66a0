"""What a node asks for all its sockets at once, over all clinics: what changed, what it says, who must leave.

These run with the worker's rights, each as one statement: the hub routes what comes back by the clinic and
patient it comes with. That is the listed exception to "a query sees one clinic".
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import ARRAY, Integer, Text, Uuid, and_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat import conversation
from chat.desk_facts import DeskView
from chat.log import ConversationEvent, Log, Thread
from chat.queries import ToldLine, desk, event_json, lines_of_threads, of_event, of_known_kind, since
from chat.reach_sql import reach_sql
from chat.tables import ChatEvent, Conversation, Message
from clinic.queries import openers_sql
from clinic.queries.standing import desk_sql, tied_sql
from core.database import Database, Document
from identity.queries import live_session_sql

_LOG = logging.getLogger("enamel.chat")


class News(BaseModel):
    """One event and whose conversation it is in."""

    model_config = ConfigDict(frozen=True)

    clinic_id: UUID
    patient_id: UUID
    event: ConversationEvent

    @property
    def thread(self) -> Thread:
        return Thread(self.clinic_id, self.patient_id)


class Changes(BaseModel):
    """The epoch and horizon of one moment, and the logs that changed since the one before, each with its last `rev`."""

    model_config = ConfigDict(frozen=True)

    epoch: str
    horizon: str
    threads: list[tuple[UUID, UUID, str, int]]


@dataclass(frozen=True, slots=True)
class Seat:
    """A place at the hub: an account's session, and one record it listens to; none is the desk's place.

    One listener has as many as it has records, all of its `number`.
    """

    number: int
    clinic_id: UUID
    account_id: UUID
    session_id: UUID
    patient_id: UUID | None
    tied: int | None = None
    """Of a desk's place: the `tied_xid` of its staff as it sat down."""


class Gone(NamedTuple):
    """A watch that holds no more, by its place in what was asked, and why."""

    place: int
    why: conversation.Gone


SeatList = tuple[str, ...]
"""The columns of many seats as PostgreSQL writes arrays."""

# Horizon and rows in one statement: between two, a commit would be behind the one and not yet in the other.
# What is new is found first, by its transaction and by nothing else: joined freely, PostgreSQL may begin with all
# conversations and read the whole log for them, every second, for as long as it has not counted a young table.
_CHANGES = """
with recent as materialized (
    select e.clinic_id, e.conversation_id, e.log, max(e.rev) as rev from chat_event e
    where e.xid >= $1::text::xid8 and e.xid < pg_snapshot_xmax(pg_current_snapshot())
    group by e.clinic_id, e.conversation_id, e.log
)
select json_build_object(
    'epoch', present_epoch(), 'horizon', pg_snapshot_xmin(pg_current_snapshot())::text, 'threads', coalesce((
    select json_agg(json_build_array(c.clinic_id, c.patient_id, r.log, r.rev))
    from recent r join conversation c on c.clinic_id = r.clinic_id and c.id = r.conversation_id), '[]'))::text
"""

_FALLEN = f"""
select coalesce(json_agg(json_build_array(seat.number, seat.patient_id, not t.fallen)), '[]')::text
from unnest($1::text::int[], $2::text::uuid[], $3::text::uuid[], $4::text::uuid[], $5::text::uuid[], $6::text::bigint[])
    as seat(number, clinic_id, account_id, session_id, patient_id, tied)
cross join lateral (select
    not {live_session_sql("seat.session_id", "seat.account_id", "$7::timestamptz", "seat.clinic_id")}
    or case when seat.patient_id is null
    then not exists (
        select from ({desk_sql()}) f
        where f.clinic_id = seat.clinic_id and f.account_id = seat.account_id and f.replies
    ) else not exists (
        select from ({openers_sql("$7::timestamptz")}) a
        where a.clinic_id = seat.clinic_id and a.account_id = seat.account_id
            and a.patient_id = seat.patient_id and a.hears
    ) end as fallen) t
where t.fallen or seat.tied is not null and exists (
    select from staff f where f.clinic_id = seat.clinic_id and f.account_id = seat.account_id
        and {tied_sql("f")} <> seat.tied
)
"""  # noqa: S608  no word of anybody outside


_GONE = f"""
select coalesce(json_agg(json_build_array(w.place, w.why)), '[]')::text from (
    select t.place - 1 as place, case
        when not exists (select from patient p where p.clinic_id = t.clinic_id and p.id = t.patient_id) then 'erased'
        when not {reach_sql("t.clinic_id", "t.conversation_id", "s.account_id = t.account_id")} then 'right-lost'
    end as why
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[])
        with ordinality as t(clinic_id, patient_id, conversation_id, account_id, place)
) w where w.why is not null
"""  # noqa: S608  the same

_CONVERSATIONS = """
select coalesce(json_agg(json_build_array(c.clinic_id, c.patient_id, c.id)), '[]')::text
from unnest($1::uuid[], $2::uuid[]) as t(clinic_id, patient_id)
join conversation c on c.clinic_id = t.clinic_id and c.patient_id = t.patient_id
"""


def _news() -> Document:
    """Events past what is known of each thread's logs, and not older than the horizon."""
    arrays = [
        bindparam("clinics", type_=ARRAY(Uuid())),
        bindparam("patients", type_=ARRAY(Uuid())),
        bindparam("revs", type_=ARRAY(Integer())),
        bindparam("staff_revs", type_=ARRAY(Integer())),
    ]
    columns = ("clinic_id", "patient_id", "rev", "staff_rev")
    known = func.unnest(*arrays).table_valued(*columns, name="known").render_derived()
    told = case((col(ChatEvent.log) == Log.SHARED.value, known.c.rev), else_=known.c.staff_rev)
    thread = and_(col(Conversation.clinic_id) == known.c.clinic_id, col(Conversation.patient_id) == known.c.patient_id)
    log = and_(
        *(col(ChatEvent.clinic_id) == col(Conversation.clinic_id), of_known_kind()),
        *(col(ChatEvent.conversation_id) == col(Conversation.id), col(ChatEvent.rev) > told),
        since(bindparam("horizon", type_=Text())),
    )
    whose = ("clinic_id", col(Conversation.clinic_id), "patient_id", col(Conversation.patient_id))
    one = func.json_build_object(*whose, "event", event_json())
    return Document(
        select(cast(func.json_agg(aggregate_order_by(one, col(ChatEvent.rev))), Text))
        .select_from(known)
        .join(Conversation, thread)
        .join(ChatEvent, log)
        .outerjoin(Message, of_event())
    )


_NEWS = _news()
_NEWS_LIST = TypeAdapter(list[News])
_NAMED = TypeAdapter(list[tuple[UUID, UUID, UUID]])
_LOST = TypeAdapter(list[tuple[int, UUID | None, bool]])
_GONE_LIST = TypeAdapter(list[tuple[int, conversation.Gone]])


async def changes_since(database: Database, horizon: str | None) -> Changes:
    """Threads with an event that was not over at `horizon`, and the next horizon. None: only the horizon."""
    raw = await database.trip(_CHANGES, horizon, sweeping=True)
    assert raw is not None
    return Changes.model_validate_json(raw)


async def news_of(database: Database, known: Mapping[Thread, tuple[int, int]], horizon: str) -> list[News]:
    """What happened in these threads past the `rev` known of each log (shared, staff's), by `rev`.

    Kinds we do not know are left out, and so is an event that cannot be read: it is noted, and holds up nothing else.
    """
    values = {
        "clinics": [thread.clinic_id for thread in known],
        "patients": [thread.patient_id for thread in known],
        "revs": [rev for rev, _ in known.values()],
        "staff_revs": [rev for _, rev in known.values()],
        "horizon": horizon,
    }
    raw = await database.trip(_NEWS.sql, *_NEWS.arguments(values), sweeping=True)
    return _told_of(raw) if raw is not None else []


def _told_of(raw: str | bytes) -> list[News]:
    try:
        return _NEWS_LIST.validate_json(raw)
    except ValidationError:
        return [news for one in msgspec.json.decode(raw) if (news := _one_of(one)) is not None]


def _one_of(raw: dict[str, Any]) -> News | None:
    try:
        return News.model_validate_json(msgspec.json.encode(raw))
    except ValidationError as error:  # its message would quote what was said
        event = raw["event"]
        where = (event["conversation_id"], event["log"], event["rev"], error.error_count())
        _LOG.error("an event cannot be read: conversation %s, log %s, rev %s (%s faults)", *where)
        return None


def listed(seats: Sequence[Seat]) -> SeatList:
    """Seats as they are asked for: written once, and asked for every second until somebody comes or goes."""
    ids = [(seat.clinic_id.hex, seat.account_id.hex, seat.session_id.hex) for seat in seats]
    patients = [seat.patient_id.hex if seat.patient_id is not None else "null" for seat in seats]
    tied = [str(seat.tied) if seat.tied is not None else "null" for seat in seats]
    columns = ([str(seat.number) for seat in seats], *map(list, zip(*ids, strict=True)), patients, tied)
    return tuple(f"{{{','.join(column)}}}" for column in columns)


async def fallen(database: Database, columns: SeatList, now: datetime) -> list[tuple[int, UUID | None, bool]]:
    """The seats whose session ended or whose right was taken, each by its number and record; true beside those that
    only have to sit down anew, because they were tied to other branches.
    """
    raw = await database.trip(_FALLEN, *columns, now, sweeping=True)
    assert raw is not None
    return _LOST.validate_json(raw)


async def gone(database: Database, watches: Sequence[tuple[Thread, UUID, UUID]]) -> list[Gone]:
    """Those of these watches (thread, conversation, account) that are of an erased patient, whom nobody finds, or of
    a conversation that is not in that account's reach.
    """
    columns = (
        [thread.clinic_id for thread, _, _ in watches],
        [thread.patient_id for thread, _, _ in watches],
        [conversation_id for _, conversation_id, _ in watches],
        [account_id for _, _, account_id in watches],
    )
    raw = await database.trip(_GONE, *columns, sweeping=True)
    assert raw is not None
    return [Gone(*each) for each in _GONE_LIST.validate_json(raw)]


async def conversations_of(database: Database, threads: Collection[Thread]) -> dict[Thread, UUID]:
    """The ids of those of these threads that have begun."""
    columns = ([thread.clinic_id for thread in threads], [thread.patient_id for thread in threads])
    raw = await database.trip(_CONVERSATIONS, *columns, sweeping=True)
    assert raw is not None
    return {Thread(clinic, patient): found for clinic, patient, found in _NAMED.validate_json(raw)}


async def lines_of(database: Database, threads: Collection[Thread]) -> list[ToldLine]:
    """The lines of these threads in their clinics' inboxes, as they are now, and whose they are not."""
    if not threads:
        return []
    async with database.sweeping() as sweeping:
        return await lines_of_threads(sweeping, threads)


async def desks_of(database: Database, threads: Collection[Thread], now: datetime) -> dict[Thread, DeskView]:
    """What these patients are told of their desks."""
    async with database.sweeping() as sweeping:
        return await desk.desks_of(sweeping, threads, now)
