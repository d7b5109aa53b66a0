"""What a node asks for all its sockets at once, over all clinics: what changed, what it says, who must leave.

These run with the worker's rights, each as one statement: the hub routes what comes back by the clinic and
patient it comes with. That is the listed exception to "a query sees one clinic".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import ARRAY, Integer, Text, Uuid, and_, bindparam, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.log import SHARED, ConversationEvent, Thread
from chat.queries import event_json, of_event, of_known_kind, since
from chat.tables import ChatEvent, Conversation, Message
from clinic.queries import openers_sql
from core.database import Database, Document


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
    """The horizon of one moment, and the threads that changed since the one before, with their last `rev`."""

    model_config = ConfigDict(frozen=True)

    horizon: str
    threads: list[tuple[UUID, UUID, int]]


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


# Horizon and rows in one statement: between two, a commit would be behind the one and not yet in the other.
_CHANGES = """
select json_build_object('horizon', pg_snapshot_xmin(pg_current_snapshot())::text, 'threads', coalesce((
    select json_agg(json_build_array(t.clinic_id, t.patient_id, t.rev)) from (
        select c.clinic_id, c.patient_id, max(e.rev) as rev
        from chat_event e join conversation c on c.clinic_id = e.clinic_id and c.id = e.conversation_id
        where e.log = 's' and e.xid >= $1::text::xid8 group by c.clinic_id, c.patient_id
    ) t), '[]'))::text
"""

_FALLEN = f"""
select coalesce(json_agg(json_build_array(seat.number, seat.patient_id)), '[]')::text
from unnest($1::int[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[])
    as seat(number, clinic_id, account_id, session_id, patient_id)
where not exists (
    select from session s where s.id = seat.session_id and s.account_id = seat.account_id
        and s.revoked_at is null and s.idle_until > $6 and s.ends_at > $6
) or case when seat.patient_id is null
    then not exists (
        select from staff f where f.clinic_id = seat.clinic_id and f.account_id = seat.account_id
            and f.left_at is null and 'chat.reply' = any (f.permissions)
    ) else not exists (
        select from ({openers_sql("$6::timestamptz")}) a
        where a.clinic_id = seat.clinic_id and a.account_id = seat.account_id
            and a.patient_id = seat.patient_id and a.hears
    ) end
"""  # noqa: S608  no word of anybody outside


def _news() -> Document:
    """Events past the `rev` that is known of each thread, and not older than the horizon."""
    arrays = [
        bindparam("clinics", type_=ARRAY(Uuid())),
        bindparam("patients", type_=ARRAY(Uuid())),
        bindparam("revs", type_=ARRAY(Integer())),
    ]
    known = func.unnest(*arrays).table_valued("clinic_id", "patient_id", "rev", name="known").render_derived()
    thread = and_(col(Conversation.clinic_id) == known.c.clinic_id, col(Conversation.patient_id) == known.c.patient_id)
    log = and_(
        *(col(ChatEvent.clinic_id) == col(Conversation.clinic_id), col(ChatEvent.log) == SHARED, of_known_kind()),
        *(col(ChatEvent.conversation_id) == col(Conversation.id), col(ChatEvent.rev) > known.c.rev),
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
_LOST = TypeAdapter(list[tuple[int, UUID | None]])


async def changes_since(database: Database, horizon: str | None) -> Changes:
    """Threads with an event that was not over at `horizon`, and the next horizon. None: only the horizon."""
    raw = await database.trip(_CHANGES, horizon, sweeping=True)
    assert raw is not None
    return Changes.model_validate_json(raw)


async def news_of(database: Database, known: Mapping[Thread, int], horizon: str) -> list[News]:
    """What happened in these threads past the `rev` known of each, by `rev`; kinds we do not know are left out."""
    values = {
        "clinics": [thread.clinic_id for thread in known],
        "patients": [thread.patient_id for thread in known],
        "revs": list(known.values()),
        "horizon": horizon,
    }
    raw = await database.trip(_NEWS.sql, *_NEWS.arguments(values), sweeping=True)
    return _NEWS_LIST.validate_json(raw) if raw is not None else []


async def fallen(database: Database, seats: Sequence[Seat], now: datetime) -> list[tuple[int, UUID | None]]:
    """The seats whose session ended or whose right was taken, each by its number and record."""
    columns = (
        [seat.number for seat in seats],
        [seat.clinic_id for seat in seats],
        [seat.account_id for seat in seats],
        [seat.session_id for seat in seats],
        [seat.patient_id for seat in seats],
    )
    raw = await database.trip(_FALLEN, *columns, now, sweeping=True)
    assert raw is not None
    return _LOST.validate_json(raw)
