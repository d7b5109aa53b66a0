"""What came of one version of a journey: who is where, who turned which way, what it reached and what it brought."""

from collections import defaultdict
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field
from sqlalchemy import ColumnElement, Select, and_, case, func, select, tuple_
from sqlmodel import col

from automation.journey.document import Journey, document
from automation.journey.words import MOST_STEPS, EnrolmentState, ExitReason, StepKind, Verdict
from automation.queries.comparison import Brought, arms, brought_by
from automation.queries.journeys import journey_row
from automation.results import Rate, Told, Uplift, rate, told, uplift
from automation.tables import Enrolment, Touchpoint
from core.database import Reading
from core.errors import NotFound
from core.moments import Moment
from core.values import Int32, Value
from push.outcome import OPEN
from push.tables import DeliveryRow, NoticeRow

MOST_LINES = 400


class StepFigures(Value):
    """`standing`: are on it now. The rest counts how often something became of it."""

    step: str = Field(max_length=64)
    kind: StepKind
    standing: Told
    lines: list["StepLine"] = Field(max_length=MOST_LINES)


class StepLine(Value):
    """`reason`: of a branch or split the step that was turned to, else a stable code."""

    verdict: Verdict
    reason: str = Field(max_length=100)
    count: Told


class WayOut(Value):
    """`reason` None: came to the end; `outcome` is the word of the step that ended it."""

    reason: ExitReason | None
    outcome: str | None = Field(max_length=64)
    count: Told


class ChannelFigures(Value):
    """Messages by the way they went: given to a provider, known to have arrived, opened; or not sent, and why."""

    channel: str = Field(max_length=60)
    sent: Told
    delivered: Told
    opened: Told
    not_sent: list["NotSent"] = Field(max_length=MOST_LINES)


class NotSent(Value):
    reason: str = Field(max_length=200)
    count: Told


class JourneyResults(Value):
    """`reached` and `held_out` are people by their first entry, those whose days for the goal are over, of all versions
    with this goal and this share held out; without a goal there is nothing to compare. `reached` were let in, whether a
    message came to them or not.

    `brought` is None for who may not read money.
    """

    journey_id: UUID
    key: str = Field(max_length=64)
    version: Int32
    counted_at: Moment
    entered: Told
    active: Told
    steps: list[StepFigures] = Field(max_length=MOST_STEPS)
    ways_out: list[WayOut] = Field(max_length=MOST_LINES)
    channels: list[ChannelFigures] = Field(max_length=20)
    reached: Rate | None
    held_out: Rate | None
    uplift: Uplift | None
    brought: Brought | None


async def journey_results(
    reading: Reading, clinic_id: UUID, journey_id: UUID, now: datetime, *, clinical: bool, finance: bool
) -> JourneyResults:
    """Six statements, whatever the number of patients. Raises `NotFound`."""
    row = await journey_row(reading, clinic_id, journey_id)
    if row is None:
        raise NotFound
    journey = document(row.definition)
    states = await _states(reading, clinic_id, journey_id)
    sides = await arms(reading, clinic_id, journey, now)
    shown: dict[str, Any] = {}
    if journey.goal is not None:
        reached, held = sides.get(False, (0, 0)), sides.get(True, (0, 0))
        shown = {
            "reached": rate(*reached, clinical=clinical), "held_out": rate(*held, clinical=clinical),
            "uplift": uplift(reached, held, clinical=clinical),
        }  # fmt: skip
    brought = await brought_by(reading, clinic_id, journey, now) if finance and journey.goal else None
    return JourneyResults(
        journey_id=journey_id,
        key=row.key,
        version=row.version,
        counted_at=now,
        entered=told(sum(count for *_, count in states), clinical=clinical),
        active=told(_active(states), clinical=clinical),
        steps=_steps(journey, states, await _lines(reading, clinic_id, journey_id), clinical=clinical),
        ways_out=_ways_out(states, clinical=clinical),
        channels=await _channels(reading, clinic_id, journey_id, clinical=clinical),
        brought=brought,
        **{"reached": None, "held_out": None, "uplift": None, **shown},
    )


_State = tuple[str, str, str | None, str | None, int]
"""State, step, why they left, the word they ended with, and how many."""
_Line = tuple[str, str, int, int]
"""Verdict, reason, how often, and of how many people."""


def _mine(clinic_id: UUID, journey_id: UUID) -> tuple[ColumnElement[bool], ...]:
    return col(Enrolment.clinic_id) == clinic_id, col(Enrolment.journey_id) == journey_id


async def _states(reading: Reading, clinic_id: UUID, journey_id: UUID) -> list[_State]:
    told_apart = (col(Enrolment.state), col(Enrolment.step), col(Enrolment.exit_reason), col(Enrolment.outcome))
    statement = select(*told_apart, func.count()).where(*_mine(clinic_id, journey_id)).group_by(*told_apart)
    return [(state, step, why, word, count) for state, step, why, word, count in await reading.execute(statement)]


def _active(states: list[_State]) -> int:
    return sum(count for state, *_, count in states if state == EnrolmentState.ACTIVE.value)


async def _lines(reading: Reading, clinic_id: UUID, journey_id: UUID) -> dict[str, list[_Line]]:
    of = and_(col(Touchpoint.clinic_id) == Enrolment.clinic_id, col(Touchpoint.enrolment_id) == Enrolment.id)
    told_apart = (col(Touchpoint.step), col(Touchpoint.verdict), col(Touchpoint.reason))
    statement = (
        select(*told_apart, func.count(), func.count(col(Enrolment.patient_id).distinct()))
        .join_from(Enrolment, Touchpoint, of)
        .where(*_mine(clinic_id, journey_id))
        .group_by(*told_apart)
        .order_by(*told_apart)
    )
    lines: dict[str, list[_Line]] = defaultdict(list)
    for step, verdict, reason, count, people in await reading.execute(statement):
        lines[step].append((verdict, reason, count, people))
    return lines


def _steps(
    journey: Journey, states: list[_State], lines: dict[str, list[_Line]], *, clinical: bool
) -> list[StepFigures]:
    standing: dict[str, int] = defaultdict(int)
    for state, step, _, _, count in states:
        standing[step] += count if state == EnrolmentState.ACTIVE.value else 0
    return [
        StepFigures(
            step=step.id,
            kind=step.kind,
            standing=told(standing[step.id], clinical=clinical),
            lines=[
                StepLine(verdict=Verdict(verdict), reason=reason, count=told(count, clinical=clinical, people=people))
                for verdict, reason, count, people in lines.get(step.id, ())
            ],
        )
        for step in journey.steps
    ]


def _ways_out(states: list[_State], *, clinical: bool) -> list[WayOut]:
    gone: dict[tuple[str | None, str | None], int] = defaultdict(int)
    for state, _, why, word, count in states:
        if state in {EnrolmentState.EXITED.value, EnrolmentState.COMPLETED.value}:
            gone[why, word] += count
    ordered = sorted(gone.items(), key=lambda each: (each[0][0] or "", each[0][1] or ""))
    return [
        WayOut(reason=ExitReason(why) if why else None, outcome=word, count=told(count, clinical=clinical))
        for (why, word), count in ordered
    ]


async def _channels(reading: Reading, clinic_id: UUID, journey_id: UUID, *, clinical: bool) -> list[ChannelFigures]:
    """A message to two phones of one patient is one."""
    each = _messages(clinic_id, journey_id).subquery()
    marks = ("sent", "delivered", "opened")
    numbers = [
        number
        for mark in marks
        for number in (func.count().filter(each.c[mark]), func.count(each.c.patient_id.distinct()).filter(each.c[mark]))
    ]
    statement = (
        select(each.c.channel, each.c.why_not, func.count(), func.count(each.c.patient_id.distinct()), *numbers)
        .group_by(func.grouping_sets(tuple_(each.c.channel), tuple_(each.c.channel, each.c.why_not)))
        .order_by(each.c.channel, each.c.why_not)
    )
    figures: dict[str, dict[str, int | None]] = {}
    missed: dict[str, list[NotSent]] = defaultdict(list)
    for channel, why_not, count, people, *sums in await reading.execute(statement):
        if why_not is None:
            pairs = zip(marks, sums[::2], sums[1::2], strict=True)
            figures[channel] = {mark: told(many, clinical=clinical, people=who) for mark, many, who in pairs}
        elif why_not:
            missed[channel].append(NotSent(reason=why_not, count=told(count, clinical=clinical, people=people)))
    return [ChannelFigures(channel=channel, **told_, not_sent=missed[channel]) for channel, told_ in figures.items()]


def _messages(clinic_id: UUID, journey_id: UUID) -> Select[Any]:
    """Each message on each way that it was to go: whether it went, and if it never will, why."""
    notice = and_(col(NoticeRow.clinic_id) == Enrolment.clinic_id, col(NoticeRow.cause_id) == col(Enrolment.id))
    tried = and_(col(DeliveryRow.clinic_id) == NoticeRow.clinic_id, col(DeliveryRow.notice_id) == col(NoticeRow.id))
    went, over = col(DeliveryRow.accepted_at).is_not(None), col(DeliveryRow.state).not_in([each.value for each in OPEN])
    reason = func.coalesce(func.nullif(col(DeliveryRow.reason), ""), col(DeliveryRow.state))
    return (
        select(
            col(Enrolment.patient_id), col(DeliveryRow.channel),
            func.bool_or(went).label("sent"),
            func.bool_or(col(DeliveryRow.delivered_at).is_not(None)).label("delivered"),
            func.bool_or(col(DeliveryRow.opened_at).is_not(None)).label("opened"),
            case((func.bool_or(went) | ~func.bool_and(over), ""), else_=func.min(reason)).label("why_not"),
        )
        .join_from(Enrolment, NoticeRow, notice)
        .join(DeliveryRow, tried)
        .where(*_mine(clinic_id, journey_id))
        .group_by(col(Enrolment.patient_id), col(DeliveryRow.notice_id), col(DeliveryRow.channel))
    )  # fmt: skip
