"""Secrets we hand out: one-time codes, refresh tokens, client secrets, link codes; and their keyed hashes."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from identity.sign_in import CODE_DIGITS

# Crockford's alphabet: no I, L, O, U, so a code read aloud or off paper has one spelling.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LINK_CODE_LENGTH = 10
_REFRESH_LENGTH = 16 + 4 + 32


@dataclass(frozen=True, slots=True)
class RefreshToken:
    session_id: UUID
    generation: int
    proof: bytes


class Secrets:
    """Makes and checks secrets under the server's key."""

    def __init__(self, secret: str) -> None:
        self._key = hashlib.sha256(b"enamel secrets\0" + secret.encode()).digest()
        self.cursor_key = hashlib.sha256(b"enamel cursors\0" + secret.encode()).digest()
        self.arrival_key = hashlib.sha256(b"enamel chat arrivals\0" + secret.encode()).digest()

    def keyed_hash(self, purpose: str, value: str) -> bytes:
        """What is stored instead of `value`: useless without the key, so short codes cannot be tried offline."""
        return self._mac(purpose.encode() + b"\0" + value.encode())

    def refresh_token(self, session_id: UUID, seed: bytes, generation: int) -> str:
        head = session_id.bytes + generation.to_bytes(4, "big")
        return base64.urlsafe_b64encode(head + self._mac(b"refresh\0" + seed + head)).decode().rstrip("=")

    def proves(self, token: RefreshToken, seed: bytes) -> bool:
        head = token.session_id.bytes + token.generation.to_bytes(4, "big")
        return hmac.compare_digest(token.proof, self._mac(b"refresh\0" + seed + head))

    def _mac(self, message: bytes) -> bytes:
        return hmac.new(self._key, message, hashlib.sha256).digest()


def parsed_refresh(text: str) -> RefreshToken | None:
    """The parts of a refresh token, or None where it cannot be one. Proves nothing yet."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    if len(raw) != _REFRESH_LENGTH:
        return None
    return RefreshToken(UUID(bytes=raw[:16]), int.from_bytes(raw[16:20], "big"), raw[20:])


def new_code() -> str:
    return f"{secrets.randbelow(10**CODE_DIGITS):0{CODE_DIGITS}d}"


def new_link_code() -> str:
    """Fifty bits: what the clinic's desk hands to a person whose document it has seen."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(LINK_CODE_LENGTH))


def spoken_link_code(raw: str) -> str:
    """The code as we keep it, from how people type it (small letters, dashes, O for 0, I or L for 1)."""
    return raw.upper().replace("-", "").replace(" ", "").translate(str.maketrans("OIL", "011"))


def new_seed() -> bytes:
    return secrets.token_bytes(32)


def new_client_secret() -> str:
    return secrets.token_urlsafe(32)
