"""What the demo says of privacy: Anna agreed to offers by push, refused them by text, and asked for her copy."""

from datetime import datetime
from uuid import UUID

from clinic.commands.privacy import Asker, ask_copy
from clinic.household import AccessScope
from core.database import Writing
from core.events import Actor, ActorKind
from push.commands import Proof, set_consent, text_agreed_to
from push.consent import ConsentChannel
from push.consent_texts import present_version
from push.notice import Purpose


async def agree_and_ask(writing: Writing, clinic_id: UUID, patient_id: UUID, account_id: UUID, now: datetime) -> None:
    """Words with their proof, and a copy that the worker makes as soon as it runs."""
    actor = Actor(ActorKind.PATIENT, account_id)
    text = text_agreed_to(Purpose.MARKETING, ConsentChannel.PUSH, present_version(), "it")
    await set_consent(
        writing, clinic_id, patient_id, Purpose.MARKETING, True, actor, now, proof=Proof("self", None, "switch", text)
    )
    await set_consent(
        writing, clinic_id, patient_id, Purpose.MARKETING, False, actor, now,
        channel=ConsentChannel.SMS, proof=Proof("self", None, "switch", None),
    )  # fmt: skip
    everything = frozenset(scope.value for scope in AccessScope)
    await ask_copy(writing, clinic_id, patient_id, Asker(account_id, True, everything), actor, now)
