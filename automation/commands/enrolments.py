"""Takes patients into journeys: for every clinic at once, with a fixed number of statements for each definition."""

import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update
from sqlmodel import col

from automation.commands.entries import enter
from automation.journey.calendar_days import LATEST_BY, WAITS, fired, patience
from automation.journey.document import Journey, document
from automation.journey.words import JourneyState, TriggerKind
from automation.queries.entries import DUE, NAMED, full_today, zones_since
from automation.queries.journeys import Active, active_journeys
from automation.tables import JourneyRow
from clinic.hours import day_span
from core.database import Reading, Sweeping, Writing
from core.errors import NotFound
from push.commands.batch import arrays

_LOG = logging.getLogger("enamel.automation")
_INSTANT = timedelta(microseconds=1)
_BY_DAY = (TriggerKind.DATE, TriggerKind.PERIOD)


async def enrol(sweeping: Sweeping, now: datetime, limit: int) -> int:
    """Take in whom segments, dates and periods let in, up to `limit` of each definition; how many came.

    Of segments one statement for each distinct definition, however many clinics launched it. Each evaluates its
    whole segment at every call, whoever is in already: what it costs grows with the patients of all clinics, not
    with what changed. One definition that fails stops no other. Who is asked first: the lower rank.
    """
    entered = 0
    for active in sorted(await active_journeys(sweeping), key=lambda each: each.journey.rank):
        if not _is_swept(active.journey):
            continue
        try:
            async with sweeping.begin_nested():
                entered += await _enrolled(sweeping, active, now, limit)
        except Exception as error:  # noqa: BLE001  whatever one definition trips over, the others go on
            told = {"journeys": [str(each) for each in active.ids], "error": type(error).__name__}
            _LOG.error(json.dumps(told))  # an exception's words may hold facts of patients
    return entered


def _is_swept(journey: Journey) -> bool:
    """Events let in as they are heard, but those who were too many for a day."""
    kind = journey.trigger.kind
    return kind in (TriggerKind.SEGMENT, *_BY_DAY) or (kind is TriggerKind.EVENT and journey.per_day is not None)


async def _enrolled(sweeping: Sweeping, active: Active, now: datetime, limit: int) -> int:
    free = await _held(sweeping, active.ids)
    free = sorted(set(free) - await _full(sweeping, active.journey, free, now))
    if not free:
        return 0
    if active.journey.trigger.kind is TriggerKind.SEGMENT:
        return len(await enter(sweeping, active.journey, {"journeys": free}, now, limit))
    if active.journey.trigger.kind is TriggerKind.EVENT:
        return len(await enter(sweeping, active.journey, {"journeys": free}, now, limit, left=WAITS))
    return await _by_day(sweeping, active.journey, free, now, limit)


async def _full(reading: Reading, journey: Journey, ids: list[UUID], now: datetime) -> set[UUID]:
    """Those of them that let nobody in any more today."""
    if journey.per_day is None or not ids:
        return set()
    return set((await reading.execute(full_today(ids, journey.key, journey.per_day, now))).scalars())


async def _held(sweeping: Sweeping, ids: Sequence[UUID]) -> list[UUID]:
    """Those that no other worker lets people in to at this moment: so many a day are counted by one at a time."""
    order = (col(JourneyRow.clinic_id), col(JourneyRow.id))
    free = select(col(JourneyRow.id)).where(col(JourneyRow.id) == func.any(list(ids))).order_by(*order)
    return list((await sweeping.execute(free.with_for_update(key_share=True, skip_locked=True))).scalars())


async def _by_day(sweeping: Sweeping, journey: Journey, ids: list[UUID], now: datetime, limit: int) -> int:
    """Who came in within the limit, or the bound of the day, may be fewer than all; then the moment is not passed, and
    they come next time, as long as that makes sense."""
    waits = patience(journey.trigger) if journey.per_day is not None else timedelta(0)
    due, first = await _due(sweeping, journey, ids, now, max(waits, LATEST_BY))
    if not due:
        return 0
    came = len(await enter(sweeping, journey, arrays(DUE, due), now, limit, since=first))
    if came < limit:
        full = await _full(sweeping, journey, ids, now) if waits else set()
        passed = update(JourneyRow).where(col(JourneyRow.id) == func.any(sorted({row[1] for row in due} - full)))
        await sweeping.execute(passed.values(counted_at=now), execution_options={"synchronize_session": False})
    return came


async def _due(
    reading: Reading, journey: Journey, ids: list[UUID], now: datetime, latest_by: timedelta
) -> tuple[list[tuple[Any, ...]], datetime]:
    """A row of `DUE` for each day that came in a zone of a clinic since its journey was looked at;
    and the moment before the first of them."""
    rows, first = list[tuple[Any, ...]](), now
    for clinic_id, journey_id, zone, looked in await reading.execute(zones_since(ids, now)):
        for day in fired(journey.trigger, zone, looked, now, latest_by):
            first = min(first, day.at - _INSTANT)
            begins, ends = day_span(day.counts, zone)
            rows += [(clinic_id, journey_id, zone, day.counts, each, begins, ends) for each in day.birthdays()]
    return rows, first


async def enter_by_hand(
    writing: Writing, clinic_id: UUID, journey_key: str, patient_ids: Sequence[UUID], now: datetime
) -> list[UUID]:
    """Put these in; gives the enrolments of who came: not who is on it, was lately, or does not match its criteria.

    Raises `NotFound` unless a journey of that key runs that is entered by hand.
    """
    named = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == journey_key)
    running = select(JourneyRow).where(*named, col(JourneyRow.state) == JourneyState.ACTIVE.value)
    row = (await writing.execute(running)).scalar_one_or_none()
    if row is None or row.definition["trigger"]["kind"] != TriggerKind.MANUAL.value:
        raise NotFound
    rows = [(clinic_id, row.id, patient_id, None, 0) for patient_id in dict.fromkeys(patient_ids)]
    if not rows:
        return []
    came = await enter(writing, document(row.definition), arrays(NAMED, rows), now, len(rows))
    return [enrolment_id for _, _, enrolment_id in came]
