"""What a node reads for all its sockets at once, over all clinics: what was said, whose conversations, which lines.

These run with the worker's rights, each as one statement: the hub routes what comes back by the clinic and
patient it comes with. That is the listed exception to "a query sees one clinic".
"""

import logging
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import ARRAY, Integer, Text, Uuid, and_, bindparam, case, cast, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.desk_facts import DeskView
from chat.log import ConversationEvent, Log, Thread
from chat.queries import ToldLine, desk, event_json, lines_of_threads, of_event, of_known_kind, since
from chat.tables import ChatEvent, Conversation, Message
from core.database import Database, Document

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
