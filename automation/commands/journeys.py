"""Launches a journey."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from automation.commands.doings import READY
from automation.journey.document import Journey
from automation.journey.words import JourneyState
from automation.queries.journeys import JourneyCard, journey_card
from automation.tables import JourneyRow
from core.database import Writing
from core.errors import Conflict, Fault, Invalid
from core.events import SYSTEM, Actor, Happening, record
from core.ids import new_id


class JourneyAlreadyRuns(Conflict):
    """One version of a journey takes people in at a time."""

    slug = "journey-already-runs"


async def start_journey(
    writing: Writing, clinic_id: UUID, journey: Journey, now: datetime, actor: Actor = SYSTEM
) -> JourneyCard:
    """Launch this version; from the next tick on it takes people in.

    Raises `JourneyAlreadyRuns`, and `Invalid` for a step that nobody here knows how to do.
    """
    faults = [
        Fault(f"/steps/{place}/kind", "cannot-be-done")
        for place, step in enumerate(journey.steps)
        if step.kind not in READY
    ]
    if faults:
        raise Invalid(*faults)
    row = {
        "clinic_id": clinic_id, "id": new_id(), "key": journey.key, "version": journey.version,
        "definition": journey.definition(), "state": JourneyState.ACTIVE.value, "started_at": now,
        "made_at": now, "changed_at": now,
    }  # fmt: skip
    made = insert(JourneyRow).values(row).on_conflict_do_nothing().returning(JourneyRow)
    started = (await writing.execute(made)).scalar_one_or_none()
    if started is None:
        raise JourneyAlreadyRuns
    facts = {"key": journey.key, "version": journey.version}
    await record(writing, clinic_id, actor, [Happening("journey.started", started.id, facts=facts)], now)
    return journey_card(started)
