"""What a new socket is greeted with, and a desk that polls: whether it may sit there, and where conversations stand.

Two statements, each compiled once: a node's thousand sockets come back within seconds.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ARRAY, Text, Uuid, and_, bindparam, false, func, literal_column, null, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.conversation import LARGEST_PAGE, Side
from chat.cursor import Cursor
from chat.log import ConversationState
from chat.queries.reach import lost_by_account, within_reach_of_account
from chat.queries.states import (
    changed_for_desk,
    cursor_sql,
    lost_for_desk,
    state_json,
    unread_of_account,
    unread_of_desk,
)
from chat.tables import Conversation
from clinic.household import AccessScope
from clinic.queries.standing import records_json, staff_may, staff_tied
from core.database import UUID_PARAMETER, Database, Document, scope_row
from identity.permissions import Permission


class Seatable(BaseModel):
    """The records whose chat an account hears, or that it is staff that replies; and the epoch and horizon of that
    moment, `since` which by PostgreSQL's clock it sits here.
    """

    model_config = ConfigDict(frozen=True)

    patients: list[UUID]
    replies: bool
    at: str
    since: datetime
    tied: int | None = None
    """Of staff: `staff.tied_xid`."""

    @property
    def cursor(self) -> Cursor:
        return Cursor.read(self.at)


class Standing(BaseModel):
    """Where conversations stand. `lost`: there may be some that are no more in the reach of who asks."""

    model_config = ConfigDict(frozen=True)

    states: list[ConversationState]
    lost: bool


async def seatable(
    database: Database, side: Side, clinic_id: UUID, account_id: UUID, session_id: UUID, now: datetime
) -> Seatable:
    """Nothing at all for a session that is over and for a right that was taken."""
    values = {"clinic": clinic_id, "account": account_id, "session": session_id, "now": now}
    raw = await database.document(_SEATABLE[side], **values)
    assert raw is not None
    return Seatable.model_validate_json(raw)


async def standing_of(
    database: Database, clinic_id: UUID, patient_ids: Collection[UUID], account_id: UUID
) -> list[ConversationState]:
    """The conversations of these patients as `account_id` finds them, without marks; only those that have begun."""
    values = {"clinic": clinic_id, "patients": sorted(patient_ids), "account": account_id}
    return _standing_in(await database.document(_OF_PATIENTS, **values)).states


async def standing_of_desk(
    database: Database, clinic_id: UUID, account_id: UUID, horizon: str | None
) -> tuple[list[ConversationState], bool]:
    """What somebody of the desk missed: conversations in their reach that changed since `horizon` (newest ones without
    it), and whether that is all.
    """
    if horizon is None:
        raw = await database.document(_NEWEST, clinic=clinic_id, account=account_id)
    else:
        raw = await database.document(_CHANGED, clinic=clinic_id, account=account_id, horizon=horizon)
    found = _standing_in(raw)
    is_whole = horizon is not None and len(found.states) <= LARGEST_PAGE and not found.lost
    return found.states[:LARGEST_PAGE], is_whole


def _standing_in(raw: bytes | None) -> Standing:
    assert raw is not None
    return Standing.model_validate_json(raw)


def _seatable(patients: Any, replies: Any, tied: Any) -> Document:
    clinic_id = scope_row()
    members = ("patients", patients(clinic_id), "replies", replies(clinic_id), "tied", tied(clinic_id))
    seat = func.json_build_object(*members, "at", cursor_sql(), "since", func.clock_timestamp())
    return Document(select(seat).select_from(clinic_id.table))


def _heard(clinic_id: Any) -> Any:
    return records_json(clinic_id, AccessScope.CHAT)


def _replies(clinic_id: Any) -> Any:
    return staff_may(clinic_id, Permission.REPLY)


def _standing(unread: Any, whose: Any, *, of_desk: bool, lost: Any = lambda _: false()) -> Document:
    """`of_desk`: the newest ones, with their marks."""
    clinic_id = scope_row()
    found = select(state_json(unread, marked=of_desk).label("state"), col(Conversation.last_at)).where(
        col(Conversation.clinic_id) == clinic_id, whose(clinic_id)
    )
    if of_desk:
        found = found.order_by(col(Conversation.last_at).desc()).limit(LARGEST_PAGE + 1)
    rows = found.correlate(clinic_id.table).subquery("found")
    listed: Any = func.json_agg(aggregate_order_by(rows.c.state, rows.c.last_at.desc()))
    states = func.coalesce(select(listed).scalar_subquery(), literal_column("'[]'::json"))
    standing = func.json_build_object("states", states, "lost", lost(clinic_id))
    return Document(select(standing).select_from(clinic_id.table))


def _changed_since(clinic_id: Any) -> Any:
    changed = changed_for_desk(clinic_id, bindparam("horizon", type_=Text())).correlate(clinic_id.table)
    return and_(col(Conversation.id).in_(changed), within_reach_of_account())


def _lost_since(clinic_id: Any) -> Any:
    lost = (within_reach_of_account(turned=True), lost_by_account())
    return lost_for_desk(clinic_id, bindparam("horizon", type_=Text()), *lost)


def _of_patients(_clinic_id: Any) -> Any:
    return col(Conversation.patient_id) == func.any(bindparam("patients", type_=ARRAY(Uuid())))


def _reached(_clinic_id: Any) -> Any:
    return within_reach_of_account()


def _nobody(_clinic_id: Any) -> Any:
    return literal_column("'[]'::json")


_SEATABLE = {
    Side.PATIENT: _seatable(_heard, lambda _: false(), lambda _: null()),
    Side.CLINIC: _seatable(_nobody, _replies, staff_tied),
}
_UNREAD = unread_of_account(bindparam("account", type_=UUID_PARAMETER))
_OF_PATIENTS = _standing(_UNREAD, _of_patients, of_desk=False)
_NEWEST = _standing(unread_of_desk(), _reached, of_desk=True)
_CHANGED = _standing(unread_of_desk(), _changed_since, of_desk=True, lost=_lost_since)
