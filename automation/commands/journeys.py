"""Launches a journey in one go: a draft of it, published."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlmodel import col

from automation.commands.drafts import make_draft
from automation.commands.publishing import Deed, publish
from automation.journey.document import Journey
from automation.journey.words import Carrying, JourneyState
from automation.queries.journeys import JourneyCard, journey_card, journey_row
from automation.tables import JourneyRow
from core.database import Writing
from core.errors import Conflict
from core.events import SYSTEM, Actor

_TAKES = (JourneyState.ACTIVE.value, JourneyState.PAUSED.value)


class JourneyAlreadyRuns(Conflict):
    """One version of a journey takes people in at a time."""

    slug = "journey-already-runs"


async def start_journey(
    writing: Writing, clinic_id: UUID, journey: Journey, now: datetime, actor: Actor = SYSTEM
) -> JourneyCard:
    """Launch it; from the next tick on it takes people in. Where it runs already a new version needs a draft.

    Raises `JourneyAlreadyRuns`, `JourneyDraftExists`, and `Invalid` with every fault of it. Of two at once the second
    waits for the first at the draft, and then finds it running.
    """
    draft = await make_draft(writing, clinic_id, journey, actor, now)
    mine = (col(JourneyRow.clinic_id) == clinic_id, col(JourneyRow.key) == journey.key)
    runs = select(col(JourneyRow.id)).where(*mine, col(JourneyRow.state).in_(_TAKES)).limit(1)
    if (await writing.execute(runs)).first() is not None:
        raise JourneyAlreadyRuns
    deed = Deed(clinic_id, actor, now)
    await publish(writing, deed, draft.journey_id, draft.digest, Carrying.NEWCOMERS)
    row = await journey_row(writing, clinic_id, draft.journey_id)
    assert row is not None
    return journey_card(row)
