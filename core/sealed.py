"""Seals secrets of a clinic's servers for the database: AES-256-GCM under the house's key, bound to their use."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class SealBroken(Exception):
    """Sealed under another key, for something else, or damaged."""


def sealed(key: bytes, secret: str, bound: str) -> str:
    """`secret` as text that only `key` (32 bytes) and the same `bound` open. Twice the same secret gives two texts."""
    nonce = os.urandom(_NONCE)
    closed = AESGCM(key).encrypt(nonce, secret.encode(), bound.encode())
    return base64.urlsafe_b64encode(nonce + closed).decode()


def unsealed(key: bytes, text: str, bound: str) -> str:
    """Raises `SealBroken`."""
    try:
        raw = base64.urlsafe_b64decode(text)
        return AESGCM(key).decrypt(raw[:_NONCE], raw[_NONCE:], bound.encode()).decode()
    except (InvalidTag, ValueError, binascii.Error):
        raise SealBroken from None
