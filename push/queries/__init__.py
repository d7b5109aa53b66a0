"""What is known of pushes: a patient's inbox, what was agreed to and the proof of it."""

from push.queries.consents import (
    MOST_WORDS,
    ConsentProof,
    ConsentState,
    consent_proofs,
    consent_states,
    consent_word,
    last_word,
)
from push.queries.inbox import InboxItem, has_other_phone, inbox, meant_for, unread_notices

__all__ = [
    "MOST_WORDS",
    "ConsentProof",
    "ConsentState",
    "InboxItem",
    "consent_proofs",
    "consent_states",
    "consent_word",
    "has_other_phone",
    "inbox",
    "last_word",
    "meant_for",
    "unread_notices",
]
