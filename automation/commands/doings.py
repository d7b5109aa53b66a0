"""What steps do beside messages: for each kind of step the command that does it for a whole batch."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlmodel import col

from automation.commands.entries import enter
from automation.commands.given import (
    ask_of_journeys,
    give_coupons,
    give_points,
    make_journey_tasks,
    post_chat_messages,
)
from automation.commands.membership import tag_across
from automation.commands.webhooks import WebhookWish, call_webhooks
from automation.effect import Effect, Key, Refused, SurveyWish, TaskWish
from automation.journey.document import Journey, document
from automation.journey.step import Step
from automation.journey.words import JourneyState, StepKind, TriggerKind
from automation.library import ChangeCause
from automation.queries.entries import NAMED
from automation.tables import JourneyRow, Segment
from core.database import Writing
from identity.secrets import Secrets
from push.commands.batch import arrays
from push.notice import Purpose
from push.queries.consents import agreeing

MOST_HOPS = 5
_DUE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Means:
    """What commands need beside the database. Without `secrets` no coupon can be spelled, and none is given."""

    secrets: Secrets | None = None


@dataclass(frozen=True, slots=True)
class Doing:
    """A step to be done for one enrolment. (enrolment, seq) names it for ever: what is done twice is one."""

    effect: Effect
    step: Step
    journey: Journey
    subject_id: UUID | None = None
    hops: int = 0


Came = Mapping[Key, UUID | str]
"""By (clinic, enrolment, seq) the thing that came of it, or a stable code of why there is none."""

Do = Callable[[Writing, Means, Sequence[Doing], datetime], Awaitable[Came]]
"""Never raises for one patient what it can say as a code."""


async def _coupons(writing: Writing, means: Means, doings: Sequence[Doing], now: datetime) -> Came:
    if means.secrets is None:
        return {each.effect.key: "not-possible-here" for each in doings}
    wanted = [(each.effect, each.step.promotion_id) for each in doings if each.step.promotion_id]
    return await give_coupons(writing, means.secrets, wanted, now)


async def _points(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    return await give_points(writing, [(each.effect, each.step.points) for each in doings if each.step.points], now)


async def _surveys(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    wanted = [(each.effect, SurveyWish(each.step.survey_id, each.subject_id)) for each in doings if each.step.survey_id]
    return await ask_of_journeys(writing, wanted, now)


async def _tasks(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    wanted = [(each.effect, _wish(each.step)) for each in doings]
    return await make_journey_tasks(writing, wanted, now)


def _wish(step: Step) -> TaskWish:
    assert step.task is not None
    within = timedelta(hours=step.within_hours) if step.within_hours else _DUE
    return TaskWish(
        step.task, step.title or "", step.description or "", step.script or "", step.preset, step.team_id, within
    )


async def _chats(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    """What belongs to the treatment everybody is told; for all else a yes is needed, on whichever way."""
    came: dict[Key, UUID | str] = {}
    for purpose in sorted({each.journey.purpose for each in doings} - {Purpose.SERVICE}):
        asked = [each for each in doings if each.journey.purpose is purpose]
        yes = await agreeing(writing, {each.effect.whose for each in asked}, purpose)
        came |= {each.effect.key: Refused.NO_CONSENT for each in asked if each.effect.whose not in yes}
    agreed = [each for each in doings if each.effect.key not in came]
    wanted = [(each.effect, {text.language: text.text for text in each.step.texts or ()}) for each in agreed]
    return came | await post_chat_messages(writing, wanted, now)


async def _hand_overs(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    """Into another journey; a row of them ends by its number, so that two never hand over to each other for ever."""
    came: dict[Key, UUID | str] = {each.effect.key: "too-many-hops" for each in doings if each.hops >= MOST_HOPS}
    by_key: dict[str, list[Doing]] = defaultdict(list)
    for each in doings:
        if each.hops < MOST_HOPS and each.step.journey:
            by_key[each.step.journey].append(each)
    for key, some in sorted(by_key.items()):
        came |= await _handed(writing, key, some, now)
    return came


async def _handed(writing: Writing, key: str, doings: Sequence[Doing], now: datetime) -> Came:
    clinics = sorted({each.effect.clinic_id for each in doings})
    running = select(JourneyRow).where(
        col(JourneyRow.clinic_id) == func.any(clinics),
        col(JourneyRow.key) == key,
        col(JourneyRow.state) == JourneyState.ACTIVE.value,
    )
    came: dict[Key, UUID | str] = {each.effect.key: "no-such-journey" for each in doings}
    for row in (await writing.execute(running)).scalars().all():
        if row.definition["trigger"]["kind"] != TriggerKind.MANUAL.value:
            continue
        group = row.definition.get("group")
        mine = [each for each in doings if each.effect.clinic_id == row.clinic_id]
        # Of a group they are on one journey at a time, and this one has them until its end.
        some = [each for each in mine if group is None or each.journey.group != group]
        came |= {each.effect.key: "of-the-same-group" for each in mine if each not in some}
        if not some:
            continue
        rows = [(row.clinic_id, row.id, each.effect.patient_id, each.subject_id, each.hops + 1) for each in some]
        entered = await enter(writing, document(row.definition), arrays(NAMED, rows), now, len(rows))
        in_now = {patient_id: enrolment_id for _, patient_id, enrolment_id in entered}
        came |= {each.effect.key: in_now.get(each.effect.patient_id, "not-taken-in") for each in some}
    return came


async def _tags(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    """Tags given or taken; who had it, or had it not, is as they should be."""
    clinics = sorted({each.effect.clinic_id for each in doings})
    named = select(col(Segment.clinic_id), col(Segment.key), col(Segment.id)).where(
        col(Segment.clinic_id) == func.any(clinics),
        col(Segment.key) == func.any(sorted({each.step.segment or "" for each in doings})),
        col(Segment.archived_at).is_(None),
    )
    ids = {(clinic_id, key): segment_id for clinic_id, key, segment_id in await writing.execute(named)}
    came: dict[Key, UUID | str] = {}
    for joined in (True, False):
        keys = []
        for each in (each for each in doings if each.step.joined is joined):
            segment_id = ids.get((each.effect.clinic_id, each.step.segment or ""))
            came[each.effect.key] = segment_id or "no-such-tag"
            if segment_id is not None:
                keys.append((each.effect.clinic_id, segment_id, each.effect.patient_id))
        await tag_across(writing, sorted(set(keys)), joined=joined, cause=ChangeCause.JOURNEY, now=now)
    return came


async def _webhooks(writing: Writing, _: Means, doings: Sequence[Doing], now: datetime) -> Came:
    wanted = [
        (each.effect, WebhookWish(each.step.endpoint_id, each.journey.key, each.step.id))
        for each in doings
        if each.step.endpoint_id
    ]
    return await call_webhooks(writing, wanted, now)


DOES: dict[StepKind, Do] = {
    StepKind.COUPON: _coupons,
    StepKind.POINTS: _points,
    StepKind.SURVEY: _surveys,
    StepKind.TASK: _tasks,
    StepKind.CHAT: _chats,
    StepKind.TAG: _tags,
    StepKind.WEBHOOK: _webhooks,
    StepKind.JOURNEY: _hand_overs,
}
"""In the order in which several of them lock what they touch in one transaction."""

_OF_THE_ENGINE = frozenset(
    {
        StepKind.MESSAGE, StepKind.WAIT, StepKind.WAIT_VISIT, StepKind.WAIT_EVENT, StepKind.BRANCH, StepKind.SPLIT,
        StepKind.EXIT,
    }
)  # fmt: skip

READY = _OF_THE_ENGINE | DOES.keys()
"""The kinds that can be done; a journey with another is not launched."""
