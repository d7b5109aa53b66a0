"""What is known of conversations: their state, their log from any revision on, the desk's list."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, ColumnElement, Row, Select, Text, and_, case, cast, func, literal, select
from sqlmodel import col

from chat.conversation import LARGEST_PAGE, Side, must_start_over
from chat.log import SHARED, ConversationEvent, ConversationState, EventKind, EventPage
from chat.tables import ChatEvent, Conversation, Mark, Message
from clinic.queries import patient_name
from core.database import Reading
from core.events import Xid8
from core.moments import Moment
from core.moments_sql import rfc3339_sql
from core.values import Int32, Value


class InboxLine(Value):
    """A conversation in the desk's inbox; what somebody of the desk has read, the desk has read."""

    conversation_id: UUID
    patient_id: UUID
    patient_name: str
    rev: Int32
    last_seq: Int32
    unread: Int32
    last_at: Moment


async def states_of(reading: Reading, patient_ids: list[UUID], account_id: UUID) -> list[ConversationState]:
    """The conversations of these patients, unread as `account_id` sees them; only those that have begun."""
    statement = _states(_unread(_by_account(account_id), of_patient=False))
    mine = col(Conversation.patient_id).in_(patient_ids)
    return [_state(row) for row in await reading.execute(statement.where(mine))]


async def state_of(reading: Reading, patient_id: UUID, account_id: UUID) -> ConversationState:
    """The same for one patient, also before the first message."""
    found = await states_of(reading, [patient_id], account_id)
    return found[0] if found else ConversationState(conversation_id=None, patient_id=patient_id)


async def desk_states(reading: Reading, clinic_id: UUID, horizon: str | None) -> tuple[list[ConversationState], bool]:
    """What the desk missed: conversations changed since `horizon` (newest ones without it), and whether that is all."""
    statement = _states(_unread(_by_desk(), of_patient=True)).where(col(Conversation.clinic_id) == clinic_id)
    if horizon is not None:
        changed = select(col(ChatEvent.conversation_id)).where(
            col(ChatEvent.clinic_id) == clinic_id, col(ChatEvent.log) == SHARED, since(literal(horizon))
        )
        statement = statement.where(col(Conversation.id).in_(changed))
    statement = statement.order_by(col(Conversation.last_at).desc()).limit(LARGEST_PAGE + 1)
    found = [_state(row) for row in await reading.execute(statement)]
    return found[:LARGEST_PAGE], horizon is not None and len(found) <= LARGEST_PAGE


async def horizon_now(reading: Reading) -> str:
    """The oldest transaction still open: whatever commits later is at or after it. Ask before you read rows."""
    statement = select(cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text))
    horizon: str = (await reading.execute(statement)).scalar_one()
    return horizon


async def inbox(
    reading: Reading, clinic_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[InboxLine]:
    """The clinic's conversations by their last message, newest first, past the key `after`."""
    key = func.row(col(Conversation.last_at), col(Conversation.id))
    name = patient_name(col(Conversation.clinic_id), col(Conversation.patient_id))
    statement = (
        _states(_unread(_by_desk(), of_patient=True))
        .add_columns(name.label("patient_name"))
        .where(col(Conversation.clinic_id) == clinic_id, col(Conversation.last_seq) > 0)
        .order_by(col(Conversation.last_at).desc(), col(Conversation.id).desc())
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(key < func.row(*after))
    rows = await reading.execute(statement)
    return [InboxLine(**_state(row).model_dump(), patient_name=row.patient_name) for row in rows]


@dataclass(frozen=True, slots=True)
class LogHead:
    """A conversation's log: whose it is and where it stands."""

    clinic_id: UUID
    conversation_id: UUID
    patient_id: UUID
    rev: int


async def log_head(reading: Reading, clinic_id: UUID, conversation_id: UUID) -> LogHead | None:
    statement = select(col(Conversation.patient_id), col(Conversation.last_rev)).where(
        col(Conversation.clinic_id) == clinic_id, col(Conversation.id) == conversation_id
    )
    row = (await reading.execute(statement)).one_or_none()
    return None if row is None else LogHead(clinic_id, conversation_id, row.patient_id, row.last_rev)


async def events_after(reading: Reading, head: LogHead, rev: int, limit: int) -> EventPage:
    """The log past `rev`, oldest first: what a device that holds `rev` has missed."""
    reset = must_start_over(rev, head.rev)
    if reset is not None:
        return EventPage(events=[], more=False, rev=head.rev, reset=reset)
    statement = (
        select(event_json())
        .select_from(ChatEvent)
        .outerjoin(Message, of_event())
        .where(*_of_log(ChatEvent, head), col(ChatEvent.log) == SHARED, of_known_kind(), col(ChatEvent.rev) > rev)
        .order_by(col(ChatEvent.rev))
        .limit(limit + 1)
    )
    found = await _events(reading, statement)
    return EventPage(events=found[:limit], more=len(found) > limit, rev=head.rev)


async def messages_before(reading: Reading, head: LogHead, seq: int, limit: int) -> EventPage:
    """The newest messages before `seq`, as the events that brought them, oldest first: scrolling back."""
    statement = (
        select(_message_json())
        .where(*_of_log(Message, head), col(Message.seq) < seq)
        .order_by(col(Message.seq).desc())
        .limit(limit + 1)
    )
    found = await _events(reading, statement)
    return EventPage(events=found[:limit][::-1], more=len(found) > limit, rev=head.rev)


def _of_log(table: Any, head: LogHead) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return col(table.clinic_id) == head.clinic_id, col(table.conversation_id) == head.conversation_id


async def _events(reading: Reading, statement: Select[Any]) -> list[ConversationEvent]:
    return [ConversationEvent.model_validate(value) for value in (await reading.execute(statement)).scalars()]


def _states(unread: ColumnElement[int]) -> Select[*tuple[Any, ...]]:
    known: list[Any] = [
        *(col(Conversation.id), col(Conversation.patient_id), col(Conversation.last_rev)),
        *(col(Conversation.last_seq), col(Conversation.last_at), unread.label("unread")),
    ]
    return select(*known)


def _state(row: Row[Any]) -> ConversationState:
    return ConversationState(
        conversation_id=row.id,
        patient_id=row.patient_id,
        rev=row.last_rev,
        last_seq=row.last_seq,
        unread=row.unread,
        last_at=row.last_at,
    )


# --- Fragments ---


def _by_account(account_id: UUID) -> ColumnElement[bool]:
    return col(Mark.person_id) == account_id


def _by_desk() -> ColumnElement[bool]:
    return col(Mark.side) == Side.CLINIC.value


def _unread(reader: ColumnElement[bool], *, of_patient: bool) -> ColumnElement[int]:
    """SQL: a conversation's messages of one direction past the marks of `reader`; own ones are never among them.

    Nothing is counted: every message is of one of two directions, so where `ordinal` numbers those of its own
    direction, those of the other one up to it are `seq - ordinal`.
    """
    read = select(func.max(Mark.read)).where(_here(Mark), reader).correlate(Conversation).scalar_subquery()
    own = (col(Message.side) == Side.PATIENT.value) == of_patient
    heard = (
        select(case((own, col(Message.ordinal)), else_=col(Message.seq) - col(Message.ordinal)))
        .where(_here(Message), col(Message.seq) == read)
        .correlate(Conversation)
        .scalar_subquery()
    )
    total = col(Conversation.n_patient) if of_patient else col(Conversation.n_clinic)
    return total - func.coalesce(heard, 0)


def _here(table: Any) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == col(Conversation.clinic_id), col(table.conversation_id) == col(Conversation.id))


def since(horizon: ColumnElement[str]) -> ColumnElement[bool]:
    """SQL: the event's transaction was not yet over at `horizon`."""
    return col(ChatEvent.xid) >= cast(cast(horizon, Text), Xid8())


def of_known_kind() -> ColumnElement[bool]:
    """SQL: an event that this node can tell of; nodes of a later version may already write others."""
    return col(ChatEvent.kind).in_(list(EventKind))


def of_event() -> ColumnElement[bool]:
    """SQL join condition of an event with the message it points at."""
    return and_(
        col(ChatEvent.kind) == EventKind.MESSAGE.value,
        col(Message.clinic_id) == col(ChatEvent.clinic_id),
        col(Message.conversation_id) == col(ChatEvent.conversation_id),
        col(Message.seq) == col(ChatEvent.data)["seq"].as_integer(),
    )


def event_json() -> ColumnElement[Any]:
    """SQL: a `ConversationEvent` of the log, joined with its message by `of_event`."""
    is_mark = col(ChatEvent.kind) == EventKind.MARK.value
    return func.json_build_object(
        *("conversation_id", col(ChatEvent.conversation_id), "rev", col(ChatEvent.rev), "kind", col(ChatEvent.kind)),
        *("at", rfc3339_sql(col(ChatEvent.at))),
        *("message", case((col(Message.seq).is_not(None), _posted()))),
        *("mark", case((is_mark, cast(col(ChatEvent.data), JSON)))),
    )


def _message_json() -> ColumnElement[Any]:
    return func.json_build_object(
        *("conversation_id", col(Message.conversation_id), "rev", col(Message.rev), "kind", EventKind.MESSAGE.value),
        *("at", rfc3339_sql(col(Message.at)), "message", _posted()),
    )


def _posted() -> ColumnElement[Any]:
    return func.json_build_object(
        *("seq", col(Message.seq), "client_id", col(Message.client_id), "side", col(Message.side)),
        *("author", col(Message.sender_name), "body", col(Message.body)),
    )
