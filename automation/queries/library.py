"""The library of segments as staff sees it: what there is, how large, who is in it and who came and went."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Date, and_, cast, func, select
from sqlmodel import col

from automation.evidence import Evidence, evidence
from automation.library import MOST_SEGMENTS, ChangeCause, Colour, MemberSource, SegmentKey, SegmentKind
from automation.queries.patients import known_patients
from automation.segment import MOST_LEAVES, SMALLEST_TOLD, Criterion, told_size
from automation.tables import Segment, SegmentChange, SegmentMark, SegmentMember
from core.database import Reading
from core.errors import NotFound
from core.moments import Moment
from core.values import Int32, Int64, ShortText, Value

MOST_OF_PATIENT = 500
MOST_DAYS = 400


class SegmentView(Value):
    """`size` counts who is in it; of a clinical one a small number is not told to who may not read clinical facts."""

    segment_id: UUID
    key: SegmentKey
    name: ShortText
    kind: SegmentKind
    criteria: Criterion | None
    clinical: bool
    colour: Colour | None
    version: Int32
    made_at: Moment
    changed_at: Moment
    refreshed_at: Moment | None = Field(
        description="Of kind `rule`: until when the clock was followed, by the criteria of this version; null until"
        " everybody was looked at once."
    )
    size: Int64 | None
    fewer_than: Int32 | None = Field(description="Set where `size` is not told.")


class TagView(Value):
    segment_id: UUID
    key: SegmentKey
    name: ShortText
    clinical: bool
    colour: Colour | None


class MemberPart(StrEnum):
    IN = "in"
    KEPT_OUT = "kept_out"
    """Banned from a segment of criteria."""


class SegmentMemberView(Value):
    patient_id: UUID
    source: MemberSource
    since: Moment


class SegmentDay(Value):
    """A day in UTC on which anybody came or went."""

    day: date
    joined: Int32
    left: Int32


class PatientSegmentView(Value):
    segment_id: UUID
    key: SegmentKey
    name: ShortText
    kind: SegmentKind
    clinical: bool
    colour: Colour | None
    source: MemberSource
    since: Moment


class PatientSegmentChangeView(Value):
    change_id: UUID
    segment_id: UUID
    name: ShortText
    joined: bool
    cause: ChangeCause
    at: Moment


class SegmentWhy(Value):
    """Why somebody is in a segment or not: their row in it, and the criteria leaf by leaf as they hold now."""

    is_in: bool
    source: MemberSource | None = Field(description="Null for who has no row; `ban` for who is kept out.")
    since: Moment | None
    evidence: list[Evidence] = Field(max_length=MOST_LEAVES, description="Empty for a tag or a list.")


def _live(clinic_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return col(Segment.clinic_id) == clinic_id, col(Segment.archived_at).is_(None)


def _is_member() -> ColumnElement[bool]:
    return col(SegmentMember.source) != MemberSource.BAN.value


def _of(table: Any) -> ColumnElement[bool]:
    return and_(col(table.clinic_id) == Segment.clinic_id, col(table.segment_id) == Segment.id)


async def segments(
    reading: Reading, clinic_id: UUID, *, clinical: bool, after: tuple[str, UUID] | None, limit: int
) -> list[SegmentView]:
    """By their names. `clinical`: whether the caller may read clinical facts."""
    which = [] if after is None else [func.row(col(Segment.name), col(Segment.id)) > func.row(*after)]
    return await _views(reading, clinic_id, which, limit, clinical=clinical)


async def segment(reading: Reading, clinic_id: UUID, segment_id: UUID, *, clinical: bool) -> SegmentView:
    """Raises `NotFound`."""
    found = await _views(reading, clinic_id, [col(Segment.id) == segment_id], 1, clinical=clinical)
    if not found:
        raise NotFound
    return found[0]


async def _views(
    reading: Reading, clinic_id: UUID, which: list[ColumnElement[bool]], limit: int, *, clinical: bool
) -> list[SegmentView]:
    size = select(func.count()).where(_of(SegmentMember), _is_member()).correlate(Segment).scalar_subquery()
    statement = (
        select(Segment, size.label("size"), SegmentMark)
        .outerjoin(SegmentMark, _of(SegmentMark))
        .where(*_live(clinic_id), *which)
        .order_by(col(Segment.name), col(Segment.id))
        .limit(limit)
    )
    return [_view(*row, clinical=clinical) for row in await reading.execute(statement)]


def _view(row: Segment, size: int, mark: SegmentMark | None, *, clinical: bool) -> SegmentView:
    told = size if clinical or not row.clinical else told_size(size)
    return SegmentView(
        segment_id=row.id,
        key=row.key,
        name=row.name,
        kind=SegmentKind(row.kind),
        criteria=Criterion.model_validate(row.criteria, strict=False) if row.criteria else None,
        clinical=row.clinical,
        colour=row.colour,
        version=row.version,
        made_at=row.made_at,
        changed_at=row.changed_at,
        refreshed_at=mark.refreshed_at if mark and mark.version == row.version else None,
        size=told,
        fewer_than=SMALLEST_TOLD if told is None else None,
    )


async def tags(reading: Reading, clinic_id: UUID, *, clinical: bool) -> list[TagView]:
    """Tags and lists by their names; without `clinical` only those that tell nothing of health."""
    by_hand = col(Segment.kind) != SegmentKind.RULE.value
    statement = select(Segment).where(*_live(clinic_id), by_hand, *_told(clinical=clinical))
    rows = await reading.execute(statement.order_by(col(Segment.name), col(Segment.id)).limit(MOST_SEGMENTS))
    return [
        TagView(segment_id=row.id, key=row.key, name=row.name, clinical=row.clinical, colour=row.colour)
        for row in rows.scalars()
    ]


async def members(
    reading: Reading, clinic_id: UUID, segment_id: UUID, part: MemberPart, *, after: UUID | None, limit: int
) -> list[SegmentMemberView]:
    """By their ids."""
    statement = select(SegmentMember).where(
        col(SegmentMember.clinic_id) == clinic_id,
        col(SegmentMember.segment_id) == segment_id,
        _is_member() if part is MemberPart.IN else ~_is_member(),
    )
    if after is not None:
        statement = statement.where(col(SegmentMember.patient_id) > after)
    rows = await reading.execute(statement.order_by(col(SegmentMember.patient_id)).limit(limit))
    return [
        SegmentMemberView(patient_id=row.patient_id, source=MemberSource(row.source), since=row.since)
        for row in rows.scalars()
    ]


async def days_of_segment(reading: Reading, clinic_id: UUID, segment_id: UUID, since: datetime) -> list[SegmentDay]:
    """Newest first, up to `MOST_DAYS`."""
    day: Any = cast(func.timezone("UTC", col(SegmentChange.at)), Date)
    joined = col(SegmentChange.joined)
    statement = (
        select(day.label("day"), func.count().filter(joined).label("came"), func.count().filter(~joined).label("went"))
        .where(
            col(SegmentChange.clinic_id) == clinic_id,
            col(SegmentChange.segment_id) == segment_id,
            col(SegmentChange.at) >= since,
        )
        .group_by(day)
        .order_by(day.desc())
        .limit(MOST_DAYS)
    )
    rows = await reading.execute(statement)
    return [SegmentDay(day=row.day, joined=row.came, left=row.went) for row in rows]


async def segments_of_patient(
    reading: Reading, clinic_id: UUID, patient_id: UUID, *, clinical: bool
) -> list[PatientSegmentView]:
    """What the patient is in now, by name; without `clinical` only what tells nothing of their health."""
    statement = (
        select(Segment, SegmentMember)
        .join(SegmentMember, _of(SegmentMember))
        .where(*_live(clinic_id), col(SegmentMember.patient_id) == patient_id, _is_member(), *_told(clinical=clinical))
        .order_by(col(Segment.name), col(Segment.id))
        .limit(MOST_OF_PATIENT)
    )
    return [
        PatientSegmentView(
            segment_id=row.id,
            key=row.key,
            name=row.name,
            kind=SegmentKind(row.kind),
            clinical=row.clinical,
            colour=row.colour,
            source=MemberSource(member.source),
            since=member.since,
        )
        for row, member in await reading.execute(statement)
    ]


def _told(*, clinical: bool) -> list[ColumnElement[bool]]:
    return [] if clinical else [~col(Segment.clinical)]


async def changes_of_patient(
    reading: Reading, clinic_id: UUID, patient_id: UUID, *, after: tuple[datetime, UUID] | None, limit: int
) -> list[PatientSegmentChangeView]:
    """What the patient joined and left, newest first; archived segments too."""
    change = SegmentChange
    statement = (
        select(SegmentChange, col(Segment.name))
        .join(Segment, _of(SegmentChange))
        .where(col(change.clinic_id) == clinic_id, col(change.patient_id) == patient_id)
    )
    if after is not None:
        statement = statement.where(func.row(col(change.at), col(change.id)) < func.row(*after))
    rows = await reading.execute(statement.order_by(col(change.at).desc(), col(change.id).desc()).limit(limit))
    return [
        PatientSegmentChangeView(
            change_id=row.id,
            segment_id=row.segment_id,
            name=name,
            joined=row.joined,
            cause=ChangeCause(row.cause),
            at=row.at,
        )
        for row, name in rows
    ]


async def segment_why(
    reading: Reading, clinic_id: UUID, segment_id: UUID, patient_id: UUID, now: datetime
) -> SegmentWhy:
    """Raises `NotFound` for an unknown segment or patient."""
    found = await segment(reading, clinic_id, segment_id, clinical=True)
    known = (await known_patients(reading, [(clinic_id, patient_id)], now)).get((clinic_id, patient_id))
    if known is None:
        raise NotFound
    member = await reading.get(SegmentMember, (clinic_id, segment_id, patient_id))
    return SegmentWhy(
        is_in=member is not None and member.source != MemberSource.BAN.value,
        source=MemberSource(member.source) if member else None,
        since=member.since if member else None,
        evidence=evidence(found.criteria, known.facts, now, known.zone) if found.criteria else [],
    )
