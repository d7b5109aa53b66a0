"""What a push carries so that the app, woken for a moment and not signed in, can say that the message has arrived.

Whoever holds one may say that one account's device has one conversation up to one message, and nothing else: it opens
nothing, reads nothing, and never says that anybody has seen anything.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

_ID, _NUMBER, _EXPIRY, _PROOF = 16, 4, 6, 16
_HEAD = 4 * _ID + _NUMBER + _EXPIRY
TOKEN_LENGTH = 120


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that a phone has: of which conversation, signed in by which session."""

    clinic_id: UUID
    conversation_id: UUID
    account_id: UUID
    session_id: UUID
    seq: int


def arrival_token(key: bytes, arrival: Arrival, expires_at: datetime) -> str:
    """120 letters: what has arrived (ids, not secret), until when it may be said, and the proof over them."""
    ids = (arrival.clinic_id, arrival.conversation_id, arrival.account_id, arrival.session_id)
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY, "big")
    head = b"".join(each.bytes for each in ids) + arrival.seq.to_bytes(_NUMBER, "big") + expiry
    return base64.urlsafe_b64encode(head + _proof(key, head)).decode()


def arrival_of(key: bytes, token: str, now: datetime) -> Arrival | None:
    """What this token says; None for one that is not ours, cut off, or too old."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    head = raw[:_HEAD]
    if len(raw) != _HEAD + _PROOF or not hmac.compare_digest(raw[_HEAD:], _proof(key, head)):
        return None
    if now >= datetime.fromtimestamp(int.from_bytes(head[-_EXPIRY:], "big"), UTC):
        return None
    clinic, conversation, account, session = (UUID(bytes=head[at : at + _ID]) for at in range(0, 4 * _ID, _ID))
    return Arrival(clinic, conversation, account, session, int.from_bytes(head[4 * _ID : 4 * _ID + _NUMBER], "big"))


def _proof(key: bytes, head: bytes) -> bytes:
    return hmac.new(key, b"chat arrival\0" + head, hashlib.sha256).digest()[:_PROOF]
