"""Writes down what a patient agrees to and what not; nothing is ever altered."""

from datetime import datetime
from uuid import UUID

from core.database import Writing
from core.events import Actor
from push.notice import Purpose
from push.queries import PUSH, last_word
from push.tables import ConsentRow


async def set_consent(
    writing: Writing, clinic_id: UUID, patient_id: UUID, purpose: Purpose, granted: bool, actor: Actor, now: datetime
) -> None:
    """Append the patient's word on pushes for `purpose`; saying the same again adds nothing."""
    if await last_word(writing, clinic_id, patient_id, purpose) is granted:
        return
    writing.add(
        ConsentRow(
            clinic_id=clinic_id,
            patient_id=patient_id,
            purpose=purpose.value,
            channel=PUSH,
            granted=granted,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            at=now,
        )
    )
