"""What is known of a conversation's logs, from any revision on."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Select, Text, and_, case, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.conversation import must_start_over
from chat.log import OF_CASE, SHARED, STAFF, ConversationEvent, EventKind, EventPage, Log
from chat.queries.reach import within_reach
from chat.tables import ChatEvent, ChatNote, Conversation, Message, Reaction
from core.database import Reading
from core.epoch import epoch_sql
from core.errors import Fault, Invalid, NotFound
from core.events import Xid8
from core.moments_sql import rfc3339_sql
from media.queries import attached_json, attached_voices_json


@dataclass(frozen=True, slots=True)
class LogHead:
    """A conversation's logs: whose they are and where the shared one (`rev`) and the staff's (`srev`) stand, in
    which epoch."""

    clinic_id: UUID
    conversation_id: UUID
    patient_id: UUID
    rev: int
    srev: int = 0
    epoch: str = ""

    def last(self, log: Log) -> int:
        return self.srev if log is STAFF else self.rev


async def log_head(reading: Reading, clinic_id: UUID, conversation_id: UUID) -> LogHead | None:
    row = (await reading.execute(_heads(clinic_id, conversation_id))).one_or_none()
    return None if row is None else LogHead(clinic_id, conversation_id, *row)


async def head_for_staff(reading: Reading, clinic_id: UUID, conversation_id: UUID, staff_id: UUID) -> LogHead:
    """The same for somebody of the desk. Raises `NotFound` also for what is not in their reach."""
    statement = _heads(clinic_id, conversation_id).where(within_reach(staff_id))
    row = (await reading.execute(statement)).one_or_none()
    if row is None:
        raise NotFound
    return LogHead(clinic_id, conversation_id, *row)


def check_page(after: int | None, before: int | None, log: Log) -> None:
    """What may be asked of a log: past a `rev` or before a `seq`, and of the staff's no messages. Raises `Invalid`."""
    if before is None:
        return
    if after is not None:
        raise Invalid(Fault("/before", "not-both"))
    if log is STAFF:
        raise Invalid(Fault("/log", "no-messages"))


async def log_page(
    reading: Reading, head: LogHead, after: int | None, before: int | None, limit: int, log: Log = SHARED,
    epoch: str | None = None,
) -> EventPage:  # fmt: skip
    """A log past `after` (0, if neither is given), or the messages before `before`. Raises as `check_page`."""
    check_page(after, before, log)
    if before is not None:
        return await messages_before(reading, head, before, limit)
    return await events_after(reading, head, after or 0, limit, log, epoch)


async def events_after(
    reading: Reading, head: LogHead, rev: int, limit: int, log: Log = SHARED, epoch: str | None = None
) -> EventPage:
    """One log past `rev`, oldest first: what a device that holds `rev` of it, given in `epoch`, has missed."""
    last = head.last(log)
    reset = must_start_over(rev, last, same_epoch=epoch in (None, head.epoch))
    if reset is not None:
        return EventPage(events=[], more=False, rev=last, epoch=head.epoch, reset=reset)
    statement = (
        select(event_json())
        .select_from(ChatEvent)
        .outerjoin(Message, of_event())
        .where(*_of_log(ChatEvent, head), col(ChatEvent.log) == log, of_known_kind(), col(ChatEvent.rev) > rev)
        .order_by(col(ChatEvent.rev))
        .limit(limit + 1)
    )
    found = await _events(reading, statement)
    return EventPage(events=found[:limit], more=len(found) > limit, rev=last, epoch=head.epoch)


async def messages_before(reading: Reading, head: LogHead, seq: int, limit: int) -> EventPage:
    """The newest messages before `seq`, as the events that brought them, oldest first: scrolling back.

    Each as it reads now, with what people think of it.
    """
    statement = (
        select(_message_json())
        .where(*_of_log(Message, head), col(Message.seq) < seq)
        .order_by(col(Message.seq).desc())
        .limit(limit + 1)
    )
    found = await _events(reading, statement)
    return EventPage(events=found[:limit][::-1], more=len(found) > limit, rev=head.rev, epoch=head.epoch)


def _heads(clinic_id: UUID, conversation_id: UUID) -> Select[UUID, int, int, str]:
    stands = (col(Conversation.patient_id), col(Conversation.last_rev), col(Conversation.last_srev), epoch_sql())
    return select(*stands).where(col(Conversation.clinic_id) == clinic_id, col(Conversation.id) == conversation_id)


def _of_log(table: Any, head: LogHead) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(table.clinic_id) == head.clinic_id, col(table.conversation_id) == head.conversation_id


async def _events(reading: Reading, statement: Select[Any]) -> list[ConversationEvent]:
    return [ConversationEvent.model_validate(value) for value in (await reading.execute(statement)).scalars()]


# --- Fragments ---


def since(horizon: ColumnElement[str]) -> ColumnElement[bool]:
    """SQL: the event's transaction was not yet over at `horizon`.

    A loaded dump brings transactions that this database has yet to count to: they are over, whatever their number.
    """
    xid: Any = col(ChatEvent.xid)
    return and_(xid >= cast(cast(horizon, Text), Xid8()), xid < func.pg_snapshot_xmax(func.pg_current_snapshot()))


def of_known_kind() -> ColumnElement[bool]:
    """SQL: an event that this node can tell of; nodes of a later version may already write others."""
    return col(ChatEvent.kind).in_(list(EventKind))


_OF_MESSAGE = [EventKind.MESSAGE.value, EventKind.FORM.value, EventKind.EDIT.value]


def of_event() -> ColumnElement[bool]:
    """SQL join condition of an event with the message whose words it brings."""
    return and_(
        col(ChatEvent.kind).in_(_OF_MESSAGE),
        col(Message.clinic_id) == col(ChatEvent.clinic_id),
        col(Message.conversation_id) == col(ChatEvent.conversation_id),
        col(Message.seq) == col(ChatEvent.data)["seq"].as_integer(),
    )


def event_json() -> ColumnElement[Any]:
    """SQL: a `ConversationEvent` of either log, joined with its message by `of_event`.

    A message reads as it does now: one that was edited or deleted later is not told with words of the past.
    """
    data = cast(col(ChatEvent.data), JSON)
    posted = _is(EventKind.MESSAGE, EventKind.FORM)
    edited = func.json_build_object("seq", col(Message.seq), "body", col(Message.body))
    return func.json_build_object(
        *("conversation_id", col(ChatEvent.conversation_id), "log", col(ChatEvent.log), "rev", col(ChatEvent.rev)),
        *("kind", col(ChatEvent.kind), "at", rfc3339_sql(col(ChatEvent.at))),
        *("message", case((posted, _posted()))),
        *("edited", case((_is(EventKind.EDIT), edited))),
        *("deleted", case((_is(EventKind.DELETE), data))),
        *("reaction", case((_is(EventKind.REACT), data))),
        *("mark", case((_is(EventKind.MARK), data))),
        *("state", case((and_(_is(EventKind.STATE), col(ChatEvent.log) == SHARED), data))),
        *("case", case((and_(_is(*OF_CASE), col(ChatEvent.log) == STAFF), data))),
        *("note", case((_is(EventKind.NOTE), _note()))),
    )


def _is(*kinds: EventKind) -> ColumnElement[bool]:
    return col(ChatEvent.kind).in_(sorted(kind.value for kind in kinds))


def _note() -> ColumnElement[Any]:
    note = func.json_build_object("author", col(ChatNote.author), "body", col(ChatNote.body))
    return (
        select(note)
        .where(
            col(ChatNote.clinic_id) == col(ChatEvent.clinic_id),
            col(ChatNote.conversation_id) == col(ChatEvent.conversation_id),
            col(ChatNote.rev) == col(ChatEvent.rev),
        )
        .correlate(ChatEvent)
        .scalar_subquery()
    )


def _message_json() -> ColumnElement[Any]:
    is_form = col(Message.form).is_not(None)
    kind = case((is_form, EventKind.FORM.value), else_=EventKind.MESSAGE.value)
    return func.json_build_object(
        *("conversation_id", col(Message.conversation_id), "rev", col(Message.rev), "kind", kind),
        *("at", rfc3339_sql(col(Message.at)), "message", _posted("reactions", _reactions())),
    )


def _posted(*more: Any) -> ColumnElement[Any]:
    edited_at: Any = col(Message.edited_at)  # null stays null
    return func.json_build_object(
        *("seq", col(Message.seq), "client_id", col(Message.client_id), "side", col(Message.side)),
        *("author", col(Message.sender_name), "body", col(Message.body), "via", col(Message.via)),
        *(
            "media",
            func.coalesce(col(Message.media), literal_column("'[]'::jsonb")),
            "pictures",
            _attached(attached_json),
        ),
        *("voices", _attached(attached_voices_json)),
        *("card", _card(), "form", col(Message.form), "re", col(Message.re)),
        *("edited_at", rfc3339_sql(edited_at), "deleted", col(Message.deleted_at).is_not(None), *more),
    )


def _attached(told: Callable[[Any, Any, Any], ColumnElement[Any]]) -> ColumnElement[Any]:
    """Those that may be seen (heard) now: what was hidden, taken away or moved since is not told of again."""
    patient_id = (
        select(col(Conversation.patient_id))
        .where(
            col(Conversation.clinic_id) == col(Message.clinic_id), col(Conversation.id) == col(Message.conversation_id)
        )
        .correlate(Message)
        .scalar_subquery()
    )
    found = told(col(Message.clinic_id), patient_id, col(Message.media))
    return case((col(Message.media).is_not(None), found), else_=literal_column("'[]'::jsonb"))


def _card() -> ColumnElement[Any]:
    """As it was made; of a thing that was hidden from guardians since there is none."""
    card = col(Message.card)
    hidden = func.chat_hides(col(Message.clinic_id), literal_column("null::jsonb"), card)
    return case((card.is_(None), None), (hidden, None), else_=card)


def _reactions() -> ColumnElement[Any]:
    names = ("person_id", "side", "emoji")
    line = func.json_build_object(*(part for name in names for part in (name, col(getattr(Reaction, name)))))
    ordered = aggregate_order_by(line, col(Reaction.person_id))
    found = (
        select(func.json_agg(ordered))
        .where(
            col(Reaction.clinic_id) == col(Message.clinic_id),
            col(Reaction.conversation_id) == col(Message.conversation_id),
            col(Reaction.seq) == col(Message.seq),
        )
        .correlate(Message)
        .scalar_subquery()
    )
    return func.coalesce(found, literal_column("'[]'::json"))
