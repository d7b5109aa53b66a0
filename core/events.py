"""Events: what happened, written in the transaction of the change and never altered.

One append-only table per tenant. It is the patient's timeline, the trigger of journeys, the feed of
webhooks and the audit of who changed what. Facts come up through it: a lower package records, a
higher one reads. Commit order is not id order, so a reader marks what it handled or bounds itself by
`xid < pg_snapshot_xmin(pg_current_snapshot())`; it never remembers a last id.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Index, Text, cast, column, func, insert, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.types import TypeEngine, UserDefinedType
from sqlmodel import Field

from core.actor import Actor, ActorKind
from core.database import MOMENT_PARAMETER, UUID_PARAMETER, TenantRow, Writing
from core.ids import new_id
from core.schema import APPEND_ONLY


class Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, which SQLAlchemy has no name for."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


__all__ = ["SYSTEM", "Actor", "ActorKind", "Event", "Happening", "record", "record_across"]

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


# Columns of an event that differ from row to row, as they are unnested from arrays: one statement text, prepared once,
# and one execution of it for any number.
_ROW: dict[str, TypeEngine[Any]] = {
    "clinic_id": UUID_PARAMETER, "id": UUID_PARAMETER, "kind": Text(), "subject_id": UUID_PARAMETER,
    "patient_id": UUID_PARAMETER, "cause_id": UUID_PARAMETER, "facts": Text(),
}  # fmt: skip


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
        (
            clinic_id, new_id(), each.kind, each.subject_id, each.patient_id, each.cause_id,
            json.dumps(each.facts, ensure_ascii=False),
        )
        for clinic_id, each in happenings
    ]  # fmt: skip
    columns = zip(*rows, strict=True)
    arrays = [literal(list(each), ARRAY(kind)) for each, kind in zip(columns, _ROW.values(), strict=True)]
    named = func.unnest(*arrays).table_valued(*(column(name, kind) for name, kind in _ROW.items()), name="happening")
    made = named.render_derived()
    same: dict[str, Any] = {"actor_kind": literal(actor.kind.value), "actor_id": literal(actor.id, UUID_PARAMETER)}
    values: dict[str, Any] = {name: made.c[name] for name in _ROW} | same | {"at": literal(now, MOMENT_PARAMETER)}
    values["facts"] = cast(made.c.facts, JSONB)
    await writing.execute(insert(Event).from_select(list(values), select(*values.values())))
