"""Moves patients on whose timers are due: claims a batch, and keeps who cannot be moved apart from all others."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from automation.commands.doings import Means
from automation.commands.failures import fail
from automation.commands.moves import move
from automation.journey.document import Journey
from automation.journey.words import JourneyState
from automation.queries.journeys import active_journeys
from automation.queries.places import Place, places
from automation.tables import Enrolment, Timer
from core.database import Sweeping

MOVING = (JourneyState.ACTIVE, JourneyState.DRAINING)
_NOTHING = Means()
_LOG = logging.getLogger("enamel.automation")


async def advance(sweeping: Sweeping, now: datetime, limit: int, means: Means = _NOTHING) -> int:
    """Move on up to `limit` enrolments whose timer is due; how many there were.

    Timer and enrolment stay locked until the commit, and other workers pass over them. What is decided,
    the messages given to push, the log and the next timer are one commit: after a crash the timer is still
    due and nothing else has happened. Timers of a journey that no longer parses stay as they are.
    """
    journeys = {journey_id: each.journey for each in await active_journeys(sweeping, MOVING) for journey_id in each.ids}
    statement = _claimed(list(journeys), now, limit)
    due = [Place(*row) for row in await sweeping.execute(statement)]
    await _moved(sweeping, means, due, journeys, now)
    return len(due)


def _claimed(journeys: list[UUID], now: datetime, limit: int) -> Select[Any]:
    """The first due, held. The journey is asked of each timer in turn, so that the claim ends with the batch: joined,
    all that are due would be sorted for it."""
    on = select(col(Enrolment.journey_id)).where(*_of(Timer)).scalar_subquery()
    due = (
        select(col(Timer.clinic_id), col(Timer.enrolment_id))
        .where(col(Timer.due_at) <= now, on == func.any(journeys))
        .order_by(col(Timer.due_at))
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return places().where(*_of(due.c)).with_for_update(of=Enrolment, skip_locked=True)


def _of(timers: Any) -> tuple[Any, Any]:
    return col(Enrolment.clinic_id) == timers.clinic_id, col(Enrolment.id) == timers.enrolment_id


async def _moved(
    sweeping: Sweeping, means: Means, due: Sequence[Place], journeys: Mapping[UUID, Journey], now: datetime
) -> None:
    """All together; where that fails by halves, until who cannot be moved stands alone."""
    if not due:
        return
    try:
        async with sweeping.begin_nested():
            await move(sweeping, means, due, journeys, now)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if len(due) == 1:
            told = {"enrolment": str(due[0].enrolment_id), "error": type(error).__name__}
            _LOG.error(json.dumps(told))  # an exception's words may hold facts of patients
            await fail(sweeping, due[0], now)
            return
        middle = len(due) // 2
        for half in (due[:middle], due[middle:]):
            await _moved(sweeping, means, half, journeys, now)
