"""The journeys that the demo clinic has launched: each for another reason, none that needs a choice."""

from datetime import datetime
from uuid import UUID

from automation.commands import start_journey
from automation.templates import TEMPLATES
from core.database import Writing

LAUNCHED = (
    "hygiene-recall", "consultation-missed", "plan-continue", "estimate-waiting", "visit-remind", "documents-waiting",
)  # fmt: skip


async def launch_journeys(writing: Writing, clinic_id: UUID, now: datetime) -> None:
    for key in LAUNCHED:
        await start_journey(writing, clinic_id, TEMPLATES[key].draft("en"), now)
