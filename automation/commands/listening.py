"""Listens to what happened: lets out, wakes, counts goals and lets in, by the events that were committed since.

One mark says how far was listened to. Events are taken up to the oldest transaction that still runs: the order of
commits is not the order of ids. Who holds the mark is the one listener of this moment, and moves it with what came
of it. Each enrolment that an event touches is locked, waiting for who moves it on: what that one wrote is then read.
"""

import json
import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, and_, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from automation.commands.entries import enter
from automation.commands.moves import by_journey, let_go
from automation.commands.taking_back import take_words_back
from automation.criteria.said import EventKind
from automation.journey.document import Journey
from automation.journey.words import EnrolmentState, ExitKind, JourneyState, StepKind, TriggerKind
from automation.queries.departures import departures
from automation.queries.entries import heard_by_journeys, xid
from automation.queries.journeys import Active, active_journeys
from automation.queries.places import Key, Place, places
from automation.queries.unsaid import unsaid
from automation.tables import Enrolment, JourneyMark, JourneyRow, Timer
from core.connection_loss import is_of_the_moment
from core.database import Sweeping
from core.events import Event
from push.commands.batch import TEXTS, UNTRACKED, UUIDS, batch

AT_ONCE = 20_000
"""Events of one transaction."""

_HEARD = (JourneyState.ACTIVE, JourneyState.PAUSED, JourneyState.DRAINING)
_LONGEST_GOAL = timedelta(days=366)
_VISITS = frozenset(kind for kind in EventKind if kind.value.startswith("appointment."))
_LOG = logging.getLogger("enamel.automation")

# A database that never listened begins with its oldest event.
_FOUNDED = text("""
insert into journey_mark (name, xid)
select 'events', coalesce(
    (select min(xid::text::bigint) from event), pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
on conflict do nothing
""")
_HORIZON = text("""
select least(
    (select xid::text::bigint + 1 from event where xid >= cast(cast(:low as text) as xid8) order by xid
        offset :most limit 1),
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint)
""")


@dataclass(frozen=True, slots=True)
class Listened:
    """`changed`: how many came in or went out. `more`: there is more to listen to at once."""

    changed: int
    more: bool


async def listen(sweeping: Sweeping, now: datetime, limit: int, most: int = AT_ONCE) -> Listened:
    """Go through the events since the last time, `most` at once; nobody comes in twice by doing so again."""
    span = await _span(sweeping, most)
    if span is None:
        return Listened(0, more=False)
    actives = await active_journeys(sweeping, _HEARD)
    journeys = {journey_id: each.journey for each in actives for journey_id in each.ids}
    touched, late = await _touched(sweeping, journeys, span)
    left = await _let_go(sweeping, touched, journeys, now)
    await _unsay(sweeping, late, journeys, now)
    await _wake(sweeping, [each for each in touched if each.key not in left and _waits(journeys, each)], now)
    await _count_goals(sweeping, span, now)
    came, whole = await _let_in(sweeping, actives, span, now, limit)
    if whole:
        moved = update(JourneyMark).where(col(JourneyMark.name) == "events").values(xid=span[1])
        await sweeping.execute(moved, execution_options=UNTRACKED)
    return Listened(len(left) + came, more=not whole or span[2])


async def _span(sweeping: Sweeping, most: int) -> tuple[int, int, bool] | None:
    """From which transaction to which, and whether more lie behind; None: nothing new, or another worker listens."""
    mark = select(col(JourneyMark.xid)).where(col(JourneyMark.name) == "events")
    low = (await sweeping.execute(mark.with_for_update(skip_locked=True))).scalar_one_or_none()
    if low is None:
        await sweeping.execute(_FOUNDED)
        low = (await sweeping.execute(mark.with_for_update(skip_locked=True))).scalar_one_or_none()
    if low is None:
        return None
    high = (await sweeping.execute(_HORIZON, {"low": str(low), "most": most})).scalar_one()
    if high <= low:
        return None
    further = select(col(Event.xid)).where(
        col(Event.xid) >= xid(high), col(Event.xid) < func.pg_snapshot_xmin(func.pg_current_snapshot())
    )
    return low, high, (await sweeping.execute(further.limit(1))).first() is not None


def interests(journey: Journey) -> set[EventKind]:
    """The events after which its enrolments are looked at again."""
    of_visits = any(exit_.kind in (ExitKind.BOOKED, ExitKind.VISIT_GONE) for exit_ in journey.exits) or any(
        step.kind is StepKind.WAIT_VISIT for step in journey.steps
    )
    waits = (step.events or () for step in journey.steps if step.kind is StepKind.WAIT_EVENT)
    heard = {exit_.event for exit_ in journey.exits if exit_.event} | {kind for kinds in waits for kind in kinds}
    return heard | (_VISITS if of_visits else set())


def _within(span: tuple[int, int, bool]) -> tuple[Any, Any]:
    return col(Event.xid) >= xid(span[0]), col(Event.xid) < xid(span[1])


async def _touched(
    sweeping: Sweeping, journeys: Mapping[UUID, Journey], span: tuple[int, int, bool]
) -> tuple[list[Place], list[Place]]:
    """Who is on a journey that listens to what befell them, and who came to its end while something waits that was
    said to them; locked until the commit."""
    pairs = [(journey_id, kind.value) for journey_id, journey in journeys.items() for kind in interests(journey)]
    if not pairs:
        return [], []
    asked = batch({"journey_id": UUIDS, "kind": TEXTS}, pairs)
    news = (
        select(col(Event.clinic_id), col(Event.patient_id), asked.c.journey_id)
        .join_from(Event, asked, asked.c.kind == Event.kind)
        .where(*_within(span), col(Event.patient_id).is_not(None), heard_by_journeys())
        .distinct()
        .subquery("news")
    )
    theirs = and_(
        col(Enrolment.clinic_id) == news.c.clinic_id, col(Enrolment.patient_id) == news.c.patient_id,
        col(Enrolment.journey_id) == news.c.journey_id,
    )  # fmt: skip
    on = col(Enrolment.state) == EnrolmentState.ACTIVE.value
    late = and_(col(Enrolment.state) == EnrolmentState.COMPLETED.value, unsaid())
    statement = (
        places()
        .add_columns(on.label("is_on"))
        .join(news, theirs)
        .where(or_(on, late))
        .order_by(col(Enrolment.clinic_id), col(Enrolment.id))
        .with_for_update(of=Enrolment)
    )
    found = [(Place(*row[:-1]), row.is_on) for row in await sweeping.execute(statement)]
    return [place for place, is_on in found if is_on], [place for place, is_on in found if not is_on]


async def _let_go(
    sweeping: Sweeping, places: Sequence[Place], journeys: Mapping[UUID, Journey], now: datetime
) -> set[Key]:
    """Who is on a journey and leaves it."""
    left = set[Key]()
    for journey, some in by_journey(places, journeys):
        async with _alone(sweeping, journey):
            left |= await let_go(sweeping, journey, some, now)
    return left


async def _unsay(
    sweeping: Sweeping, late: Sequence[Place], journeys: Mapping[UUID, Journey], now: datetime
) -> None:  # fmt: skip
    """Who came to the end while something waits that was said last: an exit wins over that too."""
    for journey, some in by_journey(late, journeys):
        async with _alone(sweeping, journey):
            out = await departures(sweeping, journey, [(place.key, place.step_since) for place in some], now)
            for reason in sorted(set(out.values())):
                await take_words_back(sweeping, [key for key, why in out.items() if why is reason], reason, now)


@asynccontextmanager
async def _alone(sweeping: Sweeping, journey: Journey) -> AsyncIterator[None]:
    """One definition that cannot be judged keeps nobody of another in. A lock that is not had in time is no fault of a
    definition: then all is heard again, and no event passed over."""
    try:
        async with sweeping.begin_nested():
            yield
    except DBAPIError as error:
        if is_of_the_moment(error):
            raise
        _LOG.error(json.dumps({"journey": journey.key, "error": type(error).__name__}))


def _waits(journeys: Mapping[UUID, Journey], place: Place) -> bool:
    """Whether an event may end its wait: a wait of so many days is none of them."""
    if not place.waiting:
        return False
    steps = [step for step in journeys[place.journey_id].steps if step.id == place.step]
    return bool(steps) and steps[0].kind in (StepKind.WAIT_EVENT, StepKind.WAIT_VISIT)


async def _wake(sweeping: Sweeping, places: Sequence[Place], now: datetime) -> None:
    """Their timers ring now; whether it is what they waited for is decided then."""
    if not places:
        return
    names = batch({"clinic_id": UUIDS, "id": UUIDS}, [place.key for place in places])
    woken = (
        update(Timer)
        .where(
            col(Timer.clinic_id) == names.c.clinic_id, col(Timer.enrolment_id) == names.c.id, col(Timer.due_at) > now
        )
        .values(due_at=now)
    )
    await sweeping.execute(woken, execution_options=UNTRACKED)


async def _count_goals(sweeping: Sweeping, span: tuple[int, int, bool], now: datetime) -> None:
    """The first such event within the days of each goal; of those too who are held out or have left, and of
    journeys that ended: what was begun is counted to its end, or those held out would look worse than they are."""
    goal, lasts = col(JourneyRow.definition)["goal"], [state.value for state in _HEARD]
    asked = (
        select(
            col(JourneyRow.id).label("journey_id"), goal["event"].astext.label("kind"),
            goal["within_days"].astext.label("within"),
        )
        .where(
            goal.is_not(None),
            or_(col(JourneyRow.state).in_(lasts), col(JourneyRow.ended_at) > now - _LONGEST_GOAL),
        )
        .subquery("asked")
    )  # fmt: skip
    within = func.make_interval(0, 0, 0, cast(asked.c.within, Integer))
    reached = (
        select(col(Enrolment.clinic_id), col(Enrolment.id), col(Event.at), col(Event.id).label("event_id"))
        .join_from(Event, asked, asked.c.kind == Event.kind)
        .join(
            Enrolment,
            and_(
                col(Enrolment.clinic_id) == Event.clinic_id, col(Enrolment.patient_id) == Event.patient_id,
                col(Enrolment.journey_id) == asked.c.journey_id,
            ),
        )
        .where(
            *_within(span), heard_by_journeys(), col(Enrolment.goal_at).is_(None),
            col(Event.at) >= Enrolment.entered_at,
            col(Event.at) <= col(Enrolment.entered_at) + within,
        )
        .ext(distinct_on(col(Enrolment.clinic_id), col(Enrolment.id)))
        .order_by(col(Enrolment.clinic_id), col(Enrolment.id), col(Event.at))
        .subquery("reached")
    )  # fmt: skip
    same = and_(col(Enrolment.clinic_id) == reached.c.clinic_id, col(Enrolment.id) == reached.c.id)
    counted = update(Enrolment).where(same).values(goal_at=reached.c.at, goal_event_id=reached.c.event_id)
    await sweeping.execute(counted, execution_options=UNTRACKED)


async def _let_in(
    sweeping: Sweeping, actives: Iterable[Active], span: tuple[int, int, bool], now: datetime, limit: int
) -> tuple[int, bool]:
    """How many came, and whether all did who were to."""
    came, whole = 0, True
    by_event = [each for each in actives if each.journey.trigger.kind is TriggerKind.EVENT]
    for active in sorted(by_event, key=lambda each: each.journey.rank):
        values = {"journeys": active.ids, "low": span[0], "high": span[1]}
        try:
            async with sweeping.begin_nested():
                number = len(await enter(sweeping, active.journey, values, now, limit))
        except DBAPIError as error:
            if is_of_the_moment(error):
                raise
            _LOG.error(json.dumps({"journeys": [str(each) for each in active.ids], "error": type(error).__name__}))
            continue
        came, whole = came + number, whole and (number < limit)
    return came, whole
