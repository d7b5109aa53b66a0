"""Makes, changes and archives segments of the library."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy import insert as plain_insert
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col

from automation.library import MOST_SEGMENTS, SegmentDraft, SegmentKind, SegmentWords
from automation.queries.rules import stored
from automation.queries.segments import tag_faults
from automation.queries.segments_in_use import asks_for
from automation.segment import Criterion
from automation.tables import Segment, SegmentMark
from core.database import Writing
from core.errors import Conflict, Fault, Invalid, NotFound, Stale
from core.events import Actor, Happening, record
from core.ids import new_id

UNTRACKED = {"synchronize_session": False}


class SegmentKeyTaken(Conflict):
    slug = "segment-key-taken"


class SegmentInUse(Conflict):
    slug = "segment-in-use"


class TooManySegments(Conflict):
    slug = "too-many-segments"


async def make_segment(writing: Writing, clinic_id: UUID, draft: SegmentDraft, actor: Actor, now: datetime) -> UUID:
    """Its id. One with criteria is filled by the worker within seconds.

    Raises `SegmentKeyTaken`, `TooManySegments`, and `Invalid` for criteria that name no tag of the clinic.
    """
    await _check_tags(writing, clinic_id, draft.criteria)
    live = (col(Segment.clinic_id) == clinic_id, col(Segment.archived_at).is_(None))
    if (await writing.execute(select(func.count()).select_from(Segment).where(*live))).scalar_one() >= MOST_SEGMENTS:
        raise TooManySegments
    segment_id = new_id()
    row = {
        "clinic_id": clinic_id, "id": segment_id, "key": draft.key, "kind": draft.kind.value, "version": 1,
        "made_at": now, "changed_at": now, **_said(draft),
    }  # fmt: skip
    made = insert(Segment).values(row).on_conflict_do_nothing().returning(col(Segment.id))
    if (await writing.execute(made)).scalar_one_or_none() is None:
        raise SegmentKeyTaken
    if draft.kind is SegmentKind.RULE:
        await writing.execute(plain_insert(SegmentMark).values(clinic_id=clinic_id, segment_id=segment_id, version=0))
    await record(writing, clinic_id, actor, [Happening("segment.made", segment_id)], now)
    return segment_id


async def change_segment(
    writing: Writing, clinic_id: UUID, segment_id: UUID, version: int, words: SegmentWords, actor: Actor, now: datetime
) -> None:
    """All of it anew. Whom new criteria take in or let go is seen by the worker within seconds; pins and bans stay.

    Raises `NotFound`, `Stale`, and `Invalid` for criteria where none belong, or that name no tag of the clinic.
    """
    kind = await kind_of(writing, clinic_id, segment_id)
    if not words.fits(kind):
        raise Invalid(Fault("/criteria", "does-not-fit-the-kind"))
    await _check_tags(writing, clinic_id, words.criteria)
    named = (col(Segment.clinic_id) == clinic_id, col(Segment.id) == segment_id, col(Segment.version) == version)
    news = {"version": col(Segment.version) + 1, "changed_at": now, **_said(words)}
    done = update(Segment).where(*named).values(news).returning(col(Segment.id))
    if (await writing.execute(done, execution_options=UNTRACKED)).scalar_one_or_none() is None:
        raise Stale
    await record(writing, clinic_id, actor, [Happening("segment.changed", segment_id)], now)


async def archive_segment(writing: Writing, clinic_id: UUID, segment_id: UUID, actor: Actor, now: datetime) -> None:
    """Nobody joins or leaves it any more, and nobody is shown it. Its key is free again.

    Raises `NotFound`, and `SegmentInUse` where another segment, a journey that runs, or a campaign that is to begin
    asks for it: who is in it would stay so for them for ever.
    """
    await kind_of(writing, clinic_id, segment_id)
    live = (col(Segment.clinic_id) == clinic_id, col(Segment.archived_at).is_(None))
    if (await writing.execute(select(asks_for(clinic_id, segment_id)))).scalar_one():
        raise SegmentInUse
    over = update(Segment).where(*live, col(Segment.id) == segment_id).values(archived_at=now)
    await writing.execute(over, execution_options=UNTRACKED)
    await record(writing, clinic_id, actor, [Happening("segment.archived", segment_id)], now)


async def kind_of(writing: Writing, clinic_id: UUID, segment_id: UUID) -> SegmentKind:
    """Raises `NotFound` for one that is not there or archived."""
    named = (col(Segment.clinic_id) == clinic_id, col(Segment.id) == segment_id, col(Segment.archived_at).is_(None))
    kind = (await writing.execute(select(col(Segment.kind)).where(*named))).scalar_one_or_none()
    if kind is None:
        raise NotFound
    return SegmentKind(kind)


def _said(words: SegmentWords) -> dict[str, Any]:
    return {
        "name": words.name, "colour": words.colour, "clinical": words.is_clinical(),
        "criteria": stored(words.criteria) if words.criteria else None,
    }  # fmt: skip


async def _check_tags(writing: Writing, clinic_id: UUID, criterion: Criterion | None) -> None:
    faults = await tag_faults(writing, clinic_id, criterion) if criterion else []
    if faults:
        raise Invalid(*faults)
