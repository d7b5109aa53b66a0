"""What a node asks each second for all its sockets, over all clinics: what changed, and who must leave. One trip.

It runs with the worker's rights, and the hub routes what comes back by the clinic it comes with: the listed exception
to "a query sees one clinic". One statement and not four, because a message that meets a trip on its way waits for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from chat import conversation
from chat.log import Thread
from chat.reach_sql import reach_sql
from clinic.queries import openers_sql
from clinic.queries.standing import desk_sql, tied_sql
from core.database import Database
from identity.queries import live_session_sql


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


SeatList = tuple[str, ...]
"""The columns of many seats as PostgreSQL writes arrays."""
NOBODY: SeatList = ("{}",) * 6

Watched = tuple[Thread, UUID, UUID]
"""Whose conversation, its id, and the account at a desk that watches it."""


@dataclass(frozen=True, slots=True)
class Question:
    """`horizon` None: only the next one is asked for. `node_id` None: nobody sits here who could be elsewhere."""

    now: datetime
    horizon: str | None = None
    seats: SeatList = NOBODY
    watches: Sequence[Watched] = ()
    node_id: UUID | None = None


class Fallen(NamedTuple):
    """A seat whose session ended or whose right was taken; `is_moved`: it only has to sit down anew, because it was
    tied to other branches.
    """

    number: int
    patient_id: UUID | None
    is_moved: bool


class Gone(NamedTuple):
    """A watch that holds no more, by its place in what was asked, and why: its patient was erased, whom nobody finds,
    or it is of a conversation that is not in that account's reach.
    """

    place: int
    why: conversation.Gone


class Answer(BaseModel):
    """Everything of one moment. `threads`: the logs with an event that was not over at the horizon, each with its last
    `rev`. `replaced`: connections of the node whose device has come to another node since.
    """

    model_config = ConfigDict(frozen=True)

    epoch: str
    horizon: str
    threads: list[tuple[UUID, UUID, str, int]]
    fallen: list[Fallen]
    gone: list[Gone]
    replaced: set[UUID]


# What is new is found first, by its transaction and by nothing else: joined freely, PostgreSQL may begin with all
# conversations and read the whole log for them, every second, for as long as it has not counted a young table.
_THREADS = """
with recent as materialized (
    select e.clinic_id, e.conversation_id, e.log, max(e.rev) as rev from chat_event e
    where e.xid >= $1::text::xid8 and e.xid < pg_snapshot_xmax(pg_current_snapshot())
    group by e.clinic_id, e.conversation_id, e.log
)
select json_agg(json_build_array(c.clinic_id, c.patient_id, r.log, r.rev))
from recent r join conversation c on c.clinic_id = r.clinic_id and c.id = r.conversation_id
"""

_FALLEN = f"""
select json_agg(json_build_array(seat.number, seat.patient_id, not t.fallen))
from unnest($2::text::int[], $3::text::uuid[], $4::text::uuid[], $5::text::uuid[], $6::text::uuid[], $7::text::bigint[])
    as seat(number, clinic_id, account_id, session_id, patient_id, tied)
cross join lateral (select
    not {live_session_sql("seat.session_id", "seat.account_id", "$8::timestamptz", "seat.clinic_id")}
    or case when seat.patient_id is null
    then not exists (
        select from ({desk_sql()}) f
        where f.clinic_id = seat.clinic_id and f.account_id = seat.account_id and f.replies
    ) else not exists (
        select from ({openers_sql("$8::timestamptz")}) a
        where a.clinic_id = seat.clinic_id and a.account_id = seat.account_id
            and a.patient_id = seat.patient_id and a.hears
    ) end as fallen) t
where t.fallen or seat.tied is not null and exists (
    select from staff f where f.clinic_id = seat.clinic_id and f.account_id = seat.account_id
        and {tied_sql("f")} <> seat.tied
)
"""  # noqa: S608  no word of anybody outside

_GONE = f"""
select json_agg(json_build_array(w.place, w.why)) from (
    select t.place - 1 as place, case
        when not exists (select from patient p where p.clinic_id = t.clinic_id and p.id = t.patient_id) then 'erased'
        when not {reach_sql("t.clinic_id", "t.conversation_id", "s.account_id = t.account_id")} then 'right-lost'
    end as why
    from unnest($9::uuid[], $10::uuid[], $11::uuid[], $12::uuid[])
        with ordinality as t(clinic_id, patient_id, conversation_id, account_id, place)
) w where w.why is not null
"""  # noqa: S608  the same

# Who came lately, and whom of ours that replaces: rows that were committed too late for one look are in the next.
_REPLACED = """
select json_agg(distinct old.connection_id)
from chat_presence new join chat_presence old on old.clinic_id = new.clinic_id and old.account_id = new.account_id
    and (old.patient_id is null) = (new.patient_id is null) and old.device = new.device
    and (old.since, old.connection_id) < (new.since, new.connection_id)
where new.since > clock_timestamp() - interval '20 seconds' and new.device <> '' and new.node_id <> $13
    and old.node_id = $13
"""

# Horizon and rows in one statement: between two, a commit would be behind the one and not yet in the other.
_ALL = f"""
select json_build_object(
    'epoch', present_epoch(), 'horizon', pg_snapshot_xmin(pg_current_snapshot())::text,
    'threads', coalesce(({_THREADS}), '[]'), 'fallen', coalesce(({_FALLEN}), '[]'),
    'gone', coalesce(({_GONE}), '[]'), 'replaced', coalesce(({_REPLACED}), '[]'))::text
"""


async def ask(database: Database, question: Question) -> Answer:
    """One statement in one trip, whatever is asked."""
    watches = question.watches
    columns = (
        [thread.clinic_id for thread, _, _ in watches],
        [thread.patient_id for thread, _, _ in watches],
        [conversation_id for _, conversation_id, _ in watches],
        [account_id for _, _, account_id in watches],
    )
    raw = await database.trip(
        _ALL, question.horizon, *question.seats, question.now, *columns, question.node_id, sweeping=True
    )
    assert raw is not None
    return Answer.model_validate_json(raw)


def listed(seats: Sequence[Seat]) -> SeatList:
    """Seats as they are asked for: written once, and asked for every second until somebody comes or goes."""
    ids = [(seat.clinic_id.hex, seat.account_id.hex, seat.session_id.hex) for seat in seats]
    patients = [seat.patient_id.hex if seat.patient_id is not None else "null" for seat in seats]
    tied = [str(seat.tied) if seat.tied is not None else "null" for seat in seats]
    columns = ([str(seat.number) for seat in seats], *map(list, zip(*ids, strict=True)), patients, tied)
    return tuple(f"{{{','.join(column)}}}" for column in columns)
