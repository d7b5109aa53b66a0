"""Events: what happened, written in the transaction of the change and never altered.

One append-only table per tenant. It is the patient's timeline, the trigger of journeys, the feed of
webhooks and the audit of who changed what. Facts come up through it: a lower package records, a
higher one reads. Commit order is not id order, so a reader marks what it handled or bounds itself by
`xid < pg_snapshot_xmin(pg_current_snapshot())`; it never remembers a last id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, insert, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import UserDefinedType
from sqlmodel import Field

from core.database import TenantRow, Writing
from core.ids import new_id
from core.schema import APPEND_ONLY


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, which SQLAlchemy has no name for."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class ActorKind(StrEnum):
    PATIENT = "patient"
    STAFF = "staff"
    PARTNER = "partner"
    AUTOMATION = "automation"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something: a kind and, where there is one, the id of the person, app or journey."""

    kind: ActorKind
    id: UUID | None = None


SYSTEM = Actor(ActorKind.SYSTEM)


@dataclass(frozen=True, slots=True)
class Happening:
    """One fact to record. `facts` hold ids and codes only, never free text of a patient."""

    kind: str
    subject_id: UUID
    patient_id: UUID | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    cause_id: UUID | None = None


class Event(TenantRow, table=True):
    __tablename__ = "event"
    __table_args__ = (
        Index("event_of_patient", "clinic_id", "patient_id", "at"),
        Index("event_xid", "xid"),
        Index("event_feed", "clinic_id", "xid", "id"),
        Index("event_kind", "clinic_id", "kind", "at"),
        {"info": {APPEND_ONLY: True}},
    )

    kind: str
    subject_id: UUID
    patient_id: UUID | None = None
    actor_kind: str
    actor_id: UUID | None = None
    cause_id: UUID | None = None
    facts: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))
    at: datetime
    xid: int = Field(
        default=None,
        sa_column=Column(Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    )


async def record(writing: Writing, clinic_id: UUID, actor: Actor, happenings: list[Happening], now: datetime) -> None:
    """Append `happenings` in the caller's transaction with one statement, whatever their number."""
    await record_across(writing, actor, [(clinic_id, happening) for happening in happenings], now)


async def record_across(
    writing: Writing, actor: Actor, happenings: Sequence[tuple[UUID, Happening]], now: datetime
) -> None:
    """The same for a sweep over many clinics: each happening with the id of its clinic."""
    if not happenings:
        return
    rows = [
        {
            "clinic_id": clinic_id,
            "id": new_id(),
            "kind": happening.kind,
            "subject_id": happening.subject_id,
            "patient_id": happening.patient_id,
            "actor_kind": actor.kind.value,
            "actor_id": actor.id,
            "cause_id": happening.cause_id,
            "facts": happening.facts,
            "at": now,
        }
        for clinic_id, happening in happenings
    ]
    # render_nulls: otherwise SQLAlchemy makes a statement for every run of rows with the same columns empty.
    await writing.execute(insert(Event).execution_options(render_nulls=True), rows)
