"""Puts patients into segments and takes them out: by hand, by a list, by a journey; and holds them against criteria."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ARRAY, Select, Uuid, and_, delete, exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.commands.segments import UNTRACKED, kind_of
from automation.library import BY_HAND, MOST_IMPORTED, ChangeCause, MemberSource, SegmentKind
from automation.queries.named_patients import as_id, is_there, patient_is_there, patients_named
from automation.queries.rules import Mark, move_members
from automation.segment import Criterion
from automation.tables import Segment, SegmentChange, SegmentMember
from core.database import MOMENT_PARAMETER, Writing
from core.errors import Conflict, NotFound
from core.events import Actor, Happening, record
from core.values import Int32, ShortText, Value

MemberKey = tuple[UUID, UUID, UUID]
"""(clinic_id, segment_id, patient_id)."""

_OUT = {None, MemberSource.BAN}


class NotByHand(Conflict):
    """A list is for tags and lists; a segment of criteria fills itself."""

    slug = "segment-fills-itself"


class NotByRule(Conflict):
    slug = "segment-has-no-criteria"


async def tag_across(
    writing: Writing, keys: Sequence[MemberKey], *, joined: bool, cause: ChangeCause, now: datetime,
    source: MemberSource = MemberSource.HAND,
) -> list[MemberKey]:  # fmt: skip
    """Give tags to these patients of any clinics, or take them; whose state changed.

    One statement for any number; said twice it changes nothing more. Segments of criteria, archived ones and people
    who are not there (any more) are passed by.
    """
    if not keys:
        return []
    statement = _given(keys, source, cause, now) if joined else _taken(keys, cause, now)
    return [(row.clinic_id, row.segment_id, row.patient_id) for row in await writing.execute(statement)]


def _given(keys: Sequence[MemberKey], source: MemberSource, cause: ChangeCause, now: datetime) -> Select[Any]:
    asked, moment = _asked(keys), literal(now, MOMENT_PARAMETER)
    fresh = (
        select(asked.c.clinic_id, asked.c.segment_id, asked.c.patient_id, literal(source.value), moment)
        .distinct()
        .join(Segment, _by_hand(asked))
        .where(is_there(asked))
    )
    came = (
        insert(SegmentMember)
        .from_select(["clinic_id", "segment_id", "patient_id", "source", "since"], fresh, include_defaults=False)
        .on_conflict_do_nothing()
        .returning(*_key())
        .cte("moved")
    )
    return _noted(came, joined=True, cause=cause, now=now)


def _taken(keys: Sequence[MemberKey], cause: ChangeCause, now: datetime) -> Select[Any]:
    asked, member = _asked(keys), SegmentMember
    same = and_(
        asked.c.clinic_id == member.clinic_id,
        asked.c.segment_id == member.segment_id,
        asked.c.patient_id == member.patient_id,
    )
    theirs = exists(select(literal(1)).select_from(asked).join(Segment, _by_hand(asked)).where(same))
    gone = delete(member).where(theirs).returning(*_key()).cte("moved")
    return _noted(gone, joined=False, cause=cause, now=now)


def _key() -> list[Any]:
    return [col(SegmentMember.clinic_id), col(SegmentMember.segment_id), col(SegmentMember.patient_id)]


def _asked(keys: Sequence[MemberKey]) -> Any:
    arrays = [literal([key[place] for key in keys], ARRAY(Uuid())) for place in range(3)]
    named = func.unnest(*arrays).table_valued("clinic_id", "segment_id", "patient_id", joins_implicitly=True)
    return named.render_derived(name="asked")


def _by_hand(asked: Any) -> Any:
    return and_(
        col(Segment.clinic_id) == asked.c.clinic_id,
        col(Segment.id) == asked.c.segment_id,
        col(Segment.kind).in_(sorted(kind.value for kind in BY_HAND)),
        col(Segment.archived_at).is_(None),
    )


def _noted(moved: Any, *, joined: bool, cause: ChangeCause, now: datetime) -> Select[Any]:
    at = literal(now, MOMENT_PARAMETER)
    keys = (moved.c.clinic_id, moved.c.segment_id, moved.c.patient_id)
    lines = select(keys[0], func.id_made_at(at), *keys[1:], literal(joined), literal(cause.value), at)
    columns = ["clinic_id", "id", "segment_id", "patient_id", "joined", "cause", "at"]
    noted = insert(SegmentChange).from_select(columns, lines, include_defaults=False).cte("noted")
    return select(*keys).add_cte(noted)


async def put_in(
    writing: Writing, clinic_id: UUID, segment_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """Give a tag; of a segment of criteria, pin the patient: they stay in whatever the criteria say.

    Raises `NotFound` for an unknown segment or patient.
    """
    await _move(writing, (clinic_id, segment_id, patient_id), actor, now, joined=True)


async def take_out(
    writing: Writing, clinic_id: UUID, segment_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """Take a tag; of a segment of criteria, ban the patient: they stay out whatever the criteria say."""
    await _move(writing, (clinic_id, segment_id, patient_id), actor, now, joined=False)


async def _move(writing: Writing, key: MemberKey, actor: Actor, now: datetime, *, joined: bool) -> None:
    clinic_id, segment_id, patient_id = key
    kind = await kind_of(writing, clinic_id, segment_id)
    await _check_patient(writing, clinic_id, patient_id)
    if kind is SegmentKind.RULE:
        moved = await _hold(writing, key, MemberSource.PIN if joined else MemberSource.BAN, now)
    else:
        moved = bool(await tag_across(writing, [key], joined=joined, cause=ChangeCause.HAND, now=now))
    if moved:
        told = Happening("segment.joined" if joined else "segment.left", segment_id, patient_id)
        await record(writing, clinic_id, actor, [told], now)


async def _hold(writing: Writing, key: MemberKey, as_what: MemberSource, now: datetime) -> bool:
    """Whether anything changed. The row is locked, or made first: whoever comes second sees what the first did."""
    was = await _held(writing, key)
    if was is None:
        values = {**_named(key), "source": as_what.value, "since": now}
        fresh = insert(SegmentMember).values(values).on_conflict_do_nothing().returning(col(SegmentMember.source))
        if (await writing.execute(fresh)).scalar_one_or_none() is None:
            was = await _held(writing, key)
    if was is as_what:
        return False
    joined = as_what is MemberSource.PIN
    turned = joined is (was in _OUT)
    if was is not None:
        news: dict[str, Any] = {"source": as_what.value} | ({"since": now} if turned else {})
        await writing.execute(update(SegmentMember).where(*_is(key)).values(news), execution_options=UNTRACKED)
    if turned:
        row = {**_named(key), "joined": joined, "cause": as_what.value, "at": now}
        made = func.id_made_at(literal(now, MOMENT_PARAMETER))
        await writing.execute(insert(SegmentChange).values({**row, "id": made}))
    return True


async def let_criteria_decide(
    writing: Writing, clinic_id: UUID, segment_id: UUID, patient_id: UUID, actor: Actor, now: datetime
) -> None:
    """Take a pin or a ban back, and ask the criteria at once. Raises `NotFound`, `NotByRule`."""
    kind, key = await kind_of(writing, clinic_id, segment_id), (clinic_id, segment_id, patient_id)
    await _check_patient(writing, clinic_id, patient_id)
    if kind is not SegmentKind.RULE:
        raise NotByRule
    was = await _held(writing, key)
    if was is MemberSource.BAN:
        await writing.execute(delete(SegmentMember).where(*_is(key)), execution_options=UNTRACKED)
    elif was is MemberSource.PIN:
        free = update(SegmentMember).where(*_is(key)).values(source=MemberSource.RULE.value)
        await writing.execute(free, execution_options=UNTRACKED)
    else:
        return
    named = (col(Segment.clinic_id) == clinic_id, col(Segment.id) == segment_id)
    criteria = (await writing.execute(select(col(Segment.criteria)).where(*named))).scalar_one()
    mark = Mark(clinic_id, segment_id, 0, known=True, horizon=0, present=0, refreshed_at=now, audited_at=now)
    criterion = Criterion.model_validate(criteria, strict=False)
    await move_members(writing, criterion, [mark], now, 1, among=[(clinic_id, patient_id)])
    await record(writing, clinic_id, actor, [Happening("segment.freed", segment_id, patient_id)], now)


class BadLine(Value):
    line: Int32 = Field(description="The first is 1.")
    reason: ShortText = Field(description="`not-an-id`, `unknown-patient`, `said-twice`.", examples=["unknown-patient"])


class ImportReport(Value):
    """The good lines are taken whatever the bad ones are."""

    taken: Int32
    already_in: Int32
    bad: list[BadLine] = Field(max_length=MOST_IMPORTED)


async def import_members(
    writing: Writing, clinic_id: UUID, segment_id: UUID, lines: Sequence[str], source: str | None, actor: Actor,
    now: datetime,
) -> ImportReport:  # fmt: skip
    """Put everybody of a list into a tag or a list: by our ids, or by the ids of the system `source`.

    Raises `NotFound`, and `NotByHand` for a segment of criteria.
    """
    if await kind_of(writing, clinic_id, segment_id) is SegmentKind.RULE:
        raise NotByHand
    known = await patients_named(writing, clinic_id, lines, source)
    good: dict[UUID, None] = {}
    bad = []
    for number, line in enumerate(lines, 1):
        patient_id = known.get(line if source else line.lower())
        if patient_id is None:
            reason = "unknown-patient" if source or as_id(line) else "not-an-id"
            bad.append(BadLine(line=number, reason=reason))
        elif patient_id in good:
            bad.append(BadLine(line=number, reason="said-twice"))
        else:
            good[patient_id] = None
    keys = [(clinic_id, segment_id, patient_id) for patient_id in good]
    came = await tag_across(writing, keys, joined=True, cause=ChangeCause.IMPORT, now=now, source=MemberSource.IMPORT)
    facts = {"taken": len(came), "bad": len(bad)}
    await record(writing, clinic_id, actor, [Happening("segment.imported", segment_id, facts=facts)], now)
    return ImportReport(taken=len(came), already_in=len(good) - len(came), bad=bad)


async def _check_patient(writing: Writing, clinic_id: UUID, patient_id: UUID) -> None:
    if not await patient_is_there(writing, clinic_id, patient_id):
        raise NotFound


async def _held(writing: Writing, key: MemberKey) -> MemberSource | None:
    statement = select(col(SegmentMember.source)).where(*_is(key)).with_for_update()
    found = (await writing.execute(statement)).scalar_one_or_none()
    return None if found is None else MemberSource(found)


def _is(key: MemberKey) -> tuple[Any, ...]:
    return tuple(column == part for column, part in zip(_key(), key, strict=True))


def _named(key: MemberKey) -> dict[str, UUID]:
    return dict(zip(("clinic_id", "segment_id", "patient_id"), key, strict=True))
