"""What the demo says of reaching people: the usual rules, with somebody who calls whom nothing else has reached."""

from datetime import datetime
from uuid import UUID

from core.database import Writing
from core.events import SYSTEM
from push.commands.contacts import set_contact_policy
from push.queries.contacts import USUAL_POLICY


async def rule_contacts(writing: Writing, clinic_id: UUID, now: datetime) -> None:
    """No quiet hours of the clinic's: whoever looks at the demo at night wants to see a push."""
    await set_contact_policy(writing, clinic_id, USUAL_POLICY.model_copy(update={"calls": True}), SYSTEM, now)
