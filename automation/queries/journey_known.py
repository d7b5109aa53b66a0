"""What there is in a clinic of the things that a journey names."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select
from sqlmodel import col

from automation.journey.checks import Known, faults_of, trees
from automation.journey.document import Journey
from automation.journey.words import JourneyState, StepKind, TriggerKind
from automation.library import BY_HAND, SegmentKind
from automation.queries.surveys import live_surveys
from automation.segment import leaves
from automation.tables import JourneyRow, Team
from automation.tables.segments import Segment
from automation.tables.webhooks import WebhookEndpoint
from cabinet.tables.promotion import PromotionRow
from core.database import Reading
from core.errors import Fault
from push.named_words import named_words
from push.notice import NoticeKind
from push.tables.wording import MessageTemplateRow

_LASTS = (JourneyState.ACTIVE.value, JourneyState.PAUSED.value)


async def faults_here(
    reading: Reading, clinic_id: UUID, journey: Journey, now: datetime, undone: frozenset[StepKind]
) -> list[Fault]:
    """For what this clinic would refuse to publish it now; empty: it may be. `undone`: kinds that nobody can do."""
    return faults_of(journey, replace(await known_to(reading, clinic_id, journey, now), undone=undone))


async def known_to(reading: Reading, clinic_id: UUID, journey: Journey, now: datetime) -> Known:
    """One statement for each sort of thing that the document names, and none for the others."""
    surveys = {(clinic_id, each) for each in _named(journey, "survey_id")}
    others = await _journeys(reading, clinic_id, journey)
    segments, tags, tag_ids = await _segments(reading, clinic_id, journey)
    return Known(
        segments=segments,
        tags=tags,
        tag_ids=tag_ids,
        wordings=await _wordings(reading, clinic_id, journey),
        promotions=await _promotions(reading, clinic_id, _named(journey, "promotion_id"), now),
        surveys=frozenset(each for _, each in await live_surveys(reading, surveys)) if surveys else frozenset(),
        endpoints=await _endpoints(reading, clinic_id, _named(journey, "endpoint_id")),
        teams=await _teams(reading, clinic_id, _named(journey, "team_id")),
        journeys={key: trigger for key, (trigger, _) in others.items()},
        groups={key: group for key, (_, group) in others.items() if group is not None},
    )


async def _segments(
    reading: Reading, clinic_id: UUID, journey: Journey
) -> tuple[frozenset[str], frozenset[str], frozenset[UUID]]:
    """Keys of all that are named, keys of those given by hand, and their ids where a tree names them."""
    keys = {journey.trigger.segment, *(step.segment for step in journey.steps)} - {None}
    ids = {leaf.segment_id for _, tree in trees(journey) for leaf in leaves(tree)} - {None}
    if not keys and not ids:
        return frozenset(), frozenset(), frozenset()
    found = select(col(Segment.key), col(Segment.id), col(Segment.kind)).where(
        col(Segment.clinic_id) == clinic_id,
        col(Segment.archived_at).is_(None),
        or_(col(Segment.key).in_(keys), col(Segment.id).in_(ids)),
    )
    rows = (await reading.execute(found)).all()
    by_hand = [(key, row_id) for key, row_id, kind in rows if SegmentKind(kind) in BY_HAND]
    return (
        frozenset(key for key, _, _ in rows), frozenset(key for key, _ in by_hand),
        frozenset(row_id for _, row_id in by_hand),
    )  # fmt: skip


async def _wordings(reading: Reading, clinic_id: UUID, journey: Journey) -> frozenset[tuple[NoticeKind, str]]:
    """The ready ones of their kinds, and those that the clinic has texts of."""
    named = {step.wording for step in journey.steps if step.wording is not None}
    if not named:
        return frozenset()
    row = MessageTemplateRow
    found = select(col(row.kind), col(row.wording)).where(
        col(row.clinic_id) == clinic_id, col(row.wording).in_(named), col(row.archived_at).is_(None)
    )
    own = {(NoticeKind(kind), wording) for kind, wording in await reading.execute(found.distinct())}
    return frozenset(own | {(each.kind, key) for key, each in named_words().items() if key in named})


def _named(journey: Journey, member: str) -> list[UUID]:
    named: Iterable[UUID | None] = (getattr(step, member) for step in journey.steps)
    return sorted({each for each in named if each is not None})


async def _promotions(reading: Reading, clinic_id: UUID, named: list[UUID], now: datetime) -> frozenset[UUID]:
    """Those whose coupons can be had: published, and not over before tomorrow anywhere."""
    row = PromotionRow
    able = (col(row.state) == "published", col(row.with_coupon), col(row.ends_on) >= now.date())
    return await _ids(reading, row, clinic_id, named, *able)


async def _endpoints(reading: Reading, clinic_id: UUID, named: list[UUID]) -> frozenset[UUID]:
    return await _ids(reading, WebhookEndpoint, clinic_id, named, col(WebhookEndpoint.ended_at).is_(None))


async def _teams(reading: Reading, clinic_id: UUID, named: list[UUID]) -> frozenset[UUID]:
    return await _ids(reading, Team, clinic_id, named)


async def _ids(reading: Reading, row: Any, clinic_id: UUID, named: list[UUID], *able: Any) -> frozenset[UUID]:
    if not named:
        return frozenset()
    found = select(col(row.id)).where(col(row.clinic_id) == clinic_id, col(row.id).in_(named), *able)
    return frozenset((await reading.execute(found)).scalars())


async def _journeys(
    reading: Reading, clinic_id: UUID, journey: Journey
) -> dict[str, tuple[TriggerKind, str | None]]:  # fmt: skip
    """Those it hands over to: how each lets in, and of which group it is."""
    named = sorted({step.journey for step in journey.steps if step.kind is StepKind.JOURNEY and step.journey})
    if not named:
        return {}
    kind, group = (col(JourneyRow.definition)[path].astext for path in (("trigger", "kind"), ("group",)))
    found = select(col(JourneyRow.key), kind, group).where(
        col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key).in_(named), col(JourneyRow.state).in_(_LASTS)
    )
    return {key: (TriggerKind(trigger), of) for key, trigger, of in await reading.execute(found)}
