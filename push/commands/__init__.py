"""The verbs of push: bind phones, enqueue and cancel notices, claim, record, confirm, agree."""

from push.commands.claims import Due, claim
from push.commands.consents import set_consent
from push.commands.devices import DeviceFacts, register_device, unbind_devices
from push.commands.outbox import cancel_across, enqueue_across
from push.commands.outcomes import Answer, record_outcomes
from push.commands.receipts import Receipt, ReceiptEvent, confirm

__all__ = [
    "Answer",
    "DeviceFacts",
    "Due",
    "Receipt",
    "ReceiptEvent",
    "cancel_across",
    "claim",
    "confirm",
    "enqueue_across",
    "record_outcomes",
    "register_device",
    "set_consent",
    "unbind_devices",
]
