"""Segments of criteria as the worker sees them: which there are, how far each was looked at, and what is to change."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import (
    ARRAY,
    CTE,
    ColumnElement,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    func,
    literal,
    select,
    union,
    union_all,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.criteria.meaning import settled
from automation.library import ChangeCause, MemberSource, SegmentKind
from automation.queries.crossings import crossed_statement
from automation.queries.days import AS_OF
from automation.queries.segments import segment_statement
from automation.queries.touched import CLINICS, horizon_now, touched
from automation.segment import Criterion, meaning_of
from automation.tables import Segment, SegmentChange, SegmentMark, SegmentMember
from core.database import Reading, Writing
from core.events import Xid8

PatientKey = tuple[UUID, UUID]
"""(clinic_id, patient_id)."""

_KEYS = ARRAY(Uuid())
_LOG = logging.getLogger("enamel.automation")


@dataclass(frozen=True, slots=True)
class Rule:
    """Distinct criteria, and the segments that have them: one for each clinic, as a rule."""

    criterion: Criterion
    segment_ids: list[UUID]


@dataclass(frozen=True, slots=True)
class Mark:
    """A segment that this transaction alone refreshes. `known`: by these criteria, in this database's counting."""

    clinic_id: UUID
    segment_id: UUID
    version: int
    known: bool
    horizon: int
    present: int
    refreshed_at: datetime | None
    audited_at: datetime | None


async def rules(reading: Reading) -> list[Rule]:
    """All distinct criteria of every clinic in reach. One that no longer parses is named in the log and left out."""
    statement = (
        select(col(Segment.criteria), func.array_agg(col(Segment.id)).label("ids"))
        .where(col(Segment.kind) == SegmentKind.RULE.value, col(Segment.archived_at).is_(None))
        .group_by(col(Segment.criteria))
        .order_by(col(Segment.criteria))
    )
    found = []
    for row in await reading.execute(statement):
        try:
            found.append(Rule(Criterion.model_validate_json(json.dumps(row.criteria)), row.ids))
        except ValidationError:
            for segment_id in row.ids:
                _LOG.error(json.dumps({"segment": str(segment_id), "error": "no-longer-parses"}))
    return found


async def held_marks(writing: Writing, rule: Rule) -> list[Mark]:
    """The marks of a rule's segments, locked; those that another worker holds, and other criteria, are left out."""
    present = horizon_now()
    ours = col(SegmentMark.horizon) <= func.pg_snapshot_xmax(func.pg_current_snapshot(), type_=Xid8())
    known = and_(col(SegmentMark.version) == col(Segment.version), col(SegmentMark.refreshed_at).is_not(None), ours)
    statement = (
        select(
            col(Segment.clinic_id), col(Segment.id), col(Segment.version), known.label("known"), col(Segment.criteria),
            cast(col(SegmentMark.horizon), Text).label("horizon"), cast(present, Text).label("present"),
            col(SegmentMark.refreshed_at), col(SegmentMark.audited_at),
        )
        .join(SegmentMark, _of_segment(SegmentMark))
        .where(col(Segment.id).in_(rule.segment_ids), col(Segment.archived_at).is_(None))
        .order_by(col(Segment.clinic_id), col(Segment.id))
        .with_for_update(of=SegmentMark, skip_locked=True)
    )  # fmt: skip
    told = stored(rule.criterion)
    return [
        Mark(
            row.clinic_id, row.id, row.version, row.known, int(row.horizon), int(row.present), row.refreshed_at,
            row.audited_at,
        )
        for row in await writing.execute(statement)
        if row.criteria == told
    ]  # fmt: skip


def stored(criterion: Criterion) -> dict[str, Any]:
    """A tree as it is kept: only what it says."""
    return criterion.model_dump(mode="json", exclude_none=True, exclude_defaults=True)


def _of_segment(table: Any) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == Segment.clinic_id, col(table.segment_id) == Segment.id)


async def to_ask_again(
    reading: Reading, criterion: Criterion, marks: Sequence[Mark], as_of: datetime, *, by_clock: bool, most: int
) -> list[PatientKey]:
    """Up to `most` patients of whom the criteria may have turned since these marks; by facts, or by the clock too."""
    values = {
        "clinics": [mark.clinic_id for mark in marks],
        "horizon": str(min(mark.horizon for mark in marks)),
        "since": min(mark.refreshed_at or as_of for mark in marks),
        "as_of": as_of,
    }
    statement = _asked_again(criterion.model_dump_json(), by_clock).limit(most)
    return [(row.clinic_id, row.patient_id) for row in await reading.execute(statement, values)]


@lru_cache(maxsize=256)
def _asked_again(criterion: str, by_clock: bool) -> Select[Any]:
    tree = Criterion.model_validate_json(criterion)
    by_fact = touched(meaning_of(tree))
    if not by_clock:
        return by_fact
    crossed = crossed_statement(tree).subquery("crossed")
    by_time = select(crossed.c.clinic_id, crossed.c.patient_id).where(crossed.c.clinic_id == func.any(CLINICS))
    either = union(by_fact, by_time).subquery("either")
    return select(either.c.clinic_id, either.c.patient_id)


@dataclass(frozen=True, slots=True)
class Moved:
    joined: int = 0
    left: int = 0
    corrections: int = 0

    @property
    def changed(self) -> int:
        return self.joined + self.left


async def move_members(
    writing: Writing, criterion: Criterion, marks: Sequence[Mark], as_of: datetime, limit: int,
    *, among: Sequence[PatientKey] | None = None, audit: bool = False,
) -> Moved:  # fmt: skip
    """Bring the members of these segments to what the criteria say: of everybody, or of the patients `among`.

    One statement, however many clinics: it adds who is missing, takes out who no longer matches and is there by the
    criteria alone, and writes each change down; up to `limit` each way. Running it twice changes nothing more.
    As an `audit` it says of whom no fact since their mark tells why.
    """
    values: dict[str, Any] = {
        "as_of": as_of, "limit": limit,
        "segment_clinics": [mark.clinic_id for mark in marks], "segments": [mark.segment_id for mark in marks],
        "clinics": sorted({mark.clinic_id for mark in marks}),
    }  # fmt: skip
    if among is not None:
        values |= {"asked_clinics": [key[0] for key in among], "asked_patients": [key[1] for key in among]}
    if audit:
        values |= {"horizon": str(min(mark.present for mark in marks)), "since": as_of}
    statement = _moving(criterion.model_dump_json(), among is not None, audit)
    row = (await writing.execute(statement, values)).one()
    return Moved(row.joined, row.gone, row.corrections)


@lru_cache(maxsize=256)
def _moving(criterion: str, of_some: bool, audit: bool) -> Select[Any]:
    tree = Criterion.model_validate_json(criterion)
    listed = _pairs("segment_clinics", "segments", "listed", "segment_id")
    asked = _pairs("asked_clinics", "asked_patients", "asked", "patient_id")

    def within(patient: Any) -> ColumnElement[bool]:
        if not of_some:
            return col(patient.clinic_id) == func.any(CLINICS)
        return exists().where(asked.c.clinic_id == patient.clinic_id, asked.c.patient_id == patient.id)

    wanted = segment_statement(tree, within).cte("wanted").prefix_with("MATERIALIZED")
    came = _came(wanted, listed)
    gone = _gone(wanted, listed, asked if of_some else None)
    cause: Any = literal(ChangeCause.RULE.value)
    moved = union_all(
        select(came.c.clinic_id, came.c.segment_id, came.c.patient_id, literal(True).label("joined")),
        select(gone.c.clinic_id, gone.c.segment_id, gone.c.patient_id, literal(False).label("joined")),
    ).cte("moved")
    if audit:
        late = touched(settled(meaning_of(tree))).cte("late")
        told = exists().where(late.c.clinic_id == moved.c.clinic_id, late.c.patient_id == moved.c.patient_id)
        cause = case((told, cause), else_=ChangeCause.AUDIT.value)
    noted = _noted(moved, cause)
    wrong = noted.c.cause == ChangeCause.AUDIT.value
    counts: list[Any] = [
        func.count().filter(which).label(name)
        for name, which in (("joined", noted.c.joined), ("gone", ~noted.c.joined), ("corrections", wrong))
    ]
    return select(*counts).select_from(noted)


def _pairs(clinics: str, others: str, name: str, other: str) -> Any:
    arrays = (bindparam(clinics, type_=_KEYS), bindparam(others, type_=_KEYS))
    return func.unnest(*arrays).table_valued("clinic_id", other, joins_implicitly=True).render_derived(name=name)


def _came(wanted: CTE, listed: Any) -> CTE:
    """Members by the criteria that were none. Who has a row already (a pin, a ban) keeps it."""
    there = exists().where(
        col(SegmentMember.clinic_id) == wanted.c.clinic_id,
        col(SegmentMember.segment_id) == listed.c.segment_id,
        col(SegmentMember.patient_id) == wanted.c.patient_id,
    )
    missing = (
        select(wanted.c.clinic_id, listed.c.segment_id, wanted.c.patient_id, literal(MemberSource.RULE.value), AS_OF)
        .join(listed, listed.c.clinic_id == wanted.c.clinic_id)
        .where(~there)
        .limit(bindparam("limit", type_=Integer()))
    )
    return (
        insert(SegmentMember)
        .from_select(["clinic_id", "segment_id", "patient_id", "source", "since"], missing, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(col(SegmentMember.clinic_id), col(SegmentMember.segment_id), col(SegmentMember.patient_id))
        .cte("came")
    )


def _gone(wanted: CTE, listed: Any, asked: Any) -> CTE:
    """Members by the criteria of whom they are true no more."""
    member = SegmentMember
    key = [col(member.clinic_id), col(member.segment_id), col(member.patient_id)]
    stale = (
        select(*key)
        .join(listed, and_(listed.c.clinic_id == member.clinic_id, listed.c.segment_id == member.segment_id))
        .where(
            col(member.source) == MemberSource.RULE.value,
            ~exists().where(wanted.c.clinic_id == member.clinic_id, wanted.c.patient_id == member.patient_id),
        )
        .limit(bindparam("limit", type_=Integer()))
    )
    if asked is not None:
        stale = stale.where(
            exists().where(asked.c.clinic_id == member.clinic_id, asked.c.patient_id == member.patient_id)
        )
    old = stale.cte("stale").prefix_with("MATERIALIZED")
    return (
        delete(member)
        .where(
            col(member.clinic_id) == old.c.clinic_id,
            col(member.segment_id) == old.c.segment_id,
            col(member.patient_id) == old.c.patient_id,
            col(member.source) == MemberSource.RULE.value,
        )
        .returning(*key)
        .cte("gone")
    )


def _noted(moved: CTE, cause: Any) -> CTE:
    columns = ["clinic_id", "id", "segment_id", "patient_id", "joined", "cause", "at"]
    lines = select(
        moved.c.clinic_id, func.id_made_at(AS_OF), moved.c.segment_id, moved.c.patient_id, moved.c.joined, cause, AS_OF
    )
    return (
        insert(SegmentChange)
        .from_select(columns, lines, include_defaults=False)
        .returning(col(SegmentChange.joined), col(SegmentChange.cause))
        .cte("noted")
    )
