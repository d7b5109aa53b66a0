"""What a clinic's own system is told of a journey's step, how we sign it, and when it is told again.

The form is that of Standard Webhooks 1.0 (standardwebhooks.com): three headers, HMAC-SHA256 over id, moment and body.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from core.moments import rfc3339

KIND = "journey.step"
GONE = 410
"""Whoever answers so wants nothing of it any more."""
_OK = range(200, 300)
_M, _H = timedelta(minutes=1), timedelta(hours=1)
PAUSES: Sequence[timedelta] = (
    timedelta(seconds=5), 5 * _M, 30 * _M, 2 * _H, 5 * _H, 10 * _H, 14 * _H, 20 * _H, 24 * _H,
)  # fmt: skip
"""After each try that failed, the next one; three days in all."""
_SHORTEST_REST, _LONGEST_REST, _MOST_DOUBLINGS = timedelta(seconds=5), 10 * _M, 8


class WebhookState(StrEnum):
    DUE = "due"
    DONE = "done"
    """The other side has it."""
    DEAD = "dead"
    """It will not be tried again by itself."""


class Failure(StrEnum):
    """Why a try failed; a stable code."""

    REFUSED = "refused"
    """Answered with another status than 2xx."""
    GONE = "gone"
    UNREACHABLE = "unreachable"
    ADDRESS_REFUSED = "address-refused"
    """Its name leads to an address that may not be called."""
    ENDPOINT_GONE = "endpoint-gone"


def body_of(
    clinic_id: UUID, enrolment_id: UUID, seq: int, patient_id: UUID, journey: str, step: str, at: datetime
) -> bytes:  # fmt: skip
    """Ids, names and a moment: no word of the patient and none of their health. The same for every try."""
    data = {
        "clinic_id": str(clinic_id), "enrolment_id": str(enrolment_id), "seq": seq, "patient_id": str(patient_id),
        "journey": journey, "step": step,
    }  # fmt: skip
    return json.dumps({"type": KIND, "timestamp": rfc3339(at), "data": data}, separators=(",", ":")).encode()


def webhook_key(keyed_hash: Callable[[str, str], bytes], clinic_id: UUID, endpoint_id: UUID) -> bytes:
    """What calls to it are signed with: made of its id by the house's key, and kept nowhere."""
    return keyed_hash(f"webhook {clinic_id}", str(endpoint_id))


def secret_text(key: bytes) -> str:
    """A secret as whoever checks signatures is given it."""
    return "whsec_" + base64.b64encode(key).decode()


def signature(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    signed = hmac.digest(key, f"{webhook_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(signed).decode()


def failure_of(status: int) -> Failure | None:
    """None for an answer that says: I have it."""
    if status in _OK:
        return None
    return Failure.GONE if status == GONE else Failure.REFUSED


def pause_after(tries: int, dice: float) -> timedelta | None:
    """How long until the next try, once `tries` have failed; None where there is none. `dice`: 0 to 1.

    Up to a fifth longer, so that what failed together does not come back together.
    """
    return None if tries > len(PAUSES) else PAUSES[tries - 1] * (1 + dice / 5)


def rest_after(failures: int, dice: float) -> timedelta:
    """How long nobody calls a system that failed so often in a row."""
    rest = min(_SHORTEST_REST * (1 << min(failures - 1, _MOST_DOUBLINGS)), _LONGEST_REST)
    return rest * (1 + dice / 5)
