"""Moves patients on whose timers are due: claims a batch, and keeps who cannot be moved apart from all others."""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.exc import DBAPIError
from sqlmodel import col

from automation.commands.doings import Means
from automation.commands.failures import fail
from automation.commands.moves import Way, move
from automation.journey.decide import Move
from automation.journey.document import Journey
from automation.journey.words import JourneyState
from automation.queries.journeys import active_journeys
from automation.queries.standings import PLACES, Place, standings
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
    statement = (
        select(*PLACES)
        .join(Timer, and_(col(Timer.clinic_id) == Enrolment.clinic_id, col(Timer.enrolment_id) == Enrolment.id))
        .where(col(Timer.due_at) <= now, col(Enrolment.journey_id) == func.any(list(journeys)))
        .order_by(col(Timer.due_at))
        .limit(limit)
        .with_for_update(of=(Timer, Enrolment), skip_locked=True)
    )
    places = [Place(*row) for row in await sweeping.execute(statement)]
    await _moved(sweeping, means, places, journeys, now)
    return len(places)


async def _moved(
    sweeping: Sweeping, means: Means, places: Sequence[Place], journeys: Mapping[UUID, Journey], now: datetime
) -> None:
    """All together; where that fails by halves, until who cannot be moved stands alone."""
    if not places:
        return
    try:
        async with sweeping.begin_nested():
            known = await standings(sweeping, places, journeys, now)
            ways = [Way(each, journeys[each.journey_id], known.get(each.key), Move(each.step, now)) for each in places]
            await move(sweeping, means, ways, now)
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        if len(places) == 1:
            told = {"enrolment": str(places[0].enrolment_id), "error": type(error).__name__}
            _LOG.error(json.dumps(told))  # an exception's words may hold facts of patients
            await fail(sweeping, places[0], now)
            return
        middle = len(places) // 2
        for half in (places[:middle], places[middle:]):
            await _moved(sweeping, means, half, journeys, now)
