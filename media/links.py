"""Signed links: whoever holds one may fetch one file of one picture for five minutes, and nothing else."""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from uuid import UUID

from core.errors import Gone, NotAllowed

LINK_LIFE = timedelta(minutes=5)
SIGNATURE_LENGTH = 128
_PROOF = 32
_EXPIRY = 6
# Bytes: of the whole a multiple of three, so that no letter of its text has bits to spare.
_MARK = 9
_HEAD = 16 + _EXPIRY + 1 + 16 + 16 + _MARK
_LENGTH = _HEAD + _PROOF


class LinkRefused(NotAllowed):
    """Tampered with, cut off, or signed for another file."""

    slug = "media-link-refused"


class LinkExpired(Gone):
    slug = "media-link-expired"


class Holder(IntEnum):
    """To whom a link was given: what they may see is asked again when it is opened."""

    STAFF = 1
    PATIENT = 2
    GUARDIAN = 3
    """Whoever opens somebody else's record: what is private is none of theirs."""


@dataclass(frozen=True, slots=True)
class GivenTo:
    """Who asked for a link, signed in how: whether they still may see it is asked when it is opened."""

    holder: Holder
    account_id: UUID
    session_id: UUID


@dataclass(frozen=True, slots=True)
class Link:
    """What a link proves: given to whom, of which clinic. `mark` stands for the patient and names nobody."""

    clinic_id: UUID
    given_to: GivenTo
    mark: bytes


def signature(
    key: bytes, clinic_id: UUID, patient_id: UUID, picture_id: UUID, variant: StrEnum, given_to: GivenTo,
    expires_at: datetime,
) -> str:  # fmt: skip
    """What a link carries: clinic, expiry, whom it is given to and mark (not secret), and the proof over them and the
    file.

    128 letters. The picture and the variant stand in the path and are bound by the proof.
    """
    expiry = int(expires_at.timestamp()).to_bytes(_EXPIRY, "big")
    who = bytes([given_to.holder]) + given_to.account_id.bytes + given_to.session_id.bytes
    head = clinic_id.bytes + expiry + who + patient_mark(key, patient_id, picture_id)
    return base64.urlsafe_b64encode(head + _proof(key, head, picture_id, variant)).decode().rstrip("=")


def opened_link(key: bytes, picture_id: UUID, variant: StrEnum, given: str, now: datetime) -> Link:
    """What this signature opens. Raises `LinkRefused`, `LinkExpired`."""
    try:
        raw = base64.b64decode(given + "=" * (-len(given) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkRefused from None
    if len(raw) != _LENGTH:
        raise LinkRefused
    head = raw[:_HEAD]
    if not hmac.compare_digest(raw[_HEAD:], _proof(key, head, picture_id, variant)):
        raise LinkRefused
    if now >= datetime.fromtimestamp(int.from_bytes(head[16 : 16 + _EXPIRY], "big"), UTC):
        raise LinkExpired
    who = head[16 + _EXPIRY : -_MARK]
    given_to = GivenTo(Holder(who[0]), UUID(bytes=who[1:17]), UUID(bytes=who[17:]))
    return Link(UUID(bytes=head[:16]), given_to, head[-_MARK:])


def patient_mark(key: bytes, patient_id: UUID, picture_id: UUID) -> bytes:
    """Nine bytes that tell whether a picture is still the patient's whom the link was given for."""
    return hmac.new(key, b"media patient\0" + patient_id.bytes + picture_id.bytes, hashlib.sha256).digest()[:_MARK]


def _proof(key: bytes, head: bytes, picture_id: UUID, variant: StrEnum) -> bytes:
    # Every part but the last has a fixed length: no two links share a message.
    message = b"media link\0" + head + picture_id.bytes + variant.value.encode()
    return hmac.new(key, message, hashlib.sha256).digest()
