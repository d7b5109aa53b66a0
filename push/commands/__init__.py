"""The verbs of push: bind phones, enqueue and cancel notices, claim, record, confirm, agree."""

from push.commands.claims import Due, claim
from push.commands.consents import ConsentTextOutdated, Proof, set_consent, text_agreed_to
from push.commands.devices import DeviceFacts, forget_devices, register_device, unbind_devices
from push.commands.outbox import cancel_across, enqueue_across
from push.commands.outcomes import Answer, record_outcomes
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
    "confirm",
    "enqueue_across",
    "forget_devices",
    "record_outcomes",
    "register_device",
    "set_consent",
    "text_agreed_to",
    "unbind_devices",
]
