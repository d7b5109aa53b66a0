"""What patients said and did, for the clinic's own system: events in the order of their transactions, none missed.

Commit order is not id order (`core.events`): what is told ends before the oldest transaction that still runs, and so
everything before the end of a page is there for good. Ids and codes only; what they mean is read elsewhere.
"""

from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import BigInteger, ColumnElement, Text, cast, func, literal, or_, select
from sqlmodel import col

from core.database import Reading
from core.events import ActorKind, Event, Xid8
from core.moments import Moment
from core.values import Value

_KINDS = (
    "plan.accepted", "plan.declined", "stage.accepted", "stage.declined", "document.signed", "payment.succeeded",
    "payment.refunded", "privacy.erased",
)  # fmt: skip
_FAMILIES = ("request.", "appointment.", "consent.")

Place = tuple[int, UUID]
"""Where in the feed: a transaction and an event of it."""
START: Place = (0, UUID(int=0))


class PatientEvent(Value):
    """One thing that happened. Ids are those that the sync answered with, or that other routes name."""

    event_id: UUID = Field(description="The same each time it is told.")
    kind: str = Field(
        description="`plan.accepted`, `stage.declined`, `request.made`, `appointment.cancelled`, `document.signed`, "
        "`payment.succeeded`, `consent.withdrawn`, `privacy.erased` …: skip what you do not know.",
        examples=["plan.accepted"],
    )
    subject_id: UUID = Field(description="Of the plan, request, appointment, document or payment; a stage: its plan.")
    patient_id: UUID | None
    by: ActorKind
    facts: dict[str, Any] = Field(description="Ids and codes.", examples=[{"offer": 1, "stages": [0]}])
    at: Moment


async def patient_events(reading: Reading, after: Place, limit: int) -> list[tuple[Place, PatientEvent]]:
    """The next events past a place, each with its own place; those the clinic's system caused itself are left out."""
    xid, event_id = col(Event.xid), col(Event.id)
    begin = cast(cast(literal(str(after[0])), Text), Xid8())
    statement = (
        select(_number(xid), Event)
        .where(
            xid >= begin,  # said apart, for the index: PostgreSQL reads a row comparison as a filter
            func.row(xid, event_id) > func.row(begin, after[1]),
            xid < func.pg_snapshot_xmin(func.pg_current_snapshot()),
            or_(col(Event.kind).in_(_KINDS), *[col(Event.kind).startswith(family) for family in _FAMILIES]),
            col(Event.actor_kind) != ActorKind.PARTNER.value,
        )
        .order_by(xid, event_id)
        .limit(limit)
    )
    return [((number, event.id), _told(event)) for number, event in await reading.execute(statement)]


async def is_of_this_database(reading: Reading, place: Place) -> bool:
    """Whether a place can have been told here: a database that was restored has not come so far yet."""
    unborn = _number(func.pg_snapshot_xmax(func.pg_current_snapshot()))
    return place[0] < (await reading.execute(select(unborn))).scalar_one()


def _number(xid: Any) -> ColumnElement[int]:
    return cast(cast(xid, Text), BigInteger)


def _told(event: Event) -> PatientEvent:
    return PatientEvent(
        event_id=event.id,
        kind=event.kind,
        subject_id=event.subject_id,
        patient_id=event.patient_id,
        by=ActorKind(event.actor_kind),
        facts=event.facts,
        at=event.at,
    )
