"""The verbs of push: bind phones, enqueue and cancel notices, claim, record, confirm, agree."""

from push.commands.claims import claim, claim_notices, claim_tries
from push.commands.consents import ConsentTextOutdated, Proof, set_consent, text_agreed_to
from push.commands.devices import (
    DeviceFacts,
    forget_devices,
    forget_unseen,
    register_device,
    unbind_devices,
    unbind_ended,
)
from push.commands.due import Due
from push.commands.fresh import notices_from
from push.commands.outbox import cancel_across, enqueue_across
from push.commands.outcomes import Answer, record_outcomes
from push.commands.quieting import quiet_visits
from push.commands.receipts import Receipt, ReceiptEvent, confirm

__all__ = [
    "Answer",
    "ConsentTextOutdated",
    "DeviceFacts",
    "Due",
    "Proof",
    "Receipt",
    "ReceiptEvent",
    "cancel_across",
    "claim",
    "claim_notices",
    "claim_tries",
    "confirm",
    "enqueue_across",
    "forget_devices",
    "forget_unseen",
    "notices_from",
    "quiet_visits",
    "record_outcomes",
    "register_device",
    "set_consent",
    "text_agreed_to",
    "unbind_devices",
    "unbind_ended",
]
