"""Where conversations stand, for one reader and for the desk."""

from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Text, and_, case, cast, func, literal_column, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.conversation import Side
from chat.cursor import Cursor
from chat.log import OF_CASE, SHARED, STAFF, ConversationState
from chat.queries.log import since
from chat.tables import ChatEvent, Conversation, Mark, Message
from core.database import Reading
from core.epoch import epoch_sql
from core.moments_sql import rfc3339_sql


async def state_of(reading: Reading, patient_id: UUID, account_id: UUID) -> ConversationState:
    """The conversation of a patient, unread as `account_id` sees it; also before the first message."""
    statement = select(state_json(unread_of_account(account_id))).where(col(Conversation.patient_id) == patient_id)
    known = (await reading.execute(statement)).scalar_one_or_none()
    return ConversationState.model_validate(known or {"conversation_id": None, "patient_id": patient_id})


async def badge_of(reading: Reading, patient_ids: list[UUID], account_id: UUID) -> int:
    """What stands on the icon of an account's app: all that is unread in these patients' conversations."""
    unread = func.sum(unread_of_account(account_id))
    statement = select(func.coalesce(unread, 0)).where(col(Conversation.patient_id).in_(patient_ids))
    return int((await reading.execute(statement)).scalar_one())


async def cursor_now(reading: Reading) -> Cursor:
    """The oldest transaction still open: whatever commits later is at or after it. Ask before you read rows."""
    return Cursor.read((await reading.execute(select(cursor_sql()))).scalar_one())


# --- Fragments ---

_OF_CASE = and_(col(ChatEvent.log) == STAFF, col(ChatEvent.kind).in_(sorted(each.value for each in OF_CASE)))


def changed_for_desk(clinic_id: Any, horizon: ColumnElement[str]) -> Select[UUID]:
    """SQL: conversations of whose messages, or whose case, there is news since `horizon`."""
    told = or_(col(ChatEvent.log) == SHARED, _OF_CASE)
    return select(col(ChatEvent.conversation_id)).where(col(ChatEvent.clinic_id) == clinic_id, told, since(horizon))


def lost_for_desk(clinic_id: Any, horizon: ColumnElement[str], *lost: Any) -> ColumnElement[bool]:
    """SQL: something befell a case since `horizon` by which its conversation was `lost`."""
    return (
        select(col(ChatEvent.rev))
        .join(Conversation, _here(ChatEvent))
        .where(col(ChatEvent.clinic_id) == clinic_id, _OF_CASE, since(horizon), *lost)
        .exists()
    )


def cursor_sql() -> ColumnElement[str]:
    """SQL: the cursor of this moment, as text."""
    horizon = cast(func.pg_snapshot_xmin(func.pg_current_snapshot()), Text)
    return epoch_sql().concat(literal_column("'.'", Text())).concat(horizon)


def state_json(unread: ColumnElement[int], *, marked: bool = True) -> ColumnElement[Any]:
    """SQL: the JSON of a `ConversationState`; without its marks and when it was last written to, unless `marked`."""
    known: list[Any] = [
        *("conversation_id", col(Conversation.id), "patient_id", col(Conversation.patient_id)),
        *("rev", col(Conversation.last_rev), "last_seq", col(Conversation.last_seq), "unread", unread),
    ]
    if marked:
        known += ["last_at", rfc3339_sql(col(Conversation.last_at)), "marks", _marks_json()]
    return func.json_build_object(*known)


def unread_of_desk() -> ColumnElement[int]:
    """SQL: what nobody of the desk has read of a `Conversation`."""
    return _unread(col(Mark.side) == Side.CLINIC.value, of_patient=True)


def unread_of_account(account_id: Any, *within: Any) -> ColumnElement[int]:
    """SQL: the same of what one account on the patient's side has not read; `within`: whose column `account_id` is."""
    return _unread(col(Mark.person_id) == account_id, *within, of_patient=False)


def _unread(reader: ColumnElement[bool], *within: Any, of_patient: bool) -> ColumnElement[int]:
    """SQL: a conversation's messages of one direction past the marks of `reader`; own ones are never among them.

    Nothing is counted: every message is of one of two directions, so where `ordinal` numbers those of its own
    direction, those of the other one up to it are `seq - ordinal`. Only deleted ones have to be looked for, where a
    conversation has any: they have an index of their own and are few.
    """
    read = select(func.max(Mark.read)).where(_here(Mark), reader).correlate(Conversation, *within).scalar_subquery()
    own = (col(Message.side) == Side.PATIENT.value) == of_patient
    heard = (
        select(case((own, col(Message.ordinal)), else_=col(Message.seq) - col(Message.ordinal)))
        .where(_here(Message), col(Message.seq) == read)
        .correlate(Conversation, *within)
        .scalar_subquery()
    )
    deleted = (
        select(func.count())
        .where(_here(Message), own, col(Message.deleted_at).is_not(None), col(Message.seq) > func.coalesce(read, 0))
        .correlate(Conversation, *within)
        .scalar_subquery()
    )
    total = col(Conversation.n_patient) if of_patient else col(Conversation.n_clinic)
    gone = case((col(Conversation.n_deleted) > 0, deleted), else_=0)
    return total - func.coalesce(heard, 0) - gone


def _marks_json() -> ColumnElement[Any]:
    """SQL: how far each side of a conversation got, as `MovedMark`s."""
    far = select(
        col(Mark.side), func.max(col(Mark.delivered)).label("delivered"), func.max(col(Mark.read)).label("read")
    )
    sides = far.where(_here(Mark)).group_by(col(Mark.side)).correlate(Conversation).subquery("far")
    line = func.json_build_object("side", sides.c.side, "delivered", sides.c.delivered, "read", sides.c.read)
    return func.coalesce(
        select(func.json_agg(aggregate_order_by(line, sides.c.side))).scalar_subquery(), literal_column("'[]'::json")
    )


def _here(table: Any) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == col(Conversation.clinic_id), col(table.conversation_id) == col(Conversation.id))
