"""Signed links: whoever holds one may fetch one file of one picture for five minutes, and nothing else."""

import base64
import binascii
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.errors import Gone, NotAllowed
from media.kinds import Variant

LINK_LIFE = timedelta(minutes=5)
SIGNATURE_LENGTH = 72
_PROOF = 32
_EXPIRY = 6
_LENGTH = 16 + _EXPIRY + _PROOF


class LinkRefused(NotAllowed):
    """Tampered with, cut off, or signed for another file."""

    slug = "media-link-refused"


class LinkExpired(Gone):
    slug = "media-link-expired"


def signature(key: bytes, clinic_id: UUID, picture_id: UUID, variant: Variant, expires_at: datetime) -> str:
    """What a link carries: clinic and expiry (not secret), and the proof over them and the file, as 72 letters.

    The picture and the variant stand in the path and are bound by the proof.
    """
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY, "big")
    proof = _proof(key, clinic_id, picture_id, variant, expiry)
    return base64.urlsafe_b64encode(clinic_id.bytes + expiry + proof).decode().rstrip("=")


def signed_clinic(key: bytes, picture_id: UUID, variant: Variant, given: str, now: datetime) -> UUID:
    """The clinic whose file this signature opens. Raises `LinkRefused`, `LinkExpired`."""
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkRefused from None
    if len(raw) != _LENGTH:
        raise LinkRefused
    clinic_id, expiry, proof = UUID(bytes=raw[:16]), raw[16 : 16 + _EXPIRY], raw[16 + _EXPIRY :]
    if not hmac.compare_digest(proof, _proof(key, clinic_id, picture_id, variant, expiry)):
        raise LinkRefused
    if now >= datetime.fromtimestamp(int.from_bytes(expiry, "big"), UTC):
        raise LinkExpired
    return clinic_id


def _proof(key: bytes, clinic_id: UUID, picture_id: UUID, variant: Variant, expiry: bytes) -> bytes:
    # Every part but the last has a fixed length: no two links share a message.
    message = b"media link\0" + clinic_id.bytes + picture_id.bytes + expiry + variant.value.encode()
    return hmac.new(key, message, hashlib.sha256).digest()
