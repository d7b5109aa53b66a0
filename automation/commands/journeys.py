"""Launches a journey."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from automation.journey import Journey, JourneyState
from automation.queries.journeys import JourneyCard, journey_card
from automation.tables import JourneyRow
from core.database import Writing
from core.errors import Conflict
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id


class JourneyAlreadyRuns(Conflict):
    """One version of a journey takes people in at a time."""

    slug = "journey-already-runs"


async def start_journey(
    writing: Writing, clinic_id: UUID, journey: Journey, now: datetime, actor: Actor = SYSTEM
) -> JourneyCard:
    """Launch this version; from the next tick on it takes people in. Raises `JourneyAlreadyRuns`."""
    row = {
        "clinic_id": clinic_id, "id": new_id(), "key": journey.key, "version": journey.version,
        "definition": journey.definition(), "state": JourneyState.ACTIVE.value, "started_at": now,
    }  # fmt: skip
    made = insert(JourneyRow).values(row).on_conflict_do_nothing().returning(JourneyRow)
    started = (await writing.execute(made)).scalar_one_or_none()
    if started is None:
        raise JourneyAlreadyRuns
    facts = {"key": journey.key, "version": journey.version}
    await record(writing, clinic_id, actor, [Happening("journey.started", started.id, facts=facts)], now)
    return journey_card(started)
