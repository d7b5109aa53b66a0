"""Names of mails that only we can make: one for each notice and address, the same on every repeat.

It stands in the bounce address, in Message-ID, and with the delivery as the provider's id. Whoever got the mail knows
its name; to make another's they would need the key.
"""

import base64
import hashlib
import hmac
import re
from uuid import UUID

_ADDRESS, _SEAL = 4, 10
TOKEN = re.compile(r"[a-z2-7]{48}")


def mail_token(key: str, notice_id: UUID, address: str) -> str:
    """48 signs of a-z and 2-7: mail systems on the way may turn capitals into small letters."""
    named = notice_id.bytes + _seal(key, b"to", address.lower().encode())[:_ADDRESS]
    return base64.b32encode(named + _seal(key, b"token", named)[:_SEAL]).decode("ascii").lower()


def is_ours(key: str, token: str) -> bool:
    """Whether `token` was made with `key`."""
    if not TOKEN.fullmatch(token):
        return False
    raw = base64.b32decode(token.upper())
    return hmac.compare_digest(_seal(key, b"token", raw[:-_SEAL])[:_SEAL], raw[-_SEAL:])


def notice_of(token: str) -> UUID:
    """The notice that a token `is_ours` was made for."""
    return UUID(bytes=base64.b32decode(token.upper())[:16])


def tokens_in(key: str, text: str) -> list[str]:
    """Every name of ours in `text`, each once, in order."""
    found = (each.lower() for each in re.findall(r"(?<![A-Za-z0-9])[A-Za-z2-7]{48}(?![A-Za-z0-9])", text))
    return [each for each in dict.fromkeys(found) if is_ours(key, each)]


def _seal(key: str, purpose: bytes, of: bytes) -> bytes:
    return hmac.digest(key.encode(), purpose + b"\0" + of, hashlib.sha256)
