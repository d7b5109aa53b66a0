"""Tokens in the links that we send: whose and for what, opaque, and nobody else can make one.

They say nothing to who reads them: what they hold is hidden under a pad that only we can make, and the proof over it is
of one purpose. The same thing has the same token, so a repeat of a message is the same message. Nothing is kept.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

_PROOF, _HELD = 10, 32
LENGTH = 56


@dataclass(frozen=True, slots=True)
class Named:
    """What a token stands for: a thing of a clinic, and the purpose it was made for."""

    clinic_id: UUID
    thing_id: UUID
    purpose: str


def token_of(key: bytes, named: Named) -> str:
    """56 letters of the alphabet of addresses."""
    held = named.clinic_id.bytes + named.thing_id.bytes
    proof = _proof(key, held, named.purpose)
    return base64.urlsafe_b64encode(proof + _hidden(key, proof, held)).decode()


def named_by(key: bytes, token: str, purposes: Iterable[str]) -> Named | None:
    """What `token` stands for, where it was made for one of these purposes; None for any other text."""
    try:
        raw = base64.b64decode(token, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _PROOF + _HELD:
        return None
    proof, held = raw[:_PROOF], _hidden(key, raw[:_PROOF], raw[_PROOF:])
    fits = [each for each in purposes if hmac.compare_digest(proof, _proof(key, held, each))]
    return Named(UUID(bytes=held[:16]), UUID(bytes=held[16:]), fits[0]) if fits else None


def _proof(key: bytes, held: bytes, purpose: str) -> bytes:
    return hmac.digest(key, b"proof\0" + purpose.encode() + b"\0" + held, hashlib.sha256)[:_PROOF]


def _hidden(key: bytes, proof: bytes, held: bytes) -> bytes:
    """Both ways alike. The proof is another for each thing and purpose, so no pad serves twice."""
    pad = hmac.digest(key, b"pad\0" + proof, hashlib.sha256)
    return bytes(one ^ other for one, other in zip(held, pad, strict=True))
