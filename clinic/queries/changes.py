"""Which things of a record changed since an app last asked: one statement, one trip, and no thing itself."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    Uuid,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlmodel import col

from clinic.household import AccessScope, Relation
from clinic.queries.fragments import record_row
from core.changes import EVERYBODY, Change
from core.database import UUID_PARAMETER, Database, Document, scope_row
from core.epoch import epoch_sql
from core.events import Xid8
from core.values import Int64, Value


class Mark(Value):
    """A thing that changed: in which transaction last, of what kind, which (the patient where the kind comes whole)."""

    xid: Int64
    kind: str
    id: UUID


class Place(Value):
    """How far a walk has read: past this mark, of which database, and by whom (`sight`).

    `horizon` is where the next walk must begin: the oldest transaction that was still running when this walk's
    first page was read. What such a slow one commits may lie behind the later pages of this walk.
    """

    xid: Int64 = 0
    kind: str = ""
    id: UUID = UUID(int=0)
    horizon: Int64 | None = None
    epoch: str = ""
    sight: str = ""


class Marks(Value):
    """The marks past a place, oldest first, and what the record is to the caller."""

    patient_id: UUID
    relation: Relation
    scopes: list[AccessScope]
    running: Int64
    """The oldest transaction still running: everything before it is seen."""
    epoch: str
    """Which history of which database this is (`core.epoch`)."""
    items: list[Mark]

    @property
    def sight(self) -> str:
        """What the caller sees of the record; who sees more or less than before has to begin anew."""
        return " ".join([self.relation, *sorted(self.scopes)]) if self.relation is not Relation.SELF else "self"


def _document() -> Document:
    clinic_id = scope_row()
    record = record_row(clinic_id).lateral("record")
    snapshot = func.pg_current_snapshot()
    marks = func.json_build_object(
        *("patient_id", record.c.id, "relation", record.c.relation, "scopes", record.c.scopes),
        *("running", _number(func.pg_snapshot_xmin(snapshot))),
        *("epoch", epoch_sql()),
        *("items", _marks(record)),
    )
    return Document(select(marks).select_from(clinic_id.table.join(record, true())))


def _marks(record: Any) -> Any:
    """Each thing once, by the last transaction that touched it; nothing in the order says when something was."""
    asked = cast(cast(bindparam("xid", type_=Text()), Text), Xid8())
    own = record.c.relation == Relation.SELF.value
    to_all = col(Change.patient_id) == EVERYBODY
    thing = case((to_all, record.c.id), else_=col(Change.subject_id))
    last: Any = func.max(cast(cast(col(Change.xid), Text), BigInteger))
    touched = (
        select(last.label("xid"), col(Change.kind), thing.label("id"))
        .where(
            col(Change.clinic_id) == record.c.clinic_id,
            col(Change.patient_id).in_([record.c.id, literal(EVERYBODY, Uuid())]),
            col(Change.xid) >= asked,
            # Of what was never theirs to see, others than the patient do not even learn that it is there.
            or_(own, col(Change.was_open)),
        )
        .group_by(col(Change.kind), thing)
        .correlate(record)
        .subquery("touched")
    )
    key = (touched.c.xid, touched.c.kind, touched.c.id)
    place = (
        cast(cast(bindparam("xid", type_=Text()), Text), BigInteger),
        bindparam("kind", type_=Text()),
        bindparam("subject", type_=UUID_PARAMETER),
    )
    past = (
        select(*key)
        .where(func.row(*key) > func.row(*place))
        .order_by(*key)
        .limit(bindparam("most", type_=Integer()))
        .subquery("past")
    )
    mark = func.json_build_object("xid", past.c.xid, "kind", past.c.kind, "id", past.c.id)
    listed = func.json_agg(aggregate_order_by(mark, past.c.xid, past.c.kind, past.c.id))
    return select(func.coalesce(listed, func.json_build_array())).select_from(past).correlate(record).scalar_subquery()


def _number(xid: Any) -> ColumnElement[int]:
    return cast(cast(xid, Text), BigInteger)


_MARKS = _document()


async def marks_since(
    database: Database, clinic_id: UUID, account_id: UUID, session_id: UUID, patient_id: UUID | None, place: Place,
    most: int, now: datetime,
) -> Marks | None:  # fmt: skip
    """The next marks of a record this signed-in account may open (None: its own); None where it may not."""
    found = await database.document(
        _MARKS, clinic=clinic_id, account=account_id, session=session_id, patient=patient_id, now=now,
        xid=str(place.xid), kind=place.kind, subject=place.id, most=most,
    )  # fmt: skip
    return None if found is None else Marks.model_validate_json(found)
