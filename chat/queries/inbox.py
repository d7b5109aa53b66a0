"""The desk's one inbox: conversations with the case each is in, filtered and counted by one statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Row, Select, and_, func, select, true, tuple_
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from chat.case import CaseState
from chat.conversation import Side, Via
from chat.log import Thread
from chat.queries.cases import CaseLine
from chat.queries.presence import connected
from chat.queries.reach import beyond, within_reach
from chat.queries.states import unread_of_desk
from chat.tables import ChatCase, Conversation, Message
from clinic.queries import patient_name
from clinic.queries.desk import staff_name
from core.database import Reading, Sweeping
from core.moments import Moment
from core.moments_sql import rfc3339_sql
from core.values import Int32, Value

_PREVIEW = 140


class InboxState(StrEnum):
    """The state of a conversation's newest case; `live`: any but closed."""

    LIVE = "live"
    BOT = "bot"
    OPEN = "open"
    ASSIGNED = "assigned"
    SNOOZED = "snoozed"
    CLOSED = "closed"


class InboxCase(CaseLine):
    """The newest case of a conversation."""

    escalated: bool = Field(description="Nobody answered within the clinic's time.")


class InboxPreview(Value):
    """How the last message begins, who wrote it, and the channel it came by. A picture or card alone has no text."""

    side: Side
    via: Via
    text: str


class InboxLine(Value):
    """A conversation in the desk's inbox; what somebody of the desk has read, the desk has read."""

    conversation_id: UUID
    patient_id: UUID
    patient_name: str
    rev: Int32
    staff_rev: Int32 = 0
    last_seq: Int32
    unread: Int32
    last_at: Moment
    case: InboxCase | None = None
    preview: InboxPreview | None = None
    in_app: bool = Field(default=False, description="The patient's app is open in front of somebody at this moment.")


class ToldLine(NamedTuple):
    """A line for the sockets of one node. `beyond`: the accounts that do not reach it, and whether they just did."""

    thread: Thread
    line: InboxLine
    beyond: Mapping[UUID, bool]


class InboxCounts(Value):
    """Live cases of each sort, whatever state, assignee and unread are filtered by; the other filters hold."""

    bot: Int32
    open: Int32
    assigned: Int32
    snoozed: Int32
    mine: Int32
    waiting: Int32 = Field(description="Patients that wait for an answer.")
    escalated: Int32
    unread: Int32


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What of the inbox is wanted; empty: all of it. `priority`: at least."""

    state: InboxState | None = None
    assignee_id: UUID | None = None
    branch_id: UUID | None = None
    label: str | None = None
    topic: str | None = None
    priority: int = 0
    unread: bool = False


Place = tuple[datetime, UUID]


async def inbox(reading: Reading, clinic_id: UUID, *, after: Place | None, limit: int) -> list[InboxLine]:
    """All conversations by their last message, newest first, past the key `after`."""
    return (await filtered_inbox(reading, clinic_id, InboxFilter(), None, after=after, limit=limit))[0]


async def filtered_inbox(
    reading: Reading, clinic_id: UUID, wanted: InboxFilter, staff_id: UUID | None, *, after: Place | None, limit: int
) -> tuple[list[InboxLine], InboxCounts]:
    """The conversations wanted, by their last message, newest first, past the key `after`; and how many there are.

    `staff_id` says whose reach it is, and whose cases `mine` counts; None: all that there is. One statement.
    """
    mine = [] if staff_id is None else [within_reach(staff_id)]
    statement = select(_page(clinic_id, wanted, after, limit, mine), _counts(clinic_id, wanted, staff_id, mine))
    items, counts = (await reading.execute(statement)).one()
    return [InboxLine.model_validate(item) for item in items], InboxCounts.model_validate(counts)


async def lines_of_threads(sweeping: Sweeping, threads: Collection[Thread]) -> list[ToldLine]:
    """The lines of these threads, over all clinics: for the sockets of one node."""
    newest, whose = _newest_case(), tuple_(col(Conversation.clinic_id), col(Conversation.patient_id))
    statement = (
        select(
            col(Conversation.clinic_id),
            col(Conversation.patient_id),
            _line(newest).label("line"),
            beyond("newest").label("beyond"),
        )
        .outerjoin(newest, true())
        .where(whose.in_([tuple(thread) for thread in threads]))
    )
    rows = await sweeping.execute(statement)
    return [_told(row) for row in rows]


def _told(row: Row[Any]) -> ToldLine:
    lost = {UUID(account_id): was_here for account_id, was_here in row.beyond}
    return ToldLine(Thread(row.clinic_id, row.patient_id), InboxLine.model_validate(row.line), lost)


# --- Fragments ---


def _page(
    clinic_id: UUID, wanted: InboxFilter, after: Place | None, limit: int, mine: Sequence[Any]
) -> ColumnElement[Any]:
    newest = _newest_case()
    last_at, key = col(Conversation.last_at), col(Conversation.id)
    found = (
        select(_line(newest).label("line"), last_at.label("last_at"), key.label("id"))
        .outerjoin(newest, true())
        .where(col(Conversation.clinic_id) == clinic_id, col(Conversation.last_seq) > 0)
        .where(*_of_sort(newest.c, wanted), *_of_turn(newest.c, wanted), *mine)
        .order_by(last_at.desc(), key.desc())
        .limit(limit)
    )
    if after is not None:
        found = found.where(func.row(last_at, key) < func.row(*after))
    page = found.subquery("page")
    listed = func.json_agg(aggregate_order_by(page.c.line, page.c.last_at.desc(), page.c.id.desc()))
    return select(func.coalesce(listed, func.json_build_array())).scalar_subquery()


def _counts(clinic_id: UUID, wanted: InboxFilter, staff_id: UUID | None, mine: Sequence[Any]) -> ColumnElement[Any]:
    live = col(ChatCase.closed_at).is_(None)
    same = and_(col(Conversation.clinic_id) == ChatCase.clinic_id, col(Conversation.id) == ChatCase.conversation_id)
    sorts: dict[str, ColumnElement[bool]] = {
        **{state.value: col(ChatCase.state) == state.value for state in CaseState if state is not CaseState.CLOSED},
        "mine": col(ChatCase.assignee_id) == staff_id,
        "waiting": col(ChatCase.waiting_since).is_not(None),
        "escalated": col(ChatCase.escalated_at).is_not(None),
        "unread": unread_of_desk() > 0,
    }
    counted: list[Any] = []
    for name, sort in sorts.items():
        counted += [name, func.count().filter(sort)]
    return (
        select(func.json_build_object(*counted))
        .select_from(ChatCase)
        .join(Conversation, same)
        .where(col(ChatCase.clinic_id) == clinic_id, live, *_of_sort(ChatCase, wanted), *mine)
        .scalar_subquery()
    )


def _of_sort(case: Any, wanted: InboxFilter) -> Sequence[ColumnElement[bool]]:
    """SQL: what the counts keep to as well."""
    rules = []
    if wanted.branch_id is not None:
        rules.append(case.branch_id == wanted.branch_id)
    if wanted.topic is not None:
        rules.append(case.topic == wanted.topic)
    if wanted.label is not None:
        rules.append(case.labels.contains([wanted.label]))
    if wanted.priority:
        rules.append(case.priority >= wanted.priority)
    return rules


def _of_turn(case: Any, wanted: InboxFilter) -> Sequence[ColumnElement[bool]]:
    rules: list[ColumnElement[bool]] = []
    if wanted.state is InboxState.LIVE:
        rules.append(and_(case.id.is_not(None), case.closed_at.is_(None)))
    elif wanted.state is not None:
        rules.append(case.state == wanted.state.value)
    if wanted.assignee_id is not None:
        rules.append(case.assignee_id == wanted.assignee_id)
    if wanted.unread:
        rules.append(unread_of_desk() > 0)
    return rules


def _newest_case() -> Any:
    same = and_(col(ChatCase.clinic_id) == Conversation.clinic_id, col(ChatCase.conversation_id) == Conversation.id)
    newest: Select[Any] = select(ChatCase).where(same).order_by(col(ChatCase.opened_at).desc(), col(ChatCase.id).desc())
    return newest.limit(1).correlate(Conversation).lateral("newest")


def _line(newest: Any) -> ColumnElement[Any]:
    """SQL: the JSON of an `InboxLine`."""
    clinic_id = col(Conversation.clinic_id)
    return func.json_build_object(
        *("conversation_id", col(Conversation.id), "patient_id", col(Conversation.patient_id)),
        *("patient_name", patient_name(clinic_id, col(Conversation.patient_id))),
        *("rev", col(Conversation.last_rev), "staff_rev", col(Conversation.last_srev)),
        *("last_seq", col(Conversation.last_seq), "unread", unread_of_desk()),
        *("last_at", rfc3339_sql(col(Conversation.last_at))),
        *("case", sql_case((newest.c.id.is_not(None), _case(newest.c)))),
        *("preview", _preview()),
        *("in_app", connected(clinic_id, col(Conversation.patient_id), func.now(), front=True)),
    )


def _case(case: Any) -> ColumnElement[Any]:
    return func.json_build_object(
        *("case_id", case.id, "state", case.state, "assignee_id", case.assignee_id),
        *("assignee_name", staff_name(case.clinic_id, case.assignee_id), "branch_id", case.branch_id),
        *("topic", case.topic, "labels", case.labels, "priority", case.priority),
        *("waiting_since", rfc3339_sql(case.waiting_since), "snoozed_until", rfc3339_sql(case.snoozed_until)),
        *("escalated", case.escalated_at.is_not(None)),
    )


def _preview() -> ColumnElement[Any]:
    text = func.left(col(Message.body), _PREVIEW)
    return (
        select(func.json_build_object("side", col(Message.side), "via", col(Message.via), "text", text))
        .where(
            col(Message.clinic_id) == col(Conversation.clinic_id),
            col(Message.conversation_id) == col(Conversation.id),
            col(Message.seq) == col(Conversation.last_seq),
        )
        .correlate(Conversation)
        .scalar_subquery()
    )
